"""The Python packages that a program runs with: those of its own lock."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import FleetError
from tools import once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOCK = "requirements.txt"
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)
PROVIDER = "pulumi-aws"
SHOWN = 3

DIFFERENT = (
    "BASE has other packages than HEAD, and they could not be installed: BASE was built with HEAD's packages, so a "
    "change that comes from a package is not seen."
)


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    python: Path
    """Its folder."""
    provider: str | None = None
    """The version of pulumi-aws in it; None: the installed one."""
    missing: str = ""
    """Which packages of BASE are not in it, where they could not be installed."""


def pins(root: Path) -> Mapping[str, str]:
    """Package → version, of a checkout's lock; empty where it has none."""
    try:
        text = (root / LOCK).read_text("utf-8")
    except OSError:
        return {}
    return {found["name"].lower(): found["version"] for found in PIN.finditer(text)}


def own(root: Path) -> Environment:
    """The environment of a checkout: its own, else the one that this runs in."""
    virtualenv = root / ".venv"
    return Environment(virtualenv if (virtualenv / "bin" / "python").exists() else Path(sys.prefix))


def of_base(base: Path, head: Path, environment: Environment, say: Callable[[str], None]) -> Environment:
    """The environment of BASE: that of HEAD if both want the same packages, else one of its own, from the cache.

    Args:
        base: BASE's files.
        head: HEAD's files.
        environment: HEAD's.
        say: told that packages are installed.
    """
    wanted, there = pins(base), pins(head)
    if wanted == there or not wanted:
        return environment
    names = sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
    listed = ", ".join(
        f"{name} {wanted.get(name, 'none')} instead of {there.get(name, 'none')}" for name in names[:SHOWN]
    )
    more = f" and {len(names) - SHOWN} more" if names[SHOWN:] else ""
    say(f"BASE has other packages: {listed}{more}")
    try:
        return Environment(_installed(base / LOCK, wanted, say), wanted.get(PROVIDER))
    except FleetError as error:
        say(f"warning: {DIFFERENT} {error}")
        return Environment(environment.python, None, f"{listed}{more}")


def _installed(lock: Path, wanted: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """The environment of a lock, made unless it is there. Raises FleetError."""
    made_from = f"{sys.version}\n{sorted(wanted.items())}"
    folder = once.cache("environments") / hashlib.sha256(made_from.encode()).hexdigest()[:16]
    with once.turn(folder.parent, "an environment", say):
        if not folder.exists():
            say("its packages are installed once, into an environment of their own (a minute or two)")
            with once.complete(folder) as partial:
                run(sys.executable, "-m", "venv", str(partial))
                pip = (str(partial / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes")
                run(*pip, "--disable-pip-version-check", "-r", str(lock))
    return folder


def run(*command: str) -> None:
    """Run a command to its end. Raises FleetError with its last line."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise FleetError(f"{' '.join(command[1:4])} failed: {said[-1] if said else done.returncode}")
