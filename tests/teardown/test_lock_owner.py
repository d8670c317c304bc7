"""A lock is taken only from a run that is gone for sure; a person's is theirs, whatever the options but one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import FleetError
from common.pulumi.exported_state import StackState
from common.pulumi.locks import Lock
from common.target import Proven
from teardown import destroy
from teardown.lock_owner import HeldError, Here

if TYPE_CHECKING:
    from pathlib import Path

SINCE = datetime(2026, 11, 25, 21, 0, 5, tzinfo=UTC)
NOBODY = StackState()


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


def lock(user: str = "ann", host: str = "laptop", pid: int = 1) -> Lock:
    return Lock(username=user, hostname=host, pid=pid, timestamp=SINCE)


def here(*, in_job: bool = False, runners: tuple[str, ...] = ()) -> Here:
    return Here("bob", "desk", in_job=in_job, runners=runners)


@pytest.mark.parametrize(
    ("held", "in_job", "runners", "is_left"),
    [
        (lock("runner", "fv-az1", 4711), True, (), True),
        (lock("runner", "fv-az1", 4711), False, (), False),
        (lock("ci", "box", 4711), True, (), False),
        (lock("ci", "box", 4711), True, ("ci",), True),
        (lock("ann", "laptop"), True, ("ci",), False),
        (lock("ann", "laptop"), False, (), False),
        (lock("bob", "laptop", gone()), False, (), False),
        (lock("ann", "desk", gone()), False, (), False),
        (lock("bob", "desk", gone()), False, (), True),
        (lock("bob", "desk", os.getpid()), False, (), False),
        (lock("bob", "desk", os.getpid()), True, ("bob",), False),
        (lock("bob", "desk", 1), False, (), False),
        (lock("RUNNER", "fv-az1"), True, (), False),
        (lock("runner ", "fv-az1"), True, (), False),
    ],
)
def test_a_lock_is_left_where_its_run_is_gone_for_sure(
    held: Lock, in_job: bool, runners: tuple[str, ...], is_left: bool
) -> None:
    assert here(in_job=in_job, runners=runners).is_left(held) == is_left


@given(st.text(max_size=20), st.text(max_size=20), st.integers(1, 2**22))
def test_at_a_terminal_no_lock_of_another_machine_is_left(user: str, host: str, pid: int) -> None:
    held = lock(user, host, pid)
    if (user, host) != ("bob", "desk"):
        assert not here().is_left(held)


def write(folder: Path, *locks: Lock) -> None:
    """A project with a backend in which a stack is locked."""
    (folder / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
    place = folder / ".pulumi" / "locks" / "organization" / "test" / "staging"
    place.mkdir(parents=True, exist_ok=True)
    for path in place.iterdir():
        path.unlink()
    for number, held in enumerate(locks):
        (place / f"{number}.json").write_text(held.model_dump_json())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a pulumi that notes its arguments and frees the lock."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", tmp_path.as_uri())
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text('#!/bin/sh\necho "$@" >> calls\nrm -f .pulumi/locks/organization/test/staging/*.json\n')
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{pulumi.parent}:{os.environ['PATH']}")
    return tmp_path


def take(
    project: Path, where: Here, state: StackState = NOBODY, *, recover: bool = True, take_lock: bool = False
) -> str:
    """What a run does before it begins; gives what was taken over."""
    found = destroy.obstacles(project, "staging", state, where)
    destroy.refuse("staging", found, recover=recover, take_lock=take_lock)
    destroy.recover(mock.create_autospec(Proven), project, "staging", found, lambda _line: None)
    return "; ".join(obstacle.what for obstacle in found)


def test_a_job_takes_the_lock_of_a_job_and_says_whose_it_was_and_since_when(project: Path) -> None:
    write(project, lock("runner", "fv-az1", 4711))
    said = take(project, here(in_job=True))
    assert said.startswith("staging is locked by runner@fv-az1 (pid 4711) since 2026-11-25 21:00:05 UTC, for ")
    assert said.endswith(": a workflow's job, which is gone")
    assert (project / "calls").read_text() == "--non-interactive cancel --yes --stack staging\n"


@pytest.mark.parametrize("in_job", [True, False])
def test_the_lock_of_a_person_is_not_taken_and_the_error_says_what_a_person_types(project: Path, in_job: bool) -> None:
    write(project, lock("ann", "laptop", 7))
    with pytest.raises(HeldError) as refused:
        take(project, here(in_job=in_job))
    assert "ann@laptop (pid 7) since 2026-11-25 21:00:05 UTC, for " in str(refused.value)
    assert "a person at a terminal; it is not taken: ask whether that run is under way" in str(refused.value)
    assert str(refused.value).endswith("fleet teardown run --stack staging --yes --recover --take-lock")
    assert refused.value.options == ("--recover", "--take-lock")
    assert not (project / "calls").exists()


def test_one_lock_of_a_person_among_others_keeps_them_all(project: Path) -> None:
    """`pulumi cancel` frees all of them."""
    write(project, lock("runner", "fv-az1"), lock("ann", "laptop"))
    with pytest.raises(HeldError, match="ann@laptop"):
        take(project, here(in_job=True))
    assert not (project / "calls").exists()


def test_a_person_who_has_asked_takes_any_lock(project: Path) -> None:
    write(project, lock("ann", "laptop", 7))
    assert "ann@laptop" in take(project, here(), take_lock=True)
    assert "cancel" in (project / "calls").read_text()


def test_without_recover_nothing_is_taken(project: Path) -> None:
    write(project, lock("runner", "fv-az1"))
    with pytest.raises(HeldError, match="run this again with --recover"):
        take(project, here(in_job=True), recover=False)
    assert not (project / "calls").exists()


def test_taking_a_lock_settles_no_pending_operation_by_itself(project: Path) -> None:
    write(project, lock("ann", "laptop"))
    with pytest.raises(HeldError, match="a run was killed at aws:eks/cluster:Cluster staging"):
        take(project, here(), StackState(pending=("aws:eks/cluster:Cluster staging",)), recover=False, take_lock=True)
    assert not (project / "calls").exists()


def test_a_lock_that_somebody_took_meanwhile_is_theirs(project: Path) -> None:
    write(project, lock("runner", "fv-az1", 1))
    found = destroy.obstacles(project, "staging", NOBODY, here(in_job=True))
    write(project, lock("ann", "laptop", 7))
    with pytest.raises(FleetError, match="locked by somebody else by now"):
        destroy.recover(mock.create_autospec(Proven), project, "staging", found, lambda _line: None)
    assert not (project / "calls").exists()


def test_a_lock_that_is_none_stops_the_run(project: Path) -> None:
    write(project, lock())
    path = project / ".pulumi" / "locks" / "organization" / "test" / "staging" / "0.json"
    path.write_text(json.dumps({"pid": 1}))
    with pytest.raises(FleetError, match="is not a lock that pulumi wrote"):
        take(project, here(in_job=True), take_lock=True)


def test_where_this_runs_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert not Here().in_job
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert Here().in_job
