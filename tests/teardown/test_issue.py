"""One issue while teardowns fail: opened, updated, closed by the next that succeeds, and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from common.errors import FleetError
from teardown import issue, report
from teardown.claim import Claim
from teardown.issue import Night, Told
from teardown.kinds import balancers, network, stack
from teardown.kinds.base import Leftover
from teardown.kinds.identity import ROLE
from teardown.reader import Reader
from tests.common.hostile import HOSTILE, obeyed
from tests.support import github_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.github_api import GitHubApi

READER = Reader("123456789012", "eu-west-2", "s3://state-bucket?region=eu-west-2")
BALANCER = "arn:aws:elasticloadbalancing:eu-west-2:123456789012:loadbalancer/net/k8s/1"


def night(destroy: str = "failure", watchdog: str = "skipped", *, stack: str = "staging", kept: bool = False) -> Night:
    failed = {job: result for job, result in (("destroy", destroy), ("watchdog", watchdog)) if issue.is_bad(result)}
    return Night(stack, failed, ended_well=destroy == issue.SUCCESS and not kept)


def opened(told: report.Report | None, destroy: str = "failure") -> str:
    """The body of the issue of a night, through the output that the job hands on."""
    return issue.body(night(destroy), issue.read(told.output if told else ""), READER)


def commands(body: str) -> list[str]:
    """The lines of its code block, without those that get credentials."""
    return [line.strip() for line in body.splitlines() if line.startswith(("    .venv/bin/fleet ", "    aws "))]


LOOK = ".venv/bin/fleet teardown verify --stack staging   # changes nothing"
LOGIN = 'aws sso login --profile "$AWS_PROFILE"   # or however you get them'
RECOVER = "run --stack staging --yes --recover"


def ours(night: Night) -> str:
    """The body of an issue that is ours."""
    return f"{issue.alarm(night.stack).marker}\n{issue.body(night, None, READER)}"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubApi]:
    with github_api.of_workflow(monkeypatch) as there:
        yield there


@pytest.mark.parametrize(
    ("destroy", "watchdog"), [("failure", "skipped"), ("cancelled", "skipped"), ("skipped", "failure")]
)
def test_a_failure_opens_one_and_the_next_updates_it(github: GitHubApi, destroy: str, watchdog: str) -> None:
    assert issue.report(night(destroy, watchdog), None, READER) == "opened: #1"
    assert github.issues[0]["title"] == "Nightly teardown of staging failed"
    assert "https://github.com/your-org/infra-fleet/actions/runs/7" in github.issues[0]["body"]
    assert issue.report(night(destroy, watchdog), None, READER) == "updated: #1"
    assert len(github.issues) == 1


def test_a_night_that_ended_well_closes_it(github: GitHubApi) -> None:
    github.issue(ours(night()))
    github.issue(ours(night(stack="blue")))
    assert issue.report(night("success"), None, READER) == "closed: #1"
    assert [each["state"] for each in github.issues] == ["closed", "open"]


@pytest.mark.parametrize(("destroy", "watchdog", "kept"), [("success", "skipped", True), ("skipped", "success", False)])
def test_a_night_that_was_skipped_and_a_watchdog_close_nothing(
    github: GitHubApi, destroy: str, watchdog: str, kept: bool
) -> None:
    github.issue(ours(night()))
    assert issue.report(night(destroy, watchdog, kept=kept), None, READER) == "left open: #1"


def test_an_issue_of_somebody_else_is_not_ours(github: GitHubApi) -> None:
    github.issue(ours(night()), "stranger")
    assert issue.report(night("success"), None, READER) == "no issue is open, and none is needed"
    assert issue.report(night(), None, READER) == "opened: #2"


def test_where_issues_are_off_the_job_fails_with_the_text_in_its_summary(
    github: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.repository["has_issues"] = False
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    with pytest.raises(FleetError, match=r"issues are off.*gh repo edit your-org/infra-fleet --enable-issues"):
        issue.report(night(), None, READER)
    assert issue.body(night(), None, READER) in (tmp_path / "summary").read_text()
    assert issue.report(night("success"), None, READER) == "issues are off: none is open"


def test_without_a_token_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    with pytest.raises(FleetError, match="GITHUB_TOKEN"):
        issue.report(night(), None, READER)


@pytest.fixture
def _run_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")


pytestmark = pytest.mark.usefixtures("_run_number")

LEFT = report.rows(
    [
        Leftover(stack.VPC, "vpc-1", Claim.OURS),
        Leftover(stack.CLUSTER, "staging", Claim.OURS, "ACTIVE", monthly=73.0),
        Leftover(stack.NAT, "nat-1", Claim.OURS, monthly=36.5),
        Leftover(balancers.BALANCER, BALANCER, Claim.OURS, "k8s", monthly=19.32),
        Leftover(network.INTERFACE, "eni-1", Claim.OURS, held="in-use: ELB net/k8s/1"),
    ],
    failed=["VPC vpc-1", "EKS cluster staging (ACTIVE)", "NAT gateway nat-1"],
)


def test_it_names_what_is_left_its_cost_the_cause_and_the_commands_with_all_that_they_need() -> None:
    failure = "pulumi destroy failed: DependencyViolation"
    body = opened(
        report.Report("staging: 5 resources left ($128.82/month)", False, failure=failure, left=LEFT, again=RECOVER)
    )
    assert "128.82/month" in body
    assert "Cause: <code>pulumi destroy failed: DependencyViolation</code>" in body
    assert body.count("\n| <code>") == len(LEFT)
    assert "    export PULUMI_BACKEND_URL='s3://state-bucket?region=eu-west-2'" in body
    assert "    export AWS_REGION=eu-west-2" in body
    assert "account 123456789012" in body
    *others, nat, cluster, last = commands(body)
    assert others == [LOGIN, LOOK, f".venv/bin/fleet teardown {RECOVER}"]
    by_hand = {"aws eks delete-cluster --name staging", "aws ec2 delete-nat-gateway --nat-gateway-id nat-1"}
    assert {nat, cluster} == by_hand
    assert last == "aws ec2 delete-vpc --vpc-id vpc-1", "AWS refuses it while anything is in it"


def test_what_is_unknown_is_named() -> None:
    unknown = "volume: ec2:DescribeVolumes: AccessDenied: the credentials lack ec2:DescribeVolumes"
    body = opened(report.Report("staging: could not verify", False, unknown=[unknown], again=RECOVER))
    assert f"- <code>{unknown}</code>" in body
    assert commands(body) == [LOGIN, LOOK, f".venv/bin/fleet teardown {RECOVER}"]


def test_the_lock_of_a_person_is_theirs_and_the_command_that_takes_it_is_named_with_the_question() -> None:
    failure = (
        "staging is locked by ann@laptop (pid 7) since 2026-11-25 21:00:05 UTC, for 3 h 12 min: a person at a terminal"
    )
    body = opened(report.Report("staging: stopped", False, failure=failure, again=f"{RECOVER} --take-lock"))
    assert "ann&#64;laptop (pid 7) since 2026-11-25 21:00:05 UTC, for 3 h 12 min: a person at a terminal" in body
    assert "First ask the holder" in body
    assert commands(body)[-1] == f".venv/bin/fleet teardown {RECOVER} --take-lock"
    assert "gh workflow run" not in body, "the workflow would stop at the lock again"
    assert "infra-unlock" in body


def test_a_pending_operation_that_could_not_be_settled_is_the_cause_and_recover_the_command() -> None:
    failure = (
        "a run was killed at aws:eks/cluster:Cluster staging: it could not be adopted: two clusters carry its tags"
    )
    body = opened(report.Report("staging: stopped", False, failure=failure, again=RECOVER))
    assert failure in body
    assert commands(body)[-1] == f".venv/bin/fleet teardown {RECOVER}"
    assert "gh workflow run nightly-destroy.yml -f stack=staging" in body


@pytest.mark.parametrize("destroy", ["cancelled", "failure"])
def test_a_job_that_was_killed_before_it_could_report_says_so_and_what_to_do(destroy: str) -> None:
    body = opened(None, destroy)
    assert ("cancelled, or timed out" in body) == (destroy == "cancelled")
    assert "before it could report" in body
    assert commands(body) == [LOGIN, LOOK, f".venv/bin/fleet teardown {RECOVER}"]


@pytest.mark.parametrize("output", ["", "<html>", "[]", '{"left": 7}', "null"])
def test_what_is_no_report_counts_as_none(output: str) -> None:
    assert issue.read(output) is None


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_an_account_is_no_markup_in_the_issue_and_no_line_of_its_own(text: str) -> None:
    row = report.row(Leftover(ROLE, text, Claim.OURS, text, {"kubernetes.io/service-name": text}))
    told = report.Report(text, False, failure=text, left=[row], unknown=[text], recovered=[text], again=RECOVER)
    plain = report.Report(
        "x",
        False,
        failure="x",
        left=[report.row(Leftover(ROLE, "x", Claim.OURS))],
        unknown=["x"],
        recovered=["x"],
    )
    body = opened(told)
    assert not obeyed(told.output)
    assert [line for line in body.splitlines() if line.startswith("#")] == ["## What to do"]
    assert len([line for line in body.splitlines() if line.startswith("|")]) == 3
    assert all(line.count("|") == 8 for line in body.splitlines() if line.startswith("|"))
    assert len(body.splitlines()) == len(opened(plain).splitlines())
    code = [line for line in body.splitlines() if not line.startswith("    ")]
    assert not any(mark in line.replace("<code>", "") for line in code for mark in ("@", "[text]", "<img", "https://e"))


def test_a_thousand_leftovers_fit_into_what_a_job_hands_on_and_into_an_issue() -> None:
    many = [report.row(Leftover(ROLE, f"role-{number}", Claim.OURS, "é" * 256)) for number in range(1000)]
    told = report.Report("staging: 1000 resources left", False, left=many, unknown=["é" * 4000] * 500, again=RECOVER)
    assert len(told.output.encode()) <= report.OUTPUT_BYTES
    body = opened(told)
    assert len(body) < 65_536
    assert "1000 resources left" in body
    assert commands(body)[:3] == [LOGIN, LOOK, f".venv/bin/fleet teardown {RECOVER}"]


def test_what_is_not_known_of_the_reader_stays_a_placeholder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    assert Reader.of(tmp_path, "staging") == Reader()
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://x; rm -rf /")
    assert "export PULUMI_BACKEND_URL='s3://x; rm -rf /'" in Reader.of(tmp_path, "staging").commands([])
    assert Told().left == []
