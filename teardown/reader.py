"""Commands that work where they are read: what a person's machine needs before them."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import FleetError
from common.pulumi import runner
from common.text import LINE, clean
from teardown import capture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FLEET = ".venv/bin/fleet"
"""The command in a clone, after `make install`."""


@dataclass(frozen=True)
class Reader:
    """Who reads an issue or a job's summary, on a machine of their own."""

    account: str = "<account>"
    region: str = "<region>"
    backend: str = "<backend>"

    @classmethod
    def of(cls, folder: Path, stack: str) -> Reader:
        """Read the stack's settings, and the backend from the environment; what is not known stays a placeholder."""
        backend = os.environ.get(runner.BACKEND_VARIABLE) or cls.backend
        try:
            target = capture.of_stack(folder, stack)
        except FleetError:
            return cls(backend=backend)
        return cls(target.account_id, target.region, backend)

    def commands(self, commands: Sequence[str]) -> list[str]:
        """Lines for a shell on that machine."""
        return [
            "make install",
            f"# credentials of account {self.account}, with the rights of the deploy role",
            "export AWS_PROFILE='<your profile>'",
            'aws sso login --profile "$AWS_PROFILE"   # or however you get them',
            f"export AWS_REGION={shlex.quote(self.region)}",
            f"export {runner.BACKEND_VARIABLE}={shlex.quote(self.backend)}",
            *commands,
        ]

    def block(self, commands: Sequence[str]) -> list[str]:
        """The same as Markdown."""
        where = "On your machine, in a clone of this repository at `main`:"
        return [where, "", *(f"    {clean(line, LINE)}" for line in self.commands(commands)), ""]
