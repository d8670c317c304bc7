"""The permanent layer in the embedded account: what every stack there stands on, made by its own command."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from common.errors import CannotRunError, FleetError
from infra.contract.names import PERMANENT_STACK
from infra.stack_file import config_of
from permanent.settings import Settings, parse_file
from sandbox import files
from sandbox.account.clients import APPLICATION_VARIABLE, OWN
from sandbox.engine import project
from sandbox.folder import CODE, Folder

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from infra.settings import Settings as StackSettings
    from sandbox.account.process import Account
    from sandbox.checkout import Checkout
    from tools.build import Say

MADE_FROM = ("permanent/**/*.py", "permanent/**/*.json", "permanent/Pulumi.yaml", "infra/contract/*.py", "infra/*.py")
"""What another permanent layer may come of."""


def read_settings(file: Path, stack: StackSettings) -> Settings:
    """Read the permanent layer's settings, and check that a stack fits them.

    Raises:
        FleetError: the file describes no permanent layer, or not that of the stack's account, region and cluster.
    """
    settings = parse_file(config_of(file))
    here, there = (stack.account_id, stack.region), (settings.account_id, settings.region)
    if here != there:
        raise CannotRunError(
            f"the stack's config names account {here[0]} in {here[1]}, but {file.name} names {there[0]} in {there[1]}: "
            "`fleet configure` writes both"
        )
    if stack.cluster_name not in settings.clusters:
        raise CannotRunError(
            f"the cluster {stack.cluster_name} is none of the permanent layer's in {file.name} "
            f"({', '.join(settings.clusters)}): `fleet configure` adds it"
        )
    return settings


def ensure(
    folder: Folder,
    checkout: Checkout,
    account: Account,
    environ: Mapping[str, str],
    file: Path,
    say: Say,
    *,
    code: Path = CODE,
    python: Path | None = None,
) -> None:
    """Apply the permanent layer in the account, unless it is there as its sources and `file` have it.

    Args:
        folder: of the sandbox.
        checkout: whose permanent layer it is.
        account: where it is applied.
        environ: of the engine.
        file: the layer's config.
        say: told that it is applied.
        code: the checkout whose `fleet account` applies it.
        python: the virtual environment of its program, where it is not the checkout's.

    Raises:
        FleetError: it cannot be applied; what its command printed follows.
    """
    with _alone(folder):
        stamp = _digest(account, checkout, file)
        before = folder.permanent_stamp.read_text("utf-8") if folder.permanent_stamp.exists() else ""
        if before == stamp:
            return
        say("the permanent layer is applied first: state bucket, roles, log groups, secrets")
        same_account = before.partition(" ")[0] == stamp.partition(" ")[0]
        project.write_project(
            folder.permanent, PERMANENT_STACK, file, source=checkout.permanent, keep=same_account, python=python
        )
        done = subprocess.run(  # noqa: S603 our own module
            [sys.executable, "-m", "fleet", "account", "apply", "--yes", f"--cwd={folder.root}"],
            cwd=code,
            env={**environ, APPLICATION_VARIABLE: OWN},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise FleetError(f"the permanent layer could not be applied:\n{done.stdout.rstrip()}")
        files.write(folder.permanent_stamp, stamp)


def _digest(account: Account, checkout: Checkout, file: Path) -> str:
    """`<the account's life> <digest of what its permanent layer is made from>`."""
    digest = hashlib.sha256(file.read_bytes())
    for path in sorted(path for pattern in MADE_FROM for path in checkout.root.glob(pattern)):
        digest.update(path.read_bytes())
    return f"{account.pid}-{account.started} {digest.hexdigest()}"


@contextmanager
def _alone(folder: Folder) -> Generator[None]:
    """One command at a time applies it; the others wait and find it done."""
    folder.permanent.mkdir(exist_ok=True)
    with (folder.permanent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
