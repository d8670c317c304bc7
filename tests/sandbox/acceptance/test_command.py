"""`fleet acceptance` before it builds: without a terminal, by a wrong id, or where the stack is, it writes nothing."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from fleet.app import app
from permanent.preflight.verdict import Report, bad
from sandbox.acceptance import day, fleet_acceptance, reference
from tests.sandbox.acceptance import days
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Of the command, on a folder of its own."""
    return [
        "acceptance",
        f"--cwd={REPOSITORY}",
        f"--folder={tmp_path / 'work'}",
        f"--account-file={days.account_file(tmp_path)}",
    ]


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An account in which nothing of the stack is, and which nobody may write to."""
    made = SimpleNamespace(status="", exists=False, report=Report(()))

    def answers(name: str) -> Callable[..., Any]:
        return lambda *_asked: getattr(made, name)  # pyright: ignore[reportUnknownLambdaType]

    def fail(*_written: object) -> None:
        pytest.fail("the account was written to")

    made.itself, made.pulumi = made, "/usr/bin/pulumi"
    monkeypatch.setattr(fleet_acceptance, "prove", answers("itself"))
    monkeypatch.setattr(fleet_acceptance.check, "run", answers("report"))
    monkeypatch.setattr(fleet_acceptance.shutil, "which", answers("pulumi"))
    monkeypatch.setattr(day, "exists", answers("exists"))
    monkeypatch.setattr(day, "run", fail)
    monkeypatch.setattr(reference, "state", fail)
    return made


def run(arguments: list[str], *more: str, typed: str = "") -> Any:
    return CliRunner().invoke(app, [*arguments, *more], input=typed)


def test_without_a_terminal_and_without_yes_it_says_the_price_and_writes_nothing(
    arguments: list[str], tmp_path: Path, ready: SimpleNamespace
) -> None:
    done = run(arguments)
    assert done.exit_code == 2, done.output
    assert "US dollars" in done.output
    assert "there is no terminal" in done.output
    assert not (tmp_path / "work").exists()


def test_another_id_than_the_account_s_writes_nothing(
    arguments: list[str], tmp_path: Path, ready: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_acceptance, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    done = run(arguments, typed="123456789013\n")
    assert done.exit_code == 2, done.output
    assert "Type the account's id" in done.output
    assert done.output.index("fleet teardown run --stack acceptance --yes --recover") < done.output.index("Type the")
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "ACTIVE"}, "the cluster acceptance exists (ACTIVE)"),
        ({"exists": True}, "the stack acceptance exists in s3://infra-fleet-state-123456789012-eu-west-2"),
        (
            {"report": Report((bad("permanent layer", "the state bucket is missing", "run `make account`"),))},
            "permanent layer: the state bucket is missing. run `make account`",
        ),
    ],
)
def test_what_is_there_or_missing_is_refused_with_what_to_do(
    arguments: list[str], tmp_path: Path, ready: SimpleNamespace, change: dict[str, Any], message: str
) -> None:
    vars(ready).update(change)
    done = run(arguments, "--yes")
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert not (tmp_path / "work").exists()


def test_a_day_is_reported_for_machines_too(tmp_path: Path) -> None:
    document = json.loads(json.dumps(days.sample(tmp_path).document))
    assert document["refused"][0] | {"resource": ""} == {
        "role": "infra-fleet-deploy",
        "action": "ec2:CreateVpcEndpoint",
        "resource": "",
        "belongsTo": "infra-fleet-deploy-network: allows it, for other resources or under a condition",
    }
    slower = [each["label"] for each in document["durations"] if each["slower"]]
    assert slower == ["Cluster cluster"]
    assert document["left"] == []
    assert not document["same"]
