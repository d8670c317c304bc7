from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from common.errors import FleetError
from common.pulumi.locks import Lock, locks_of
from common.pulumi.runner import Stack
from tests.sandbox.account.aws import Aws, unique
from tests.support.engine import STACK, Project, eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.account import process
    from tests.delivery.conftest import Command

SINCE = datetime(2026, 11, 25, 21, 0, 5, tzinfo=UTC)
HELD = {"pid": 4711, "username": "runner", "hostname": "ci-1", "timestamp": "2026-11-25T21:00:05.123456789Z"}

SLOW = """
    import pathlib, time
    pathlib.Path("started").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.05)
"""


def write(state: Path, content: object = HELD, project: str = "test", stack: str = STACK, name: str = "a") -> Path:
    """A lock as pulumi writes it: also the attributes that its file backend keeps next to it."""
    folder = state / ".pulumi" / "locks" / "organization" / project / stack
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json.attrs").write_text("{}")
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a project."""
    (tmp_path / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
    (tmp_path / "state").mkdir()
    return tmp_path


@pytest.fixture
def backend(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backend in a folder."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", (folder / "state").as_uri())
    return folder / "state"


def test_a_lock_says_who_and_since_when(folder: Path, backend: Path) -> None:
    write(backend)

    (found,) = locks_of(Stack(folder, STACK))

    assert found.holder == "runner@ci-1 (pid 4711) since 2026-11-25 21:00:05 UTC"


def test_locks_of_others_are_not_the_stack_s(folder: Path, backend: Path) -> None:
    write(backend, project="other")
    write(backend, stack="other")

    assert locks_of(Stack(folder, STACK)) == []


def test_two_that_started_at_once_are_both_there_the_older_first(folder: Path, backend: Path) -> None:
    write(backend, {**HELD, "pid": 2, "timestamp": "2026-11-25T21:00:06Z"}, name="a")
    write(backend, {**HELD, "pid": 1}, name="b")

    assert [lock.pid for lock in locks_of(Stack(folder, STACK))] == [1, 2]


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-5), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=12), "12 min"),
        (timedelta(hours=3, minutes=0, seconds=9), "3 h 0 min"),
        (timedelta(days=2, hours=5, minutes=7), "2 d 5 h"),
    ],
)
def test_an_age_is_in_its_two_largest_units(age: timedelta, text: str) -> None:
    lock = Lock(username="u", hostname="h", pid=1, timestamp=SINCE)
    assert lock.age(SINCE + age) == text


@pytest.mark.parametrize("content", ["text", {"pid": 1}, {**HELD, "timestamp": "yesterday"}])
def test_what_is_no_lock_is_named(folder: Path, backend: Path, content: Any) -> None:
    path = write(backend, content)
    with pytest.raises(FleetError, match=f"{path} is not a lock that pulumi wrote"):
        locks_of(Stack(folder, STACK))


def test_without_a_backend_there_is_one_line(folder: Path) -> None:
    with pytest.raises(FleetError, match=r"^PULUMI_BACKEND_URL is not set: .*$"):
        locks_of(Stack(folder, STACK))


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("file:///nosuch/folder", "/nosuch/folder, which is not a folder"),
        ("https://api.pulumi.com", "locks are read from s3:// and file:// backends only"),
    ],
)
def test_a_backend_that_cannot_be_read_is_not_free_of_locks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, line: str
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    with pytest.raises(FleetError, match=line):
        locks_of(Stack(folder, STACK))


@pytest.fixture
def bucket(account_environment: process.Account) -> tuple[Any, str]:
    """An S3 client and a bucket."""
    s3, name = Aws(account_environment).client("s3"), unique("state")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": account_environment.region})
    return s3, name


@pytest.mark.parametrize("prefix", ["", "some/prefix/"])
def test_locks_are_read_from_a_bucket(
    folder: Path, bucket: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    s3, name = bucket
    key = f"{prefix}.pulumi/locks/organization/test/{STACK}/a.json"
    s3.put_object(Bucket=name, Key=key, Body=json.dumps(HELD))
    s3.put_object(Bucket=name, Key=key.replace(STACK, f"{STACK}-2"), Body=json.dumps(HELD))
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"s3://{name}/{prefix}?region=eu-west-2")

    assert [lock.pid for lock in locks_of(Stack(folder, STACK))] == [4711]
    assert locks_of(Stack(folder, "other")) == []


def test_a_bucket_that_is_not_there_is_not_free_of_locks(
    folder: Path, bucket: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://nosuch-bucket?region=eu-west-2")
    with pytest.raises(FleetError, match=r"the locks in s3://nosuch-bucket/.* cannot be read: .*NoSuchBucket"):
        locks_of(Stack(folder, STACK))


@pytest.mark.engine
def test_the_lock_of_a_run_is_shown_and_is_left_alone(project: Project, command: Callable[..., Command]) -> None:
    project.write(SLOW)
    run = project.start("up", "--yes", "--skip-preview", "--stack", STACK)
    try:
        eventually((project.folder.project / "started").exists)
        shown = command("lock", "--stack", STACK, "-C", str(project.folder.project))
        held = project.locks
    finally:
        (project.folder.project / "go").touch()
        run.wait()

    assert shown.returncode == 0
    assert f"(pid {run.pid}) since" in shown.stdout
    assert len(held) == 1


@pytest.mark.engine
def test_a_lock_is_freed_when_told_to(project: Project, command: Callable[..., Command], tmp_path: Path) -> None:
    write(project.state)
    arguments = ("lock", "--stack", STACK, "-C", str(project.folder.project), "--free")

    freed = command(*arguments, GITHUB_OUTPUT=str(tmp_path / "out"))
    again = command(*arguments)

    assert freed.returncode == 0, freed.stderr
    first, last = freed.stdout.splitlines()
    assert first.startswith("test is locked by runner@ci-1 (pid 4711) since 2026-11-25 21:00:05 UTC, for ")
    assert last == "test is free: its lock was removed"
    assert "true" in (tmp_path / "out").read_text()
    assert project.locks == []
    assert again.stdout == "test is not locked\n"


@pytest.mark.engine
def test_another_lock_than_the_one_that_was_reviewed_is_left_alone(
    project: Project, command: Callable[..., Command], tmp_path: Path
) -> None:
    write(project.state)
    arguments = ("lock", "--stack", STACK, "-C", str(project.folder.project))
    command(*arguments, GITHUB_OUTPUT=str(tmp_path / "out"))
    (holder,) = [line for line in (tmp_path / "out").read_text().splitlines() if line.startswith("runner@")]

    refused = command(*arguments, "--free", "--expect", "runner@ci-2 (pid 1) since 2026-01-01 00:00:00 UTC")
    assert refused.returncode == 1
    assert f"test is locked by {holder}, and what was to be freed is the lock of runner@ci-2" in refused.stderr
    assert len(project.locks) == 1

    assert command(*arguments, "--free", "--expect", holder).returncode == 0
    assert project.locks == []
