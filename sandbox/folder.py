"""The sandbox folder: everything that a rehearsal writes lies in it, so that removing it removes the rehearsal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER_VARIABLE = "INFRA_FLEET_SANDBOX"
"""Set in child processes only: the absolute path of the sandbox folder that they belong to."""

REPOSITORY = Path(__file__).resolve().parent.parent
"""The clone that this code runs from."""


@dataclass(frozen=True)
class Folder:
    """The paths inside a sandbox folder."""

    root: Path

    @property
    def account_file(self) -> Path:
        """Who the running account is: pid, start time, port, account id, region (JSON)."""
        return self.root / "account.json"

    @property
    def account_log(self) -> Path:
        """What the account's process prints, one line a request."""
        return self.root / "account.log"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME of the engine: its plugins and credentials, instead of the user's."""
        return self.root / "home"

    @property
    def state(self) -> Path:
        """The engine's backend, a folder."""
        return self.root / "state"

    @property
    def backend_url(self) -> str:
        """The only backend that the sandbox's provider works with."""
        return self.state.as_uri()

    @property
    def bin(self) -> Path:
        """First on PATH of the engine: pulumi and, beside it, its language host."""
        return self.root / "bin"

    @property
    def project(self) -> Path:
        """A Pulumi project whose program is the repository's: the engine writes stack files here."""
        return self.root / "project"

    @property
    def contents(self) -> tuple[Path, ...]:
        """All that the sandbox writes."""
        account = ("account.json", "account.log", "account.lock", "calls.jsonl")
        return (*(self.root / name for name in account), self.pulumi_home, self.state, self.bin, self.project)
