"""What a sandbox command stands on: the account of its folder, the engine, and an environment that joins them."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from infra.contract import names
from infra.settings import Settings, SettingsError, parse
from sandbox.account import process
from sandbox.account.seed import seed
from sandbox.engine import project, pulumi, run
from sandbox.engine.environment import environment
from sandbox.engine.provider_plugin import install_plugin
from sandbox.errors import SandboxError
from sandbox.folder import REPOSITORY, Folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sandbox.engine.tools import Say


@dataclass(frozen=True)
class Rehearsal:
    """One stack in one sandbox folder, ready for the engine."""

    folder: Folder
    stack: str
    engine: pulumi.Pulumi
    environment: Mapping[str, str]

    def pulumi(self, *arguments: str) -> int:
        """Run the engine on the stack in the foreground; gives its exit code."""
        command = [str(self.engine.path), *arguments, "--stack", self.stack]
        return run.run(command, self.environment, self.folder.project)

    def execute(self, command: Sequence[str], cwd: Path) -> int:
        """Run any command with the account's environment in the foreground; gives its exit code."""
        return run.run(command, self.environment, cwd)


def read_settings(stack: str, stack_file: Path) -> Settings:
    """Read what the account has to know of the stack.

    Raises:
        SandboxError: the file is missing or no YAML, or its config describes no stack.
    """
    config: object = project.read_document(stack_file).get("config") or {}
    if not isinstance(config, dict):
        raise SandboxError(f"{stack_file}: config is {config!r}, expected a mapping of keys to values")
    prefix = f"{names.PROJECT}:"
    pairs = cast("project.Document", config).items()
    own = {key.removeprefix(prefix): value for key, value in pairs if key.startswith(prefix)}
    try:
        return parse(own, stack)
    except SettingsError as error:
        raise SandboxError(f"{stack_file.name} does not describe a stack that can be built:\n{error}") from None


def prepare(folder: Folder, stack: str, stack_file: Path, say: Say) -> Rehearsal:
    """Start what is not running, build what is not built, and write what the engine reads.

    Raises:
        SandboxError: the config is bad, or a part cannot be had.
    """
    settings = read_settings(stack, stack_file)
    folder.claim()
    if process.find(folder) is None and _built(folder):
        raise SandboxError(
            "the embedded account has ended, and with it all that this sandbox's state says is built: "
            "run `python -m sandbox reset` to begin anew"
        )
    account = process.ensure(folder, settings.account_id, settings.region)
    say(
        f"an embedded AWS account, {account.account_id} in {account.region}, with a stand-in for pulumi-aws: "
        "nothing here reaches AWS"
    )
    engine = pulumi.find(folder, say)
    pulumi.prepare_bin(folder, engine)
    install_plugin(folder)
    environ = environment(folder, account=process.environment(account))
    project.write_project(folder, stack, stack_file)
    project.ensure_stack(folder, engine, stack, environ)
    _seed(account, settings)
    return Rehearsal(folder, stack, engine, environ)


def reset(folder: Folder) -> bool:
    """End the account and remove what the sandbox wrote; whether there was anything. Other files are left alone.

    Raises:
        SandboxError: the folder has contents and is no sandbox folder.
    """
    if not folder.root.exists() or not any(folder.root.iterdir()):
        return False
    if not folder.claimed:
        raise SandboxError(f"{folder.root} is no sandbox folder: nothing was removed")
    with process.stopped(folder):
        for path in folder.contents:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    with suppress(OSError):  # it holds other files, or a command that waited has claimed it again
        folder.root.rmdir()
    return True


def default_stack_file(stack: str) -> Path:
    """Where the production config of a stack lies."""
    return REPOSITORY / f"Pulumi.{stack}.yaml"


def _built(folder: Folder) -> bool:
    """Whether a stack in the sandbox's state has resources."""
    checkpoints = (folder.state / ".pulumi" / "stacks").glob("*/*.json")
    latest = (json.loads(path.read_text("utf-8"))["checkpoint"]["latest"] for path in checkpoints)
    return any(deployment and deployment.get("resources") for deployment in latest)


def _seed(account: process.Account, settings: Settings) -> None:
    """Make what the account has before any stack: AWS refuses an access entry for a role that is not there."""
    deploy = names.role_arn(settings.account_id, names.DEPLOY_ROLE)
    seed(
        account,
        roles=[deploy, *settings.cluster_admins],
        log_groups=[names.log_group(settings.cluster_name)],
    )
