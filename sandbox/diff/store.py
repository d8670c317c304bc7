"""Where the embedded accounts of diffs live, and what is kept of them: the last BASE, for the next run."""

from __future__ import annotations

import fcntl
import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pydantic

from sandbox import files, rehearsal
from sandbox.folder import CODE, Folder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from sandbox.account.process import Account

FOLDER = ".sandbox-diff"
"""In the checkout."""

OURS = ("common", "fleet", "infra", "permanent", "sandbox")
"""The packages of this code that an account is made with."""


class Kept(pydantic.BaseModel):
    """What an account was made into."""

    model_config = pydantic.ConfigDict(frozen=True)

    account: str
    """The life of its process: another one has nothing in it."""
    stacks: dict[str, str] = {}
    """Stack of BASE → why it could not be built; empty: it is there."""
    packages: str = ""
    """Which packages BASE has otherwise, where they could not be installed."""
    layer: str = ""
    """Why the permanent layer is not BASE's; empty: it is."""


@contextmanager
def held(root: Path) -> Generator[Path]:
    """The folder of a checkout's accounts, for one command at a time."""
    store = root / FOLDER
    store.mkdir(exist_ok=True)
    (store / ".gitignore").write_text("*\n", "utf-8")
    with (store / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield store


def key(parts: Iterable[str]) -> str:
    """The name of an account's folder: what it is made from, this code included."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    for package in OURS:
        for path in sorted((CODE / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def life(account: Account) -> str:
    """What tells a process from the next one on the same folder."""
    return f"{account.pid}-{account.started}"


def read(folder: Folder) -> Kept | None:
    """What is known of an account; None: nothing."""
    try:
        return Kept.model_validate_json(_file(folder).read_text("utf-8"))
    except (OSError, pydantic.ValidationError):
        return None


def write(folder: Folder, kept: Kept) -> None:
    """Remember what an account was made into."""
    files.write(_file(folder), kept.model_dump_json())


def forget(store: Path, *, keep: Folder | None = None) -> int:
    """End the accounts of a store, but for one; how many there were. Raises FleetError."""
    there = [Folder(path) for path in sorted(store.iterdir()) if path.is_dir()]
    return sum(rehearsal.reset(folder) for folder in there if folder != keep)


def _file(folder: Folder) -> Path:
    # In a folder that a reset removes.
    return folder.project / ".base.json"
