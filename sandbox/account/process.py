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
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil

from common.errors import CannotRunError, FleetError
from sandbox import files
from sandbox.account.isolation import isolated
from sandbox.folder import CODE

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from sandbox.folder import Folder

LOOPBACK = "127.0.0.1"
IDENTITY_PATH = "/_account"
"""Where an account says who it is; no S3 bucket can be called so."""

CREDENTIALS_PATH = f"{IDENTITY_PATH}/credentials/"
"""Where an account says what it issued with the access key id that follows."""

START_DEADLINE = 120.0
ANSWER_DEADLINE = 30.0
END_DEADLINE = 10.0
"""Seconds: until a started account is ready, a running one says who it is, and an ended one is gone."""

LOG_LINES = 5


@dataclass(frozen=True)
class Account:
    """A running account, as its file holds it; `started` is the process's start in seconds since the epoch."""

    endpoint: str
    account_id: str
    region: str
    pid: int
    started: float


@dataclass(frozen=True)
class ControlPlane:
    """Where the API server behind the account's first EKS cluster listens, and the file with its CA (PEM)."""

    endpoint: str
    authority: Path


def find(folder: Folder) -> Account | None:
    """The folder's account, if it runs; of one that answers as another, file and process are removed.

    FleetError: it runs, but does not answer in time.
    """
    if not folder.claimed:
        return None
    with _locked(folder):
        return _find_or_forget(folder)


def ensure(folder: Folder, account_id: str, region: str, control_plane: ControlPlane | None = None) -> Account:
    """The folder's account, started with this 12-digit id and region unless it runs; two commands at once start one.

    Without a control plane there is nothing behind the endpoints of its EKS clusters.

    FleetError: it does not start or does not answer in time, or it runs for another account or region.
    """
    with _locked(folder) as lock:
        account = _find_or_forget(folder) or _start(folder, account_id, region, control_plane, lock)
    if (account.account_id, account.region) != (account_id, region):
        raise CannotRunError(
            f"the sandbox holds account {account.account_id} in {account.region}, but the stack's config names "
            f"{account_id} in {region}: run `fleet sandbox reset` to begin anew"
        )
    return account


@contextmanager
def stopped(folder: Folder) -> Generator[None]:
    """End the folder's account; none is started before the block ends, in which the lock may be removed as well.

    FleetError: its process does not end.
    """
    with _locked(folder):
        _forget(folder, _read(folder))
        yield


def stop(folder: Folder) -> None:
    """End the folder's account. FleetError: its process does not end."""
    with stopped(folder):
        pass


def environment(account: Account) -> dict[str, str]:
    """What makes every AWS SDK talk to the account.

    Over an environment with no AWS_* variables but `isolation.CLOSED`: a profile, or an endpoint of one service, wins.
    """
    return {
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


def write(folder: Folder, account: Account) -> None:
    """Write the account's file."""
    files.write(folder.account_file, json.dumps(asdict(account), indent=2) + "\n")


def _read(folder: Folder) -> Account | None:
    """What the account's file says; none when it is missing or not ours to understand."""
    try:
        return Account(**json.loads(folder.account_file.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


@contextmanager
def _locked(folder: Folder) -> Generator[int]:
    """Hold the folder's lock; yields its descriptor, which a started account holds too until it is ready."""
    descriptor = _lock(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(folder: Folder) -> int:
    """Take the lock, and take it anew if a reset removed file or folder meanwhile: what is left then locks nothing."""
    while True:
        with suppress(FileNotFoundError), ExitStack() as undo:
            folder.claim()
            descriptor = os.open(folder.account_lock, os.O_RDWR | os.O_CREAT, 0o600)
            undo.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), folder.account_lock.stat()):
                undo.pop_all()
                return descriptor


def _find_or_forget(folder: Folder) -> Account | None:
    account = _read(folder)
    if account is not None and _answers(folder, account):
        return account
    _forget(folder, account)
    return None


def _forget(folder: Folder, account: Account | None) -> None:
    """End what is left of the account's process, and remove its file."""
    process = account and _process(folder, account)
    if process:
        _end(process)
    folder.account_file.unlink(missing_ok=True)


def _end(process: psutil.Process) -> None:
    """Ask the process to end, then make it; FleetError when it does neither."""
    for end in (process.terminate, process.kill):
        with suppress(psutil.NoSuchProcess):
            end()
        if _is_gone(process):
            return
    raise FleetError(f"process {process.pid} of the embedded account does not end; end it by hand (kill -9)")


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


def _process(folder: Folder, account: Account) -> psutil.Process | None:
    """The account's process; none when it is gone, or when its id has been given to another.

    Known by its command line: a process's start in seconds changes when the clock is set.
    """
    try:
        process = psutil.Process(account.pid)
        return process if _mark(folder) in process.cmdline() else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _mark(folder: Folder) -> str:
    """The argument that only the folder's account has."""
    return f"--folder={folder.root.resolve()}"


def _answers(folder: Folder, account: Account) -> bool:
    """Whether the account's process runs, and its port answers as that account. FleetError: it runs and is silent."""
    if _process(folder, account) is None:
        return False
    address = urlsplit(account.endpoint)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=ANSWER_DEADLINE)
    try:
        connection.request("GET", IDENTITY_PATH)
        return json.loads(connection.getresponse().read()) == asdict(account)
    except TimeoutError:
        if _process(folder, account) is None:
            return False
        raise FleetError(
            f"the embedded account (process {account.pid}) does not answer within {ANSWER_DEADLINE:g} s: "
            "wait, or run `fleet sandbox reset`"
        ) from None
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def _start(folder: Folder, account_id: str, region: str, control_plane: ControlPlane | None, lock: int) -> Account:
    """Start an account in a session of its own, and wait until it is ready or dead."""
    ready, told = os.pipe()
    command = [sys.executable, "-m", "sandbox.account", _mark(folder), f"--account-id={account_id}"]
    command += [f"--region={region}", f"--ready={told}", f"--lock={lock}"]
    if control_plane:
        command += [f"--api-server={control_plane.endpoint}", f"--api-server-ca={control_plane.authority}"]
    with folder.account_log.open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 -- our own module
            command,
            cwd=CODE,
            env=isolated(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(told, lock),
        )
    os.close(told)
    try:
        account = _await(ready, child, folder)
    except BaseException:
        child.kill()
        child.wait()
        folder.account_file.unlink(missing_ok=True)
        raise
    finally:
        os.close(ready)
    child.returncode = 0  # it outlives this command: nothing is to wait for it
    return account


def _await(ready: int, child: subprocess.Popen[bytes], folder: Folder) -> Account:
    """The account that `child` became, once it has written to the pipe; FleetError with its log when it does not."""
    readable, _, _ = select.select([ready], [], [], START_DEADLINE)
    if not readable:
        fault = f"was not ready within {START_DEADLINE:g} s"
    elif not os.read(ready, 64):
        fault = f"ended with exit code {child.wait()} before it was ready"
    else:
        account = _read(folder)
        if account is not None and _answers(folder, account):
            return account
        fault = "does not say who it is"
    lines = folder.account_log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    raise FleetError("\n".join([f"the embedded account {fault}; the end of {folder.account_log}:", *lines]))
