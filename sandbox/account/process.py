"""The life of the account's process: found, started once, identified, ended.

One account a sandbox folder. It outlives the command that started it, and every other command finds it by its file.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil

from sandbox.account.isolation import CLOSED, isolated
from sandbox.errors import SandboxError
from sandbox.folder import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from sandbox.folder import Folder

LOOPBACK = "127.0.0.1"
IDENTITY_PATH = "/_account"
"""Where an account says who it is; no S3 bucket can be called so."""

START_DEADLINE = 120.0
ANSWER_DEADLINE = 30.0
END_DEADLINE = 10.0
"""Seconds: until a started account is ready, a running one says who it is, and an ended one is gone."""

SAME_START = 1.0
"""Seconds by which two readings of one process's start may differ when the clock is adjusted."""

LOG_LINES = 5


@dataclass(frozen=True)
class AccountSettings:
    """Which account to embed: its 12-digit id, and the stack's region."""

    account_id: str
    region: str


@dataclass(frozen=True)
class Account:
    """A running account, as its file holds it; `started` is the process's start in seconds since the epoch."""

    endpoint: str
    account_id: str
    region: str
    pid: int
    started: float


def find(folder: Folder) -> Account | None:
    """The folder's account, if it runs; of one that does not answer, file and process are removed."""
    account = _read(folder)
    if account is not None and _answers(account):
        return account
    if not folder.account_file.exists():
        return None
    with _locked(folder):
        return _find_or_forget(folder)


def ensure(folder: Folder, settings: AccountSettings) -> Account:
    """The folder's account, started if it does not run; two commands at once start one.

    SandboxError: it dies before it answers, or it runs for another account or region.
    """
    with _locked(folder) as lock:
        account = _find_or_forget(folder) or _start(folder, settings, lock)
    if (account.account_id, account.region) != (settings.account_id, settings.region):
        raise SandboxError(
            f"the sandbox holds account {account.account_id} in {account.region}, but the stack's config names "
            f"{settings.account_id} in {settings.region}: run `python -m sandbox reset` to begin anew"
        )
    return account


def stop(folder: Folder) -> bool:
    """End the folder's account and remove its file; whether there was one that ran."""
    if not folder.root.exists():
        return False
    with _locked(folder):
        account = _read(folder)
        ran = account is not None and _process(account) is not None
        _forget(folder, account)
        return ran


def environment(account: Account) -> dict[str, str]:
    """What a child needs so that every AWS SDK talks to the account and to nothing else.

    To be laid over `isolation.isolated(os.environ)`: an inherited AWS_PROFILE or AWS_ENDPOINT_URL_S3 would win over it.
    """
    return {
        **CLOSED,
        "AWS_ENDPOINT_URL": account.endpoint,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": account.region,
        "AWS_DEFAULT_REGION": account.region,
        "AWS_RETRY_MODE": "standard",
        "AWS_MAX_ATTEMPTS": "2",
        "AWS_PAGER": "",
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }


def calls_file(folder: Folder) -> Path:
    """Every call that the account got, a line of JSON each: service, operation, status."""
    return folder.root / "calls.jsonl"


def write(folder: Folder, account: Account) -> None:
    """Write the account's file, in one step."""
    draft = folder.account_file.with_suffix(".new")
    draft.write_text(json.dumps(asdict(account), indent=2) + "\n")
    draft.replace(folder.account_file)


def _read(folder: Folder) -> Account | None:
    """What the account's file says; none when it is missing or not ours to understand."""
    try:
        return Account(**json.loads(folder.account_file.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


@contextmanager
def _locked(folder: Folder) -> Generator[int]:
    """Hold the folder's lock; yields its descriptor, which a started account holds too until it is ready."""
    folder.root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder.root / "account.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _find_or_forget(folder: Folder) -> Account | None:
    account = _read(folder)
    if account is not None and _answers(account):
        return account
    _forget(folder, account)
    return None


def _forget(folder: Folder, account: Account | None) -> None:
    """End what is left of the account's process, and remove its file."""
    process = account and _process(account)
    if process:
        _end(process)
    folder.account_file.unlink(missing_ok=True)


def _end(process: psutil.Process) -> None:
    """Ask the process to end, then make it; SandboxError when it does neither."""
    for end in (process.terminate, process.kill):
        with suppress(psutil.NoSuchProcess):
            end()
        if _is_gone(process):
            return
    raise SandboxError(f"process {process.pid} of the embedded account does not end; end it by hand (kill -9)")


def _is_gone(process: psutil.Process) -> bool:
    """Whether the process ends before the deadline; one that nobody has reaped yet has ended."""
    deadline = time.monotonic() + END_DEADLINE
    while time.monotonic() < deadline:
        try:
            process.wait(0.05)
        except psutil.TimeoutExpired:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                continue
        except psutil.NoSuchProcess:
            pass
        return True
    return False


def _process(account: Account) -> psutil.Process | None:
    """The account's process; none when it is gone, or when its id has been given to another."""
    try:
        process = psutil.Process(account.pid)
        same = abs(process.create_time() - account.started) < SAME_START
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _answers(account: Account) -> bool:
    """Whether the account's process runs, and its port answers as that account."""
    if _process(account) is None:
        return False
    address = urlsplit(account.endpoint)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=ANSWER_DEADLINE)
    try:
        connection.request("GET", IDENTITY_PATH)
        return json.loads(connection.getresponse().read()) == asdict(account)
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def _start(folder: Folder, settings: AccountSettings, lock: int) -> Account:
    """Start an account in a session of its own, and wait until it is ready or dead."""
    ready, told = os.pipe()
    command = [sys.executable, "-m", "sandbox.account", f"--folder={folder.root.resolve()}"]
    command += [
        f"--account-id={settings.account_id}",
        f"--region={settings.region}",
        f"--ready={told}",
        f"--lock={lock}",
    ]
    with folder.account_log.open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 -- our own module
            command,
            cwd=REPOSITORY,
            env=isolated(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(told, lock),
        )
    os.close(told)
    try:
        answered = _wait_for_line(ready)
    finally:
        os.close(ready)
    account = _read(folder) if answered else None
    if account is None or not _answers(account):
        child.kill()
        raise SandboxError(_why_not(folder, child.wait(), answered=answered))
    child.returncode = 0  # it outlives this command: nothing is to wait for it
    return account


def _wait_for_line(descriptor: int) -> bool:
    """Whether the other end writes before it closes or the deadline passes."""
    deadline = time.monotonic() + START_DEADLINE
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([descriptor], [], [], left)
        if readable:
            return bool(os.read(descriptor, 64))
    return False


def _why_not(folder: Folder, code: int, *, answered: bool) -> str:
    lines = folder.account_log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    what = "does not say who it is" if answered else f"ended with exit code {code} before it was ready"
    return "\n".join([f"the embedded account {what}; the end of {folder.account_log}:", *lines])
