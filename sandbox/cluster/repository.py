"""The Git host's repository: seeded once from the checkout's HEAD, then its own."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING

from common.errors import CannotRunError, FleetError
from sandbox.cluster import pki
from sandbox.cluster.git_host import PROTECTED

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.cluster.layout import Layout

BRANCH = "main"
HOOK = f"""#!/bin/sh
# Branch protection, as the Git host's switch has it.
while read -r _old _new ref; do
    if [ -n "$SANDBOX_PROTECTED" ] && [ "$ref" = refs/heads/{BRANCH} ]; then
        echo "{PROTECTED.format(ref=f"refs/heads/{BRANCH}")}" >&2
        exit 1
    fi
done
"""


def seed(layout: Layout, name: str, source: Path) -> Path:
    """The bare repository OWNER/REPOSITORY, made from the commit that is checked out in `source` unless it is there.

    Raises:
        FleetError: `source` is not a clone, or git refuses.
    """
    target = layout.repositories / f"{name}.git"
    if target.exists():
        return target
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    _git("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", partial)
    head = _git("-C", source, "rev-parse", "--verify", "HEAD")
    _git("-C", source, "push", "--quiet", "--no-verify", partial, f"{head}:refs/heads/{BRANCH}")
    _git("-C", partial, "config", "http.receivepack", "true")
    hook = partial / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)
    partial.rename(target)
    return target


def token(layout: Layout) -> str:
    """The token that the Git host takes, made when it is first asked for."""
    if not layout.token_file.exists():
        pki.write_private(layout.token_file, f"github_pat_{secrets.token_hex(24)}".encode())
    return layout.token_file.read_text()


def _git(*arguments: str | Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607 the user's git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise CannotRunError("git is needed for the sandbox's Git host: put it on PATH") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split())
        raise FleetError(f"git {arguments[0]} fails: {said}")
    return done.stdout.strip()
