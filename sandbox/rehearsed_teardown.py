"""`fleet teardown` in the sandbox: the deploy role, on the embedded account and the stack's project."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from sandbox.account import process
from sandbox.cluster import rehearsed_bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.rehearsal import Rehearsal

OF_A_STACK = ("run", "capture", "drain", "sweep", "verify", "history", "restore")


def environment(ready: Rehearsal) -> dict[str, str]:
    """What makes the teardown work here. Raises FleetError: there is no account."""
    account = process.find(ready.folder)
    if account is None:
        raise CannotRunError("there is no embedded account: run `fleet sandbox up`")
    return {**ready.environment, **rehearsed_bootstrap.deploy_credentials(account)}


def command(ready: Rehearsal, arguments: Sequence[str]) -> list[str]:
    """`fleet teardown ARGUMENTS`, with the sandbox's project where the command takes it."""
    given = list(arguments) or ["--help"]
    added = [f"--cwd={ready.folder.project}", f"--stack={ready.stack}"] if given[0] in OF_A_STACK else []
    return [sys.executable, "-m", "fleet", "teardown", given[0], *added, *given[1:]]
