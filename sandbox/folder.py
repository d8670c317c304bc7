"""The sandbox folder: everything that a rehearsal writes lies in it, so that removing it removes the rehearsal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.errors import CannotRunError

FOLDER_VARIABLE = "INFRA_FLEET_SANDBOX"
"""Set in child processes only: the absolute path of the sandbox folder that they belong to."""

MARK = "# An infra-fleet sandbox: `fleet sandbox reset` empties it.\n*\n"

CODE = Path(__file__).resolve().parent.parent
"""Where this code lies, which all that the sandbox starts is of."""


@dataclass(frozen=True)
class Folder:
    """The paths inside a sandbox folder."""

    root: Path

    @property
    def marker(self) -> Path:
        """Says that this is a sandbox folder, and keeps it out of git: what lacks it is somebody else's."""
        return self.root / ".gitignore"

    @property
    def account_file(self) -> Path:
        """Who the running account is: pid, start time, port, account id, region (JSON)."""
        return self.root / "account.json"

    @property
    def faults(self) -> Path:
        """The rules by which the account's calls fail (JSON), if any do."""
        return self.root / "faults.json"

    @property
    def account_log(self) -> Path:
        """What the account's process prints, one line a request."""
        return self.root / "account.log"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME of the engine: its plugins and credentials, instead of the user's."""
        return self.root / "home"

    @property
    def bin(self) -> Path:
        """First on PATH of the engine: pulumi and, next to it, its language host."""
        return self.root / "bin"

    @property
    def project(self) -> Path:
        """A Pulumi project whose program is the repository's: the engine writes stack files here."""
        return self.root / "project"

    @property
    def permanent(self) -> Path:
        """The Pulumi project of the permanent layer, made as `project` is."""
        return self.root / "permanent"

    @property
    def permanent_stamp(self) -> Path:
        """What the permanent layer of the running account was made from: a digest."""
        return self.permanent / ".applied"

    @property
    def cluster(self) -> Path:
        """All that the cluster behind the account's EKS writes, and the Git host's repository."""
        return self.root / "cluster"

    @property
    def account_lock(self) -> Path:
        """Held by whoever starts or ends the account."""
        return self.root / "account.lock"

    @property
    def calls(self) -> Path:
        """Every call that the account got, a line of JSON each: service, operation, status."""
        return self.root / "calls.jsonl"

    @property
    def contents(self) -> tuple[Path, ...]:
        """All that the sandbox writes, in the order of removal: a removal that was cut short can be repeated.

        The marker says that it can, and the lock keeps a command from starting meanwhile.
        """
        account = (self.account_file, self.account_log, self.calls, self.faults)
        folders = (self.pulumi_home, self.bin, self.project, self.permanent, self.cluster)
        return (*account, *folders, self.marker, self.account_lock)

    def claim(self) -> None:
        """Make the folder, or find it ours.

        Raises:
            FleetError: it has contents and is not a sandbox folder.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        if self.claimed:
            return
        if {path.name for path in self.root.iterdir()} - {self.marker.name, self.account_lock.name}:
            raise CannotRunError(f"{self.root} is not empty and not a sandbox folder: name another with --folder")
        self.marker.write_text(MARK)

    @property
    def claimed(self) -> bool:
        """Whether this is a sandbox folder."""
        return self.marker.exists() and self.marker.read_text() == MARK
