"""The account's process, its file and its log."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import psutil
import pytest

from common.errors import FleetError
from sandbox.account import isolation, process
from sandbox.account.clients import client
from tests.support.account import ACCOUNT_ID, REGION
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.folder import Folder

SETTINGS = (ACCOUNT_ID, REGION)
ENSURE = f"print(process.ensure(folder, {ACCOUNT_ID!r}, {REGION!r}).pid)"


def accounts_of(folder: Folder) -> list[int]:
    """The processes that run for a folder."""
    mark = f"--folder={folder.root.resolve()}"
    return [one.pid for one in psutil.process_iter(["cmdline"]) if mark in (one.info["cmdline"] or [])]


def run(folder: Folder, code: str, environment: dict[str, str] | None = None) -> str:
    """Run Python in a process of its own, with `folder` and `process` in reach."""
    prologue = (
        "from pathlib import Path; from dataclasses import asdict; import json, sys\n"
        "from sandbox.folder import Folder; from sandbox.account import process\n"
        f"folder = Folder(Path({str(folder.root)!r}))\n"
    )
    command = [sys.executable, "-c", prologue + code]
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_no_account_runs_in_a_folder_that_does_not_exist(folder: Folder) -> None:
    assert process.find(folder) is None
    assert not folder.root.exists()


def test_an_account_answers_is_found_by_another_process_and_leaves_nothing_when_stopped(folder: Folder) -> None:
    account = process.ensure(folder, *SETTINGS)

    assert json.loads(run(folder, "print(json.dumps(asdict(process.find(folder))))")) == asdict(account)
    assert process.ensure(folder, *SETTINGS) == account
    assert accounts_of(folder) == [account.pid]

    process.stop(folder)
    assert accounts_of(folder) == []
    assert not folder.account_file.exists()


def test_an_account_outlives_the_command_that_started_it_and_its_interrupt(folder: Folder) -> None:
    pid = int(run(folder, ENSURE))

    assert os.getsid(pid) == pid
    found = process.find(folder)
    assert found is not None
    assert found.pid == pid


def test_an_account_listens_on_loopback_only(account: process.Account) -> None:
    listening = [one for one in psutil.Process(account.pid).net_connections() if one.status == psutil.CONN_LISTEN]

    assert [one.laddr.ip for one in listening] == ["127.0.0.1"]


def test_two_commands_at_once_start_one_account(folder: Folder) -> None:
    with ThreadPoolExecutor(2) as pool:
        pids = list(pool.map(run, [folder] * 2, [ENSURE] * 2))

    assert pids[0] == pids[1]
    assert accounts_of(folder) == [int(pids[0])]


def test_an_account_that_was_killed_is_noticed_and_replaced(folder: Folder) -> None:
    first = process.ensure(folder, *SETTINGS)
    os.kill(first.pid, signal.SIGKILL)

    assert process.find(folder) is None
    assert not folder.account_file.exists()
    second = process.ensure(folder, *SETTINGS)
    assert second.pid != first.pid
    assert accounts_of(folder) == [second.pid]


def test_the_file_of_a_process_that_is_gone_is_removed(folder: Folder, account: process.Account) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    folder.claim()
    process.write(folder, replace(account, pid=gone.pid))

    assert process.find(folder) is None
    assert not folder.account_file.exists()


def test_another_process_that_got_the_id_is_neither_taken_for_the_account_nor_ended(
    folder: Folder, account: process.Account
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        folder.claim()
        process.write(folder, replace(account, pid=other.pid))

        assert process.find(folder) is None
        assert not folder.account_file.exists()
        assert other.poll() is None
        other.communicate(b"\n")


def test_an_account_whose_port_does_not_answer_as_it_is_ended_and_replaced(folder: Folder) -> None:
    first = process.ensure(folder, *SETTINGS)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    process.write(folder, replace(first, endpoint=f"http://127.0.0.1:{port}"))

    second = process.ensure(folder, *SETTINGS)

    assert second.pid != first.pid
    assert accounts_of(folder) == [second.pid]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_file_that_says_nothing_of_use_is_removed(folder: Folder, text: str) -> None:
    folder.claim()
    folder.account_file.write_text(text)

    assert process.find(folder) is None
    assert not folder.account_file.exists()


@pytest.mark.parametrize("settings", [("444455556666", REGION), (ACCOUNT_ID, "eu-central-1")])
def test_an_account_of_another_id_or_region_is_refused_with_the_remedy(
    folder: Folder, settings: tuple[str, str]
) -> None:
    process.ensure(folder, *SETTINGS)

    with pytest.raises(FleetError, match=r"account 111122223333 in eu-west-2.*fleet sandbox reset"):
        process.ensure(folder, *settings)


def test_an_account_that_dies_before_it_answers_is_reported_with_the_end_of_its_log(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text("raise SystemExit('no more of this')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))

    with pytest.raises(FleetError) as caught:
        process.ensure(folder, *SETTINGS)

    assert "ended with exit code 1 before it was ready" in str(caught.value)
    assert str(folder.account_log) in str(caught.value)
    assert accounts_of(folder) == []
    assert not folder.account_file.exists()


def test_an_account_that_is_not_ready_in_time_is_ended_and_reported(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "START_DEADLINE", 0.0)

    with pytest.raises(FleetError, match=r"^the embedded account was not ready within 0 s; the end of \S+account.log:"):
        process.ensure(folder, *SETTINGS)

    assert accounts_of(folder) == []


def test_an_account_that_does_not_say_who_it_is_leaves_no_process_and_no_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "IDENTITY_PATH", "/another")

    with pytest.raises(FleetError, match="does not say who it is"):
        process.ensure(folder, *SETTINGS)

    assert accounts_of(folder) == []
    assert not folder.account_file.exists()


@pytest.fixture
def suspended(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[process.Account]:
    """An account that takes longer to answer than we wait."""
    account = process.ensure(folder, *SETTINGS)
    os.kill(account.pid, signal.SIGSTOP)
    monkeypatch.setattr(process, "ANSWER_DEADLINE", 0.1)
    monkeypatch.setattr(process, "END_DEADLINE", 0.1)
    yield account
    with suppress(ProcessLookupError):
        os.kill(account.pid, signal.SIGCONT)


def test_an_account_that_is_slow_to_answer_is_kept_with_all_that_it_holds(
    folder: Folder, suspended: process.Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = rf"\(process {suspended.pid}\) does not answer within 0.1 s: wait, or run `fleet sandbox reset`$"
    with pytest.raises(FleetError, match=silent):
        process.find(folder)
    with pytest.raises(FleetError, match=silent):
        process.ensure(folder, *SETTINGS)

    monkeypatch.undo()
    os.kill(suspended.pid, signal.SIGCONT)
    assert process.find(folder) == suspended


def test_a_slow_account_can_be_stopped(folder: Folder, suspended: process.Account) -> None:
    process.stop(folder)

    assert accounts_of(folder) == []
    assert not folder.account_file.exists()


def test_an_account_is_known_though_the_clock_was_set(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    account = process.ensure(folder, *SETTINGS)
    monkeypatch.setattr(psutil.Process, "create_time", Mock(return_value=account.started + 3600))

    assert process.find(folder) == account


def test_a_lock_that_was_removed_while_it_was_awaited_is_taken_anew(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, waits = fcntl.flock, iter([True])

    def flock_of_what_a_reset_removes(descriptor: int, operation: int) -> None:
        flock(descriptor, operation)
        if next(waits, False):
            shutil.rmtree(folder.root)

    monkeypatch.setattr(fcntl, "flock", flock_of_what_a_reset_removes)
    with process.stopped(folder), folder.account_lock.open() as other, pytest.raises(BlockingIOError):
        flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert folder.claimed


def test_the_account_never_sees_the_settings_of_the_user(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a real one")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "444455556666")
    account = process.ensure(folder, *SETTINGS)

    seen = psutil.Process(account.pid).environ()
    assert {key: value for key, value in seen.items() if key.startswith(isolation.FOREIGN)} == isolation.CLOSED
    identity = client("sts", endpoint=account.endpoint, region="eu-west-2").get_caller_identity()
    assert identity["Account"] == "111122223333"


def test_a_child_with_the_environment_reaches_the_account_whatever_the_user_has_set(
    account: process.Account, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile production]\nendpoint_url = http://127.0.0.1:9\n")
    user = os.environ | {
        "AWS_PROFILE": "production",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "AWS_SESSION_TOKEN": "of the user",
    }
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'], boto3.Session().region_name)"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env=isolation.isolated(user) | process.environment(account),
        check=True,
        capture_output=True,
        text=True,
    )

    assert answer.stdout.split() == [account.account_id, account.region]


def recorded(folder: Folder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in folder.calls.read_text().splitlines()]


def test_every_call_is_recorded_with_service_operation_and_status(folder: Folder) -> None:
    account = process.ensure(folder, *SETTINGS)
    endpoint, region = account.endpoint, account.region
    client("sts", endpoint=endpoint, region=region).get_caller_identity()
    client("ec2", endpoint=endpoint, region=region).describe_vpcs()
    client("elbv2", endpoint=endpoint, region=region).describe_load_balancers()
    client("logs", endpoint=endpoint, region=region).describe_log_groups()
    client("s3", endpoint=endpoint, region=region).list_buckets()
    eks = client("eks", endpoint=endpoint, region=region)
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_access_entry(clusterName="none", principalArn="arn:aws:iam::111122223333:role/a/b")

    assert recorded(folder) == [
        {"service": "sts", "operation": "GetCallerIdentity", "status": 200},
        {"service": "ec2", "operation": "DescribeVpcs", "status": 200},
        {"service": "elasticloadbalancing", "operation": "DescribeLoadBalancers", "status": 200},
        {"service": "logs", "operation": "DescribeLogGroups", "status": 200},
        {"service": "s3", "operation": "ListBuckets", "status": 200},
        {"service": "eks", "operation": "DescribeAccessEntry", "status": 404},
    ]
    assert "eks DescribeAccessEntry 404" in folder.account_log.read_text()


def test_concurrent_calls_all_succeed(account: process.Account) -> None:
    logs = client("logs", endpoint=account.endpoint, region=account.region)

    def create_and_list(index: int) -> bool:
        logs.create_log_group(logGroupName=f"concurrent/{index}")
        return any(
            group["logGroupName"] == f"concurrent/{index}"
            for group in logs.describe_log_groups(logGroupNamePrefix="concurrent/")["logGroups"]
        )

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(create_and_list, range(40)))
