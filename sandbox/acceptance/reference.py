"""The account that the real one is compared with: the same program and settings, in an embedded account of its own."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from common.errors import FleetError
from common.pulumi.runner import Stack
from sandbox import rehearsal
from sandbox.acceptance import child
from sandbox.folder import Folder

if TYPE_CHECKING:
    from sandbox.acceptance.plan import Plan
    from tools.build import Say


def state(plan: Plan, say: Say) -> str:
    """Build the stack in an embedded account, and end that account; gives its exported state.

    The engine gets the sandbox's environment, in which no credential of this process is.

    Raises:
        FleetError: it cannot be built: then nothing would be learnt on a real account.
        KeyboardInterrupt: a person wants it to end.
    """
    folder = Folder(plan.reference)
    rehearsal.reset(folder)
    try:
        ready = rehearsal.prepare(
            folder,
            plan.checkout,
            say,
            stack=plan.stack,
            file=plan.stack_file,
            permanent_file=plan.account_file,
        )
        up = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive", "--stack", plan.stack]
        command = [str(ready.engine.path), *up]
        done = child.run(command, ready.environment, folder.project, together=True, is_shown=False)
        if signal.SIGINT in done.signals:
            raise KeyboardInterrupt
        if done.code != 0:
            raise FleetError(f"the embedded account cannot be built, so nothing can be compared:\n{done.stderr}")
        found = Stack(folder.project, plan.stack, ready.environment).export()
        if found is None:
            raise FleetError(f"the embedded account has no state of {plan.stack}")
        return found
    finally:
        rehearsal.reset(folder)
