"""Before the first write of every command account, region and cluster are proven: else not one write is sent."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from common.aws import Aws
from common.errors import FleetError
from common.pulumi.exported_state import Identity, StackState, parse
from common.target import NotProvenError, Proven, ProvenCluster, prove
from sandbox.account.faults import Rule
from teardown import capture, fleet_teardown
from teardown.target import Target
from tests.support.account import ACCOUNT_ID, REGION
from tests.teardown.living import CLUSTER, other_authority

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.teardown.living import Living

OTHER_ACCOUNT, OTHER_REGION = "999999999999", "us-east-1"
TARGET = Target(ACCOUNT_ID, REGION, CLUSTER, "staging")

STACK = ("--stack=staging",)
QUICK = ("--deadline=0", "--reads=1", "--pause=0", "--settle=0", "--clear=0")
WRITING = {
    "run": ("--yes", "--recover", "--force", *QUICK),
    "drain": ("--yes", "--settle=0", "--clear=0"),
    "sweep": ("--yes", "--deadline=0"),
    "restore": ("--yes",),
}
"""Command → arguments with which it would write."""

READING = {
    "capture": (),
    "verify": ("--reads=1", "--pause=0"),
    "policy": (f"--account={ACCOUNT_ID}", f"--region={REGION}", f"--cluster={CLUSTER}"),
    "history": (),
    "keep": (),
    "when": (),
    "issue": ("--destroy=success", "--watchdog=success"),
}
"""Those that write nothing to AWS, Kubernetes or the state."""

WITHOUT_STACK = ("policy", "keep")


def arguments(living: Living, command: str) -> tuple[str, ...]:
    own = {**WRITING, **READING}[command]
    folder = () if command in ("issue", "when", *WITHOUT_STACK) else (f"--cwd={living.root}",)
    own = (living.version, *own) if command == "restore" else own
    return (command, *(() if command in WITHOUT_STACK else STACK), *folder, *own)


def settings_of_another_account(living: Living, _patch: pytest.MonkeyPatch) -> str:
    living.configure(accountId=OTHER_ACCOUNT)
    living.export(living.outputs(aws_account_id=OTHER_ACCOUNT))
    return f"the credentials are of account {ACCOUNT_ID}, but staging is in {OTHER_ACCOUNT}"


def state_of_another_account(living: Living, _patch: pytest.MonkeyPatch) -> str:
    living.export(living.outputs(aws_account_id=OTHER_ACCOUNT))
    return f"the state of staging is of account {OTHER_ACCOUNT}, but its settings say {ACCOUNT_ID}"


def arns_of_another_account(living: Living, _patch: pytest.MonkeyPatch) -> str:
    arn = f"arn:aws:iam::{OTHER_ACCOUNT}:role/x"
    living.export({}, {"type": "aws:iam/role:Role", "urn": "urn::x", "id": "x", "outputs": {"arn": arn}})
    return f"the state of staging is of account {OTHER_ACCOUNT}"


def captured_in_another_account(living: Living, _patch: pytest.MonkeyPatch) -> str:
    capture.write(living.captured, replace(TARGET, account_id=OTHER_ACCOUNT))
    return f"the captured file is of staging in {OTHER_ACCOUNT}"


def settings_of_another_region(living: Living, patch: pytest.MonkeyPatch) -> str:
    patch.delenv("AWS_REGION")
    patch.delenv("AWS_DEFAULT_REGION")
    living.configure(region=OTHER_REGION)
    return f"the state of staging is of region {REGION}, but its settings say {OTHER_REGION}"


def arns_of_another_region(living: Living, _patch: pytest.MonkeyPatch) -> str:
    arn = f"arn:aws:ec2:{OTHER_REGION}:{ACCOUNT_ID}:vpc/vpc-1"
    living.export({}, {"type": "aws:ec2/vpc:Vpc", "urn": "urn::x", "id": "vpc-1", "outputs": {"arn": arn}})
    return f"the state of staging is of region {OTHER_REGION}"


def environment_of_another_region(living: Living, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("AWS_REGION", OTHER_REGION)
    return f"AWS_REGION is {OTHER_REGION}, but the settings of staging say {REGION}: unset it"


def default_of_another_region(living: Living, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("AWS_DEFAULT_REGION", OTHER_REGION)
    return f"AWS_DEFAULT_REGION is {OTHER_REGION}, but the settings of staging say {REGION}: unset it"


def another_endpoint(living: Living, _patch: pytest.MonkeyPatch) -> str:
    living.export(living.outputs(cluster_endpoint="https://elsewhere.example"))
    return f"staging in {ACCOUNT_ID}, {REGION} is at {living.cluster['endpoint']}, but the state says https://elsewhere"


def another_endpoint_of_the_resource(living: Living, _patch: pytest.MonkeyPatch) -> str:
    """The resource's own outputs count before those of the stack."""
    own = {"name": CLUSTER, "endpoint": "https://elsewhere.example"}
    resource = {"type": "aws:eks/cluster:Cluster", "urn": "urn::c", "id": CLUSTER, "outputs": own}
    living.export(living.outputs(), resource)
    return "but the state says https://elsewhere.example"


def another_authority(living: Living, _patch: pytest.MonkeyPatch) -> str:
    living.export(living.outputs(cluster_certificate_authority=other_authority(living.root / "other")))
    return "has the certificate authority sha256:"


def another_name(living: Living, _patch: pytest.MonkeyPatch) -> str:
    living.export(living.outputs(cluster_name="staging-2"))
    return "the state of staging is of cluster staging-2, but its settings say staging"


def credentials_that_do_not_say(living: Living, _patch: pytest.MonkeyPatch) -> str:
    living.strike(Rule("ExpiredToken", "sts", "GetCallerIdentity"))
    return "the credentials have expired"


def cluster_that_is_not_known(living: Living, _patch: pytest.MonkeyPatch) -> str:
    living.strike(Rule("AccessDeniedException", "eks", "DescribeCluster"))
    return "eks:DescribeCluster"


def state_that_is_not_known(living: Living, _patch: pytest.MonkeyPatch) -> str:
    (living.root / "state.json").write_text("no state")
    return "the stack's state is unknown"


WRONG: list[Callable[[Living, pytest.MonkeyPatch], str]] = [
    settings_of_another_account,
    state_of_another_account,
    arns_of_another_account,
    captured_in_another_account,
    settings_of_another_region,
    arns_of_another_region,
    environment_of_another_region,
    default_of_another_region,
    another_endpoint,
    another_endpoint_of_the_resource,
    another_authority,
    another_name,
    credentials_that_do_not_say,
    cluster_that_is_not_known,
    state_that_is_not_known,
]


def test_each_command_is_one_that_writes_or_one_that_does_not() -> None:
    """A new command must be put into WRITING or READING, and is tried with everything below."""
    names = {
        each.name or (each.callback.__name__ if each.callback else "")
        for each in fleet_teardown.app.registered_commands
    }
    assert names == WRITING.keys() | READING.keys()


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_not_one_write_is_sent_where_something_is_another_s(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: Callable[..., str]
) -> None:
    why, before = wrong(living, monkeypatch), living.calls
    # The way back from a state that is unknown does not ask it.
    commands = WRITING.keys() - ({"restore"} if wrong is state_that_is_not_known else set[str]())
    for command in commands:
        assert living.run(monkeypatch, *arguments(living, command)) in (1, 2), command
        said = capsys.readouterr().err
        assert why in said.splitlines()[-1], (command, said)
        assert said.splitlines()[-1].startswith("teardown: ")
        assert "Traceback" not in said
        assert living.api.requests == [], command
    if wrong in (settings_of_another_account, environment_of_another_region, another_endpoint):
        for command in READING:
            living.run(monkeypatch, *arguments(living, command))
    assert living.writes(before) == []
    assert living.api.writes == []
    assert living.pulumi == []


@pytest.mark.parametrize("command", ["drain", "sweep"])
def test_a_refusal_is_one_line(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    another_endpoint(living, monkeypatch)
    living.run(monkeypatch, *arguments(living, command))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("Nothing was changed")


@pytest.mark.parametrize("command", ["drain", "sweep", "run"])
def test_nothing_is_shown_of_another_cluster_without_yes(
    living: Living, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    another_endpoint(living, monkeypatch)
    dry = [each for each in arguments(living, command) if each != "--yes"]
    assert living.run(monkeypatch, *dry) == 2
    assert living.api.requests == []


@pytest.mark.parametrize("missing", ["cluster_endpoint", "cluster_certificate_authority"])
def test_a_state_that_proves_no_cluster_skips_the_drain_and_says_so(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    living.export({key: value for key, value in living.outputs().items() if key != missing})
    living.run(monkeypatch, *arguments(living, "run"))
    said = capsys.readouterr().err
    assert "has no endpoint and certificate authority, so no cluster is proven to be its: skipping the drain" in said
    assert "\n   skipped (" in said, "a drain that did not happen is not called done"
    assert living.api.requests == []
    assert any("destroy" in line for line in living.pulumi)


def test_a_cluster_that_is_being_made_is_not_held_against_an_earlier_one_s_endpoint(living: Living) -> None:
    """The stack's outputs outlive the cluster that they were of, and a rebuild that was killed has none of its own."""
    urn = "urn:pulumi:staging::p::aws:eks/cluster:Cluster::cluster"
    pending = {"type": "creating", "resource": {"type": "aws:eks/cluster:Cluster", "urn": urn}}
    stack = {"type": "pulumi:pulumi:Stack", "outputs": living.outputs(cluster_endpoint="https://earlier.example")}
    state = parse(json.dumps({"deployment": {"resources": [stack], "pending_operations": [pending]}}))
    assert (state.identity.endpoint, state.identity.authority) == ("", "")
    assert state.identity.account_ids == {ACCOUNT_ID}
    cluster, why = prove(Aws(REGION), TARGET, state).cluster()
    assert cluster is None
    assert "no cluster is proven" in why


def test_the_drain_reaches_the_state_s_api_server_by_the_state_s_authority(living: Living) -> None:
    state = parse((living.root / "state.json").read_text())
    cluster, why = prove(Aws(REGION), TARGET, state).cluster()
    assert cluster, why
    assert cluster.server == living.cluster["endpoint"]


def test_the_outputs_of_the_resource_are_enough(living: Living) -> None:
    own = {key: living.cluster[key] for key in ("name", "endpoint", "arn", "certificateAuthority")}
    resource = {"type": "aws:eks/cluster:Cluster", "urn": "urn::c", "id": CLUSTER, "outputs": own}
    living.export({}, resource)
    identity = parse((living.root / "state.json").read_text()).identity
    authority = living.cluster["certificateAuthority"]["data"]
    regions = frozenset({REGION})
    assert identity == Identity(frozenset({ACCOUNT_ID}), regions, CLUSTER, living.cluster["endpoint"], authority)


def test_clients_that_are_not_proven_read_and_do_not_write(living: Living) -> None:
    living.home.leave()
    aws, before = Aws(REGION), living.calls
    volume = living.home.made["volume"][0]
    assert aws.client("ec2").describe_volumes(VolumeIds=[volume])["Volumes"]
    for write in (
        lambda: aws.client("ec2").delete_volume(VolumeId=volume),
        lambda: aws.client("elbv2").delete_load_balancer(LoadBalancerArn=living.home.made["load balancer"][0]),
        lambda: aws.client("logs").delete_log_group(logGroupName=living.home.made["log group"][0]),
        lambda: aws.client("s3").put_object(Bucket="x", Key="y", Body=b""),
    ):
        with pytest.raises(FleetError, match="was not sent: account, region and cluster are not proven"):
            write()
    assert living.writes(before) == []


def test_nothing_but_the_proof_makes_what_may_write(living: Living) -> None:
    with pytest.raises(TypeError):
        Proven(Aws(REGION), TARGET, StackState(), "ACTIVE", object())
    with pytest.raises(TypeError):
        ProvenCluster(TARGET, living.cluster["endpoint"], living.cluster["certificateAuthority"]["data"], object())


def test_the_proof_of_one_stack_is_none_of_another(living: Living) -> None:
    proven = prove(Aws(REGION), TARGET, StackState())
    proven.require("staging")
    with pytest.raises(NotProvenError, match=re.escape("staging is proven, not production")):
        proven.require("production")


def test_an_environment_without_a_region_is_no_obstacle(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert prove(Aws(REGION), TARGET, StackState()).is_alive


def test_a_cluster_that_is_gone_is_no_other(living: Living) -> None:
    target = replace(TARGET, cluster="gone")
    state = StackState(identity=Identity(endpoint="https://gone.example", authority="x"))
    assert prove(Aws(REGION), target, state).cluster() == (None, "the cluster is gone")


def test_with_everything_right_each_command_does_write(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it, the tests above could not fail."""
    living.home.leave()
    living.run(monkeypatch, *arguments(living, "drain"))
    assert {method for method, _path in living.api.writes} == {"PATCH", "DELETE"}
    before = living.calls
    living.run(monkeypatch, *arguments(living, "sweep"))
    assert "elasticloadbalancing:DeleteLoadBalancer" in living.writes(before)
    assert living.pulumi == []
    before = living.calls
    living.run(monkeypatch, *arguments(living, "restore"))
    assert any(call.startswith("s3:") for call in living.writes(before))
    living.run(monkeypatch, *arguments(living, "run"))
    assert ["--non-interactive", "destroy", "--yes", "--skip-preview", "--stack", "staging"] in living.pulumi
