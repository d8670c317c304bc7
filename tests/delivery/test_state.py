from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from common.pulumi.exported_state import StackState
from common.pulumi.locks import Lock
from delivery import evidence
from delivery.evidence import ABSENT, NoAnswerError
from delivery.state import IN_TRANSIT, Operation, State, Verdict, judge, locked
from infra.settings import parse
from sandbox.account import process
from tests.delivery.test_lock import HELD, write
from tests.sandbox.account.aws import Aws, unique
from tests.support.engine import STACK, Project
from tests.support.exports import cluster, exported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.delivery.conftest import Command

ASKED = Verdict("staging", "blue")
HERE, NOWHERE = StackState(clusters=("blue",)), StackState()
LOCK = Lock(username="runner", hostname="ci-1", pid=7, timestamp=datetime(2026, 11, 25, 21, 0, 5, tzinfo=UTC))


@pytest.mark.parametrize("when_down", Operation)
def test_what_both_have_is_up_and_is_updated(when_down: Operation) -> None:
    found = judge(ASKED, HERE, "ACTIVE", when_down)
    assert (found.state, found.operation) == (State.UP, Operation.UP)
    assert found.line == "staging is up: a merge updates it"


def test_what_neither_has_is_down_and_is_previewed() -> None:
    found = judge(ASKED, NOWHERE, ABSENT, Operation.PREVIEW)
    assert (found.state, found.operation) == (State.DOWN, Operation.PREVIEW)
    assert found.line == "staging is down: previewed, nothing built; a rebuild builds it"


def test_what_is_down_is_built_where_that_is_wanted() -> None:
    found = judge(ASKED, NOWHERE, ABSENT, Operation.UP)
    assert (found.state, found.operation) == (State.DOWN, Operation.UP)
    assert found.line == "staging is down: a merge builds it"


UNKNOWN = [
    (
        HERE,
        ABSENT,
        "the state holds the cluster blue, AWS does not; finish the destroy (pulumi destroy --stack staging)",
    ),
    (NOWHERE, "ACTIVE", "AWS has the cluster blue (ACTIVE), the state does not; restore the state"),
    (NOWHERE, "FAILED", "AWS has the cluster blue (FAILED), the state does not; restore the state"),
    (HERE, "FAILED", "AWS says that the cluster blue is FAILED; see why in the EKS console"),
    (HERE, "A_NEW_STATUS", "AWS says that the cluster blue is A_NEW_STATUS; see why in the EKS console"),
    *((there, status, f"is {status}; wait until that is over") for there in (HERE, NOWHERE) for status in IN_TRANSIT),
    (
        StackState(clusters=("green",)),
        ABSENT,
        "the state holds the cluster green, the settings name blue; set infra-fleet:clusterName",
    ),
    (
        StackState(clusters=("blue", "green")),
        "ACTIVE",
        "the state holds the cluster green, the settings name blue; set infra-fleet:",
    ),
]


@pytest.mark.parametrize(("recorded", "status", "line"), UNKNOWN)
@pytest.mark.parametrize("when_down", Operation)
def test_all_else_is_unknown_and_has_a_remedy(
    recorded: StackState, status: str, line: str, when_down: Operation
) -> None:
    found = judge(ASKED, recorded, status, when_down)
    assert (found.state, found.operation) == (State.UNKNOWN, None)
    assert found.line.startswith("staging is unknown: ")
    assert line in found.line
    assert found.remedy


@pytest.mark.parametrize(("there", "status"), [(HERE, "ACTIVE"), (NOWHERE, ABSENT), (HERE, ABSENT)])
def test_a_killed_run_is_mentioned(there: StackState, status: str) -> None:
    found = judge(ASKED, StackState(clusters=there.clusters, pending=("creating blue",)), status, Operation.PREVIEW)
    assert (
        "a run was killed at creating blue (fleet teardown run --yes --recover takes away what it made)" in found.reason
    )


def test_a_lock_stops_what_would_change_the_stack() -> None:
    found = locked(judge(ASKED, HERE, "ACTIVE", Operation.PREVIEW), [LOCK])
    assert (found.state, found.operation) == (State.UP, None)
    assert found.line == (
        "staging is up: staging is locked by runner@ci-1 (pid 7) since 2026-11-25 21:00:05 UTC; wait for that run; "
        "if it was killed, free it with the workflow infra-unlock or `fleet lock --stack staging --free`"
    )


def test_a_lock_does_not_stop_a_preview() -> None:
    found = locked(judge(ASKED, NOWHERE, ABSENT, Operation.PREVIEW), [LOCK])
    assert found.operation is Operation.PREVIEW
    assert "staging is locked by runner@ci-1" in found.reason


@pytest.fixture
def aws(account_environment: process.Account) -> Iterator[Aws]:
    """The account, whose environment is around the test."""
    made = Aws(account_environment)
    yield made
    made.clear()


def test_eks_says_whether_there_is_a_cluster(aws: Aws) -> None:
    name = unique("c")
    settings = parse({"accountId": aws.account.account_id, "clusterName": name}, "staging")
    assert evidence.status(settings) == ABSENT
    aws.cluster(name=name)
    assert evidence.status(settings) == "ACTIVE"


def test_credentials_of_another_account_give_no_answer(aws: Aws) -> None:
    settings = parse({"accountId": "999988887777"}, "staging")
    with pytest.raises(NoAnswerError) as caught:
        evidence.status(settings)
    assert caught.value.reason == (
        f"the credentials are of account {aws.account.account_id}, the stack is in 999988887777"
    )


def test_an_account_that_does_not_answer_is_not_empty(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EKS", "http://127.0.0.1:9")
    with pytest.raises(NoAnswerError, match=r"AWS does not say: .*127\.0\.0\.1:9"):
        evidence.status(parse({"accountId": aws.account.account_id}, "staging"))


def test_without_credentials_there_is_no_answer(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(NoAnswerError, match=r"AWS does not say: .*Unable to locate credentials"):
        evidence.status(parse({"accountId": aws.account.account_id}, "staging"))


@pytest.fixture
def ask(project: Project, aws: Aws, command: Callable[..., Command]) -> Callable[..., Command]:
    """Asks for the state of the project's stack, whose cluster is called `blue`."""
    config = {"infra-fleet:accountId": aws.account.account_id, "infra-fleet:clusterName": "blue"}
    for stack in (STACK, "nosuch"):
        path = project.folder.project / f"Pulumi.{stack}.yaml"
        there: dict[str, Any] = yaml.safe_load(path.read_text()) if path.exists() else {}
        path.write_text(yaml.safe_dump({**there, "config": config}))

    def run(*more: str, **variables: str) -> Command:
        environ = {**process.environment(aws.account), **variables}
        return command("state", "--stack", STACK, "-C", str(project.folder.project), *more, **environ)

    return run


@pytest.mark.engine
def test_the_command_tells_people_programs_and_the_job(
    ask: Callable[..., Command], aws: Aws, project: Project, tmp_path: Path
) -> None:
    told = {"GITHUB_OUTPUT": str(tmp_path / "out"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}

    down = ask(**told)
    built = ask("--json", WHEN_DOWN="up")
    aws.cluster(name="blue")
    unknown = ask()
    (tmp_path / "export.json").write_text(exported(cluster("blue", STACK)))
    imported = project.run("stack", "import", "--stack", STACK, "--file", str(tmp_path / "export.json"))
    assert imported.returncode == 0, imported.stdout
    up = ask()
    write(project.state)
    stopped = ask("--json")

    assert (down.returncode, down.stdout) == (0, "test is down: previewed, nothing built; a rebuild builds it\n")
    assert [line for line in (tmp_path / "out").read_text().splitlines() if "end-" not in line] == ["down", "preview"]
    assert (tmp_path / "summary").read_text().strip() == f"<code>{down.stdout.strip()}</code>"
    assert json.loads(built.stdout) == {
        "stack": "test",
        "cluster": "blue",
        "state": "down",
        "in_state": False,
        "in_aws": "none",
        "operation": "up",
        "reason": "",
        "remedy": "",
    }
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith("state: test is unknown: AWS has the cluster blue (ACTIVE), the state does not; ")
    assert unknown.stderr.count("\n") == 1
    assert (up.returncode, up.stdout) == (0, "test is up: a merge updates it\n")
    assert stopped.returncode == 1
    assert f"test is locked by {HELD['username']}@{HELD['hostname']} (pid 4711) since" in stopped.stderr
    assert json.loads(stopped.stdout)["operation"] is None


@pytest.mark.engine
def test_a_stack_that_is_not_in_the_backend_is_made_with_one_command(ask: Callable[..., Command]) -> None:
    done = ask("--stack", "nosuch")

    assert done.returncode == 1
    assert done.stderr == (
        "state: nosuch is unknown: the backend has no such stack; make it once: pulumi stack init nosuch "
        "'--secrets-provider=awskms://alias/infra-fleet-state?region=eu-west-2'\n"
    )


@pytest.mark.engine
def test_a_state_that_cannot_be_read_is_unknown(ask: Callable[..., Command], project: Project) -> None:
    (project.state / ".pulumi" / "stacks" / "test" / f"{STACK}.json").write_text("{")

    done = ask("--json")

    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["state"], found["in_state"], found["operation"]) == ("unknown", None, None)
    assert found["reason"].startswith("the state cannot be read: error: ")
    assert "Traceback" not in done.stderr
