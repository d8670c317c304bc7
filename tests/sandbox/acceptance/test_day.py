"""The order of the day, whatever fails in it: the night always comes, and the report says what is not known."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from botocore.exceptions import ClientError

from common.console import rendered
from common.errors import FleetError
from common.pulumi import runner
from common.pulumi.runner import Stack
from infra.contract import names
from sandbox.acceptance import child, day, report
from sandbox.acceptance.child import Done
from tests.sandbox.acceptance import days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from common.target import Proven

CLEAN = {"unknown": [], "left": [], "blocking": [], "in_state": [], "failure": "", "steps": [{"name": "verify"}]}
REAL_RUN = child.run
VPC = {"kind": "VPC", "id": "vpc-0123456789abcdef0"}


@dataclass
class Sts:
    """Says whose credentials these are, and gives a session of each role that may be assumed."""

    caller: str = f"arn:aws:iam::{days.ACCOUNT}:user/somebody"
    assumable: tuple[str, ...] = (names.DEPLOY_ROLE, names.PREVIEW_ROLE)

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": self.caller}

    def assume_role(self, *, RoleArn: str, RoleSessionName: str) -> dict[str, dict[str, str]]:  # noqa: N803
        role = RoleArn.rpartition("/")[2]
        if role not in self.assumable:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": RoleSessionName}}, "AssumeRole")
        return {"Credentials": {"AccessKeyId": role, "SecretAccessKey": "a secret of it", "SessionToken": "a token"}}

    def client(self, _service: str) -> Sts:
        return self


@dataclass
class Commands:
    """What is run instead of pulumi and fleet: how each ends, and what was run with whose key."""

    ends: dict[str, Done] = field(default_factory=lambda: {"teardown": Done(0, json.dumps(CLEAN), "")})
    ran: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    init: str = ""

    def run(self, argv: Sequence[str | Path], environment: Mapping[str, str], _cwd: Path, **_: object) -> Done:
        words = [str(word) for word in argv]
        name = words[3] if words[:3] == [sys.executable, "-m", "fleet"] else words[1]
        self.ran.append((name, environment.get("AWS_ACCESS_KEY_ID", "")))
        return self.ends.get(name, Done(0, "{}", ""))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    made = Commands()

    def init(_stack: Stack, _provider: str) -> None:
        if made.init:
            raise FleetError(made.init)

    def remove(_stack: Stack, *words: str) -> runner.Done:
        made.ran.append((" ".join(words[:2]), ""))
        return runner.Done(0, "", "")

    def export(_stack: Stack) -> str:
        return days.state(*days.network(1))

    for name, value in {"init": init, "export": export, "run": remove}.items():
        monkeypatch.setattr(Stack, name, value)
    monkeypatch.setattr(child, "run", made.run)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of somebody")
    monkeypatch.setenv("AWS_PROFILE", "somebody's")
    return made


def live(folder: Path, sts: Sts | None = None, **environment: str) -> day.Day:
    made = days.planned(folder, **environment)
    made.root.mkdir()
    return day.run(made, cast("Proven", sts or Sts()), (), lambda _line: None)


def outcomes(done: day.Day) -> dict[str, str]:
    return {step.name: step.outcome for step in done.steps}


def test_each_part_runs_with_its_role_and_the_empty_stack_is_removed(tmp_path: Path, commands: Commands) -> None:
    done = live(tmp_path, GITHUB_TOKEN="t")
    assert commands.ran == [
        ("up", names.DEPLOY_ROLE),
        ("preview", names.PREVIEW_ROLE),
        ("bootstrap", names.DEPLOY_ROLE),
        ("teardown", names.DEPLOY_ROLE),
        ("stack rm", ""),
    ]
    assert done.is_clean
    assert set(outcomes(done).values()) == {"done"}


def test_a_stack_that_cannot_be_made_still_gets_its_night(tmp_path: Path, commands: Commands) -> None:
    commands.init = "the key of the state is missing"
    done = live(tmp_path)
    assert [name for name, _ in commands.ran] == ["teardown", "stack rm"]
    assert (done.steps[0].outcome, done.steps[0].why) == ("failed", "the key of the state is missing")


def test_a_failed_update_gets_its_night_without_preview_and_bootstrap(tmp_path: Path, commands: Commands) -> None:
    commands.ends["up"] = Done(255, "", "error")
    done = live(tmp_path, FLUX_GITHUB_TOKEN="t")
    assert outcomes(done) == {"up": "failed", "preview": "skipped", "bootstrap": "skipped", "night": "done"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_update_gets_the_night_too(
    tmp_path: Path, commands: Commands, number: signal.Signals
) -> None:
    commands.ends["up"] = Done(0, "", "", (number,))
    done = live(tmp_path, GITHUB_TOKEN="t")
    assert outcomes(done) == {"up": "done", "preview": "skipped", "bootstrap": "skipped", "night": "done"}
    assert done.signals == [number]


def test_a_signal_between_two_commands_ends_nothing(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(_stack: Stack) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Stack, "export", export)
    before = signal.getsignal(signal.SIGTERM)
    done = live(tmp_path)
    assert (done.signals, outcomes(done)["night"]) == ([signal.SIGTERM], "done")
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_is_left_keeps_the_stack(tmp_path: Path, commands: Commands) -> None:
    commands.ends["teardown"] = Done(1, json.dumps({**CLEAN, "left": [VPC], "unknown": ["ec2: denied"]}), "")
    done = live(tmp_path)
    assert done.left == (("VPC", VPC["id"]),)
    assert not done.is_clean
    assert ("stack rm", "") not in commands.ran


def test_a_night_that_does_not_verify_leaves_it_unknown(tmp_path: Path, commands: Commands) -> None:
    commands.ends["teardown"] = Done(2, "", "the credentials lack eks:DescribeCluster (see there)")
    done = live(tmp_path)
    assert done.left is None
    made = report.of(days.planned(tmp_path), done, days.state(*days.network(2)))
    assert [each.call.action for each in made.refused] == ["eks:DescribeCluster"]
    assert not made.is_same
    assert "left after the night: not known" in rendered(*report.lines(made))


def test_a_role_that_cannot_be_assumed_is_not_measured(tmp_path: Path, commands: Commands) -> None:
    done = live(tmp_path, Sts(assumable=()))
    assert {key for name, key in commands.ran if name != "stack rm"} == {"of somebody"}
    assert outcomes(done)[f"assume {names.DEPLOY_ROLE}"] == "skipped"
    made = report.of(days.planned(tmp_path), done, days.state(*days.network(2)))
    text = rendered(*report.lines(made))
    assert f"calls that {names.DEPLOY_ROLE} lacked: not known" in text
    assert f"calls that {names.PREVIEW_ROLE} lacked: not known" in text


def test_a_job_that_has_the_role_already_does_not_assume_it(tmp_path: Path, commands: Commands) -> None:
    caller = f"arn:aws:sts::{days.ACCOUNT}:assumed-role/{names.DEPLOY_ROLE}/job"
    done = live(tmp_path, Sts(caller=caller, assumable=()))
    assert done.roles == {names.DEPLOY_ROLE}


def test_the_same_twice_is_no_deviation(tmp_path: Path, commands: Commands) -> None:
    made = report.of(days.planned(tmp_path), live(tmp_path), days.state(*days.network(2)))
    assert made.is_same
    assert made.verdict == "the real account is as the embedded one has it: no deviation"
    assert set(made.deviations.values()) == {0}


def test_a_preview_that_would_change_something_says_what(tmp_path: Path, commands: Commands) -> None:
    said = """Previewing update (acceptance):
     ~  aws:eks:NodeGroup default update [diff: ~updateConfig]
     +- aws:ec2:Subnet private-eu-west-2a replace [diff: ~cidrBlock]
        pulumi:pulumi:Stack infra-fleet-acceptance
    error: no changes were expected but changes were proposed
    """
    commands.ends["preview"] = Done(255, "", said)
    (preview,) = (step for step in live(tmp_path).steps if step.name == "preview")
    assert preview.why == (
        "right after the update it would change: NodeGroup default update [diff: ~updateConfig]; "
        "Subnet private-eu-west-2a replace [diff: ~cidrBlock]"
    )


@pytest.mark.parametrize("error", [OSError("the terminal is gone"), RuntimeError("a bug")])
def test_whatever_breaks_the_build_the_night_comes(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Stack, "init", fail)
    with pytest.raises(type(error)):
        live(tmp_path)
    assert commands.ran[0] == ("teardown", names.DEPLOY_ROLE)


def test_a_terminal_that_is_gone_keeps_nothing_from_being_done(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_line: str) -> None:
        raise OSError("the terminal is gone")

    made = days.planned(tmp_path)
    made.root.mkdir()
    assert day.run(made, cast("Proven", Sts()), (), gone).is_clean
    closed = tmp_path.joinpath("closed").open("w")
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert REAL_RUN(["sh", "-c", "echo kept >&2"], os.environ, tmp_path).stderr == "kept\n"


def test_a_command_is_shown_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["sh", "-c", "echo result; echo '\x1b[31mprogress' >&2; exit 3"]
    done = child.run(command, os.environ, tmp_path)
    assert (done.code, done.stdout, done.stderr) == (3, "result\n", "\x1b[31mprogress\n")
    assert capsys.readouterr().err == "progress\n"
    both = child.run(command, os.environ, tmp_path, together=True, is_shown=False)
    assert sorted(both.stderr.splitlines()) == ["\x1b[31mprogress", "result"]
    assert capsys.readouterr().err == ""
