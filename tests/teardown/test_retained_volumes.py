"""A volume whose PersistentVolume says Retain outlives the night, and every night lists it with its command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.aws import Aws
from common.pulumi.exported_state import StackState
from common.target import prove
from infra.contract import names
from sandbox.account.faults import Rule
from teardown import capture, retained_volumes, sweep, verify
from teardown.target import PersistentVolume, Target
from tests.support.account import ACCOUNT_ID, REGION
from tests.teardown.living import CLUSTER

if TYPE_CHECKING:
    from common.target import Proven
    from tests.teardown.living import Living

IN_TREE = "aws://eu-west-2a/vol-0a"
MINE = ("--stack=staging", "--yes")
DRAIN = ("drain", *MINE, "--settle=0", "--clear=0")
SWEEP = ("sweep", *MINE, "--deadline=0", "--json")


def manifest(policy: str | None, **source: Any) -> dict[str, Any]:
    spec = {"persistentVolumeReclaimPolicy": policy} if policy else {}
    return {"metadata": {"name": "data"}, "spec": {**spec, **source}}


def ebs(handle: str, driver: str = retained_volumes.DRIVER) -> dict[str, Any]:
    return {"driver": driver, "volumeHandle": handle}


@pytest.mark.parametrize(
    ("given_manifest", "read"),
    [
        (manifest("Retain", csi=ebs("vol-0a")), PersistentVolume("data", "vol-0a", True)),
        (manifest("Delete", csi=ebs("vol-0a")), PersistentVolume("data", "vol-0a", False)),
        (manifest(None, csi=ebs("vol-0a")), PersistentVolume("data", "vol-0a", True)),
        (manifest("Retain", awsElasticBlockStore={"volumeID": IN_TREE}), PersistentVolume("data", "vol-0a", True)),
        (manifest("Retain", awsElasticBlockStore={"volumeID": "vol-0a"}), PersistentVolume("data", "vol-0a", True)),
        (manifest("Retain", csi=ebs("fs-0a", "efs.csi.aws.com")), None),
        (manifest("Retain", csi=ebs("vol-0a", "another.csi.example")), None),
        (manifest("Retain", csi=ebs("--all")), None),
        (manifest("Retain", hostPath={"path": "/"}), None),
    ],
)
def test_a_persistent_volume_names_its_ebs_volume_and_policy(
    given_manifest: dict[str, Any], read: PersistentVolume | None
) -> None:
    assert retained_volumes.parse(given_manifest) == read


VOLUMES = st.builds(PersistentVolume, st.just("pv"), st.sampled_from(["vol-a", "vol-b", "vol-c"]), st.booleans())


@given(st.lists(VOLUMES), st.lists(VOLUMES))
def test_what_was_retained_once_stays_retained_and_nothing_else_becomes_so(
    earlier: list[PersistentVolume], now: list[PersistentVolume]
) -> None:
    target = retained_volumes.retained(retained_volumes.retained(Target("1", "r", "c", "s"), earlier), now)
    kept = {each.volume_id for each in (*earlier, *now) if each.is_retained}
    for volume in ("vol-a", "vol-b", "vol-c"):
        assert bool(target.why_kept(volume, {})) is (volume in kept)


def volume(living: Living, **tags: str) -> str:
    """A volume of the cluster's EBS CSI driver that is attached to nothing."""
    driver = {"ebs.csi.aws.com/cluster": "true", "ebs.csi.aws.com/cluster-name": CLUSTER}
    return living.home.maker.volume(living.home.place, {**driver, **tags})


def there(living: Living, *volumes: str) -> list[str]:
    """Which of the volumes exist."""
    found = living.clients.ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": list(volumes)}])["Volumes"]
    return sorted(each["VolumeId"] for each in found)


def tags(living: Living, volume_id: str) -> dict[str, str]:
    (found,) = living.clients.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"]
    return {tag["Key"]: tag["Value"] for tag in found["Tags"]}


TARGET = Target(ACCOUNT_ID, REGION, CLUSTER, "staging")


def proven() -> Proven:
    """As the next night on another machine has them: without state, and without a captured file."""
    return prove(Aws(REGION), TARGET, StackState())


def test_the_drain_remembers_what_is_retained_before_it_deletes_anything(
    living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, gone = volume(living), volume(living)
    living.persistent_volume(kept)
    living.persistent_volume(gone, "Delete", "scratch")
    living.run(monkeypatch, *DRAIN, f"--cwd={living.root}")
    assert tags(living, kept)[names.RECLAIM_POLICY_TAG] == "Retain"
    assert names.RECLAIM_POLICY_TAG not in tags(living, gone)
    assert capture.read(living.captured).persistent_volumes == (PersistentVolume("data", kept, True),)

    swept = sweep.plan(proven(), TARGET, ())
    assert kept not in {each.id for each in swept.doomed}
    assert gone in {each.id for each in swept.doomed}
    living.clients.ec2.delete_volume(VolumeId=kept)


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.parametrize("command", ["drain", "sweep", "run"])
def test_nothing_is_deleted_when_the_cluster_does_not_say_what_is_retained(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, status: int
) -> None:
    before = living.calls
    living.api.fails["persistentvolumes"] = status
    monkeypatch.setattr("common.kubernetes.api.ATTEMPTS", 1)
    assert living.run(monkeypatch, command, *MINE, f"--cwd={living.root}") in (1, 2)
    assert "which volumes are to be retained is unknown" in capsys.readouterr().err
    assert living.api.writes == []
    assert living.writes(before) == []
    assert living.pulumi == []


def test_a_tag_that_cannot_be_written_is_said_and_the_volume_is_kept(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = volume(living)
    living.persistent_volume(kept)
    living.strike(Rule("UnauthorizedOperation", "ec2", "CreateTags"))
    living.run(monkeypatch, *DRAIN, f"--cwd={living.root}")
    said = capsys.readouterr().err
    assert f"{kept} is kept by this run, but its tag cannot be written" in said
    assert "the credentials lack ec2:CreateTags" in said
    assert f"aws ec2 create-tags --resources {kept} --tags Key=infra-fleet/reclaim-policy,Value=Retain" in said
    assert kept not in {each.id for each in sweep.plan(proven(), capture.read(living.captured), ()).doomed}
    living.clients.ec2.delete_volume(VolumeId=kept)


def test_a_sweep_of_a_living_cluster_takes_no_volume_that_a_persistent_volume_has(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Deployment that is scaled to none has its volume detached, and wants it back in the morning."""
    scaled, kept, orphan = volume(living), volume(living), volume(living)
    living.persistent_volume(scaled, "Delete", "scaled-to-none")
    living.persistent_volume(kept)
    living.run(monkeypatch, *SWEEP, f"--cwd={living.root}")
    assert there(living, scaled, kept, orphan) == sorted([scaled, kept])
    told = json.loads(capsys.readouterr().out)
    held = {row["id"]: row["note"] for row in told["stays"]}
    assert held[scaled] == "the PersistentVolume scaled-to-none of the living cluster uses it"
    (row,) = told["kept"]
    assert (row["id"], row["note"]) == (kept, "the PersistentVolume data says Retain")
    assert tags(living, kept)[names.RECLAIM_POLICY_TAG] == "Retain"
    living.clients.ec2.delete_volume(VolumeId=kept)


def test_a_sweep_takes_no_volume_of_a_living_cluster_that_does_not_say_what_it_uses(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = volume(living)
    living.export({key: value for key, value in living.outputs().items() if key != "cluster_endpoint"})
    living.run(monkeypatch, *SWEEP, f"--cwd={living.root}")
    assert there(living, free) == [free]
    notes = {row["id"]: row["note"] for row in json.loads(capsys.readouterr().out)["stays"]}
    assert notes[free].startswith("it may be in use: the stack's state has no endpoint")


def test_what_is_kept_makes_no_night_unclean_and_is_listed_with_cost_and_command(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = volume(living, **{names.RECLAIM_POLICY_TAG: "Retain"})
    aws = proven()
    verdict = verify.verify(aws, TARGET, StackState, reads=1, pause=0.0)
    assert [each.id for each in verdict.kept] == [kept]
    assert kept not in {each.id for each in verdict.left}
    assert verify.Verdict((), (), (), kept=verdict.kept).clean

    summary = living.root / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    living.run(monkeypatch, "verify", "--stack=staging", f"--cwd={living.root}", "--reads=1", "--json")
    streams = capsys.readouterr()
    (row,) = json.loads(streams.out)["kept"]
    command = f"aws ec2 delete-volume --volume-id {kept}"
    assert row["command"] == command
    assert row["monthly"] > 0
    assert f"to remove what is kept:\n→ fleet sandbox exec -- {command}\n" in streams.err
    assert f"kept on purpose: 1 resource (${row['monthly']:.2f}/month)" in streams.err
    assert command in summary.read_text()
    living.clients.ec2.delete_volume(VolumeId=kept)


def test_a_tag_of_another_policy_or_another_s_volume_keeps_nothing(living: Living) -> None:
    deleted = volume(living, **{names.RECLAIM_POLICY_TAG: "Delete"})
    aws = proven()
    planned = sweep.plan(aws, TARGET, ())
    assert deleted in {each.id for each in planned.doomed}
    other = living.home.maker.volume(living.home.place, {"ebs.csi.aws.com/cluster-name": "staging-2"})
    target = retained_volumes.retained(TARGET, [PersistentVolume("data", other, True)])
    assert retained_volumes.remember(aws, target, living.captured) == []
    assert names.RECLAIM_POLICY_TAG not in tags(living, other)


def test_the_night_keeps_what_is_retained(
    living: Living, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, gone = volume(living), volume(living)
    living.persistent_volume(kept)
    quick = ("--deadline=3", "--reads=1", "--pause=0", "--settle=0", "--clear=0", "--json")
    living.run(monkeypatch, "run", *MINE, f"--cwd={living.root}", *quick)
    assert there(living, kept, gone) == [kept]
    told = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in told["kept"]] == [kept]
    living.clients.ec2.delete_volume(VolumeId=kept)
