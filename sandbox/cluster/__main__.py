"""`python -m sandbox.cluster`: hold a cluster together until it is told to end. Started by `life.up`."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
from pathlib import Path

import psutil

from common.errors import CannotRunError, FleetError
from sandbox import files
from sandbox.account import process as accounts
from sandbox.cluster import layout as layouts
from sandbox.cluster.layout import Layout
from sandbox.cluster.supervisor import Supervisor, parts
from sandbox.folder import Folder


def main() -> int:
    """Serve; tells through the descriptor that it is ready, or why it is not."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.cluster", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the sandbox folder")
    parser.add_argument("--name", required=True, help="the EKS cluster of the account")
    parser.add_argument("--ready", type=int, required=True, help="file descriptor that gets `ready`, or what failed")
    arguments = parser.parse_args()
    folder = Folder(arguments.folder)
    layout = Layout.of(folder)
    with layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            account = _account(folder)
            supervisor = Supervisor(layout, layouts.ports(layout), account, arguments.name, parts(lambda _line: None))
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, lambda _number, _frame: supervisor.stop())
            try:
                supervisor.start()
                state = {"pid": os.getpid(), "name": arguments.name, "started": psutil.Process().create_time()}
                files.write(layout.state_file, json.dumps(state) + "\n")
                os.write(arguments.ready, b"ready")
                os.close(arguments.ready)
                supervisor.wait()
            finally:
                supervisor.close()
                layout.state_file.unlink(missing_ok=True)
        except FleetError as error:
            os.write(arguments.ready, str(error).encode())
            return 1
    return 0


def _account(folder: Folder) -> accounts.Account:
    """The running account. Raises FleetError."""
    account = accounts.find(folder)
    if account is None:
        raise CannotRunError("the embedded account does not run: run `fleet sandbox up` first")
    return account


if __name__ == "__main__":
    raise SystemExit(main())
