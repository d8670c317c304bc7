"""The `pulumi` of the permanent layer's project: one stack, in a backend of its own or in the bucket."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.contract.names import PERMANENT_STACK
from permanent.errors import PermanentError

if TYPE_CHECKING:
    from pathlib import Path

NO_STACK = 6
"""Exit code of pulumi for a stack that is not in the backend (cmd/exit_codes.go of 3.274)."""


@dataclass(frozen=True)
class Engine:
    """The engine on the stack `account` of a project, in one backend."""

    project: Path
    backend: str
    """As `pulumi login` takes it."""
    secrets_provider: str

    def show(self, *arguments: str) -> None:
        """Run a command whose output the person sees.

        Raises:
            PermanentError: it fails; pulumi has said why.
        """
        done = self._run(arguments, capture=False)
        if done.returncode != 0:
            raise PermanentError(f"pulumi {arguments[0]} failed with exit code {done.returncode}: see above")

    def init(self) -> None:
        """Make the stack unless the backend holds it.

        Raises:
            PermanentError: it cannot be made.
        """
        if self.export() is None:
            self._need("stack", "init", PERMANENT_STACK, "--no-select", f"--secrets-provider={self.secrets_provider}")

    def export(self) -> dict[str, Any] | None:
        """The deployment with its resources, secrets encrypted; None if the backend has no such stack.

        Raises:
            PermanentError: the backend cannot be read.
        """
        arguments = ("stack", "export", f"--stack={PERMANENT_STACK}")
        done = self._run(arguments)
        if done.returncode == NO_STACK:
            return None
        self._check(arguments, done)
        return json.loads(done.stdout)

    def take(self, deployment: Path) -> None:
        """Replace the stack's state by an exported one. Raises PermanentError."""
        self._need("stack", "import", f"--stack={PERMANENT_STACK}", f"--file={deployment}")

    def _need(self, *arguments: str) -> None:
        self._check(arguments, self._run(arguments))

    def _check(self, arguments: tuple[str, ...], done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split())
            raise PermanentError(f"pulumi {' '.join(arguments[:2])} in {self.backend}: {said}")

    def _run(self, arguments: tuple[str, ...], *, capture: bool = True) -> subprocess.CompletedProcess[str]:
        environ = {
            **os.environ,
            "PULUMI_BACKEND_URL": self.backend,
            # The first state is encrypted with an empty passphrase: no secret is in it.
            "PULUMI_CONFIG_PASSPHRASE": "",
        }
        environ.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        try:
            return subprocess.run(  # noqa: S603 our own arguments
                ["pulumi", *arguments, "--non-interactive"],  # noqa: S607 the person's own pulumi
                cwd=self.project,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=capture,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise PermanentError("pulumi is not on PATH: install the version that mise.toml names") from None
