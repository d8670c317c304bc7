"""What a sandbox command stands on: the account of its folder, the engine, and an environment that joins them."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import CannotRunError
from common.pulumi import foreground
from infra.contract import names
from infra.settings import Settings, parse_file
from infra.stack_file import config_of
from sandbox import permanent_layer
from sandbox.account import process
from sandbox.account.clients import own_client
from sandbox.account.seed import seed
from sandbox.cluster import layout as layouts
from sandbox.cluster import life, pki
from sandbox.cluster.layout import Layout
from sandbox.engine import project, pulumi
from sandbox.engine.environment import environment
from sandbox.engine.provider_plugin import install_plugin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sandbox.checkout import Checkout
    from sandbox.folder import Folder
    from tools.build import Say


@dataclass(frozen=True)
class Rehearsal:
    """One stack in one sandbox folder, ready for the engine."""

    folder: Folder
    checkout: Checkout
    stack: str
    engine: pulumi.Pulumi
    environment: Mapping[str, str]
    secrets_provider: str

    def pulumi(self, *arguments: str) -> int:
        """Run the engine on the stack in the foreground; gives its exit code.

        Raises:
            FleetError: the arguments name a stack, which this is not.
        """
        if any(each in ("-s", "--stack") or each.startswith("--stack=") for each in arguments):
            raise CannotRunError(f"{' '.join(arguments)}: name the stack before --: fleet sandbox preview --stack prod")
        command = [str(self.engine.path), *arguments, "--stack", self.stack]
        return foreground.run(command, self.environment, self.folder.project)

    def execute(self, command: Sequence[str], cwd: Path) -> int:
        """Run any command with the account's environment in the foreground; gives its exit code."""
        return foreground.run(command, self.environment, cwd)


def read_settings(stack: str, file: Path) -> Settings:
    """Read what the account has to know of the stack.

    Raises:
        FleetError: the file is missing or not YAML, or its config is invalid.
    """
    return parse_file(config_of(file), stack)


def prepare(
    folder: Folder,
    checkout: Checkout,
    say: Say,
    *,
    stack: str = "staging",
    file: Path | None = None,
    permanent_file: Path | None = None,
) -> Rehearsal:
    """Start what is not running, build what is not built, and write what the engine reads.

    Args:
        folder: of the sandbox.
        checkout: whose programs are rehearsed.
        say: told each step.
        stack: the stack's name.
        file: its config, where it is not the checkout's.
        permanent_file: the permanent layer's config, where it is not the checkout's.

    Raises:
        FleetError: the config is bad, or a part is not available.
    """
    file = file or checkout.stack_file(stack)
    permanent_file = permanent_file or checkout.permanent_file
    settings = read_settings(stack, file)
    permanent_layer.read_settings(permanent_file, settings)
    ground = start(folder, settings.account_id, settings.region, say)
    permanent_layer.ensure(folder, checkout, ground.account, ground.environment, permanent_file, say)
    return enter(ground, checkout, stack, file, settings.people)


@dataclass(frozen=True)
class Ground:
    """What all stacks of a sandbox folder stand on: an account that runs, and an engine."""

    folder: Folder
    account: process.Account
    engine: pulumi.Pulumi
    environment: Mapping[str, str]


def start(folder: Folder, account_id: str, region: str, say: Say) -> Ground:
    """Start the account of a folder unless it runs, and find or build the engine.

    Raises:
        FleetError: the account of an earlier run has ended, it is another one, or a part is not available.
    """
    folder.claim()
    if process.find(folder) is None and folder.permanent_stamp.exists():
        raise CannotRunError(
            "the embedded account has ended, and with it the state and all that was built: "
            "run `fleet sandbox reset` to begin anew"
        )
    layout = Layout.of(folder)
    pki.authority(layout)
    behind = process.ControlPlane(layouts.ports(layout).api_server, layout.authority)
    account = process.ensure(folder, account_id, region, behind)
    say(
        f"an embedded AWS account, {account.account_id} in {account.region}, with a stand-in for pulumi-aws: "
        "nothing here reaches AWS"
    )
    engine = pulumi.find(folder, say)
    pulumi.prepare_bin(folder, engine)
    install_plugin(folder)
    backend = names.state_backend(account.account_id, account.region)
    return Ground(folder, account, engine, environment(folder, account=process.environment(account), backend=backend))


def enter(
    ground: Ground, checkout: Checkout, stack: str, file: Path, people: Sequence[str], *, python: Path | None = None
) -> Rehearsal:
    """Make a checkout's program and config those of a stack, which is made in the state unless it is there.

    Args:
        ground: where the permanent layer is applied.
        checkout: whose program runs.
        stack: the stack's name.
        file: its config.
        people: the ARNs of the roles that the stack needs to be there.
        python: the virtual environment of the program, where it is not the checkout's.

    Raises:
        FleetError: the config is bad, or pulumi refuses.
    """
    folder, account = ground.folder, ground.account
    seed(account, roles=people)
    there = _has_stack(account, stack)
    secrets_provider = names.secrets_provider(account.region)
    ready = Rehearsal(folder, checkout, stack, ground.engine, ground.environment, secrets_provider)
    project.write_project(folder.project, stack, file, source=checkout.root, keep=there, python=python)
    if not there:
        project.init_stack(
            folder.project, ground.engine, stack, ground.environment, secrets_provider=ready.secrets_provider
        )
    return ready


def reset(folder: Folder) -> bool:
    """End the account and remove what the sandbox wrote; whether there was anything. Other files are left alone.

    Raises:
        FleetError: the folder has contents and is not a sandbox folder.
    """
    if not folder.root.exists() or not any(folder.root.iterdir()):
        return False
    if not folder.claimed:
        raise CannotRunError(f"{folder.root} is not a sandbox folder: nothing was removed")
    life.down(Layout.of(folder), lambda _line: None)
    with process.stopped(folder):
        for path in folder.contents:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    with suppress(OSError):  # it holds other files, or a command that waited has claimed it again
        folder.root.rmdir()
    return True


def _has_stack(account: process.Account, stack: str) -> bool:
    """Whether the state has the stack. Raises botocore's ClientError."""
    s3 = own_client("s3", endpoint=account.endpoint, region=account.region)
    key = f".pulumi/stacks/{names.PROJECT}/{stack}.json"
    bucket = names.state_bucket(account.account_id, account.region)
    return any(entry["Key"] == key for entry in s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", ()))
