"""What is read and refused before anything is touched: what would fail late is refused early."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap import expectations, flux_cli, flux_settings, github_repository, release_images, secrets, stack_outputs
from common import world
from common.errors import FleetError
from common.pulumi import runner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bootstrap.expectations import Expectations
    from bootstrap.flux_cli import Cli
    from bootstrap.flux_settings import Settings
    from bootstrap.github_repository import Branch, Repository
    from infra.contract.outputs import StackOutputs


@dataclass(frozen=True)
class Options:
    """What a person chooses."""

    outputs: str | None
    stack: str
    project: Path
    """The folder of the Pulumi project."""
    settings: Path
    kubeconfig: Path | None = None
    expect: Path | None = None


@dataclass(frozen=True)
class Ready:
    """What a run goes by."""

    outputs: StackOutputs
    settings: Settings
    expectations: Expectations
    token: str
    host: Repository
    branch: Branch
    cli: Cli
    changes: Sequence[str]
    """The gotk files that flux would commit."""
    secrets: Mapping[str, str]


def check(options: Options) -> Ready:
    """Read everything and refuse what cannot work.

    Raises:
        FleetError: the first thing that is wrong.
    """
    world.refuse_other_world()
    settings = flux_settings.load(options.settings)
    expected = expectations.load(options.expect)
    token = github_repository.token(os.environ)
    outputs = stack_outputs.read(options.outputs, stack=options.stack, project=options.project)
    cli = flux_cli.find(settings)
    host = github_repository.Repository(settings, token)
    host.refuse_unseen()
    branch = host.branch()
    changes = changed(host, cli, settings)
    refuse_push(host, branch, settings, changes)
    release_images.refuse_missing(
        release_images.named(runner.program_folder(options.project) / "k8s"), outputs.aws_region
    )
    values = secrets.read(outputs.aws_region)
    return Ready(outputs, settings, expected, token, host, branch, cli, changes, values)


def changed(host: Repository, cli: Cli, settings: Settings) -> list[str]:
    """The gotk files that differ between the branch and what flux would write. Raises FleetError."""
    return [path for path, content in flux_cli.render(cli, settings).items() if host.file(path) != content]


def refuse_push(host: Repository, branch: Branch, settings: Settings, changes: Sequence[str]) -> None:
    """Raises FleetError if the token may not push, or the branch takes no push and one is needed.

    The right to push is needed in any case: image automation pushes with this token.
    """
    host.refuse_no_push()
    if branch.protected and changes:
        raise FleetError(
            f"{settings.branch} is protected and {', '.join(changes)} would change: `fleet bootstrap render` "
            "writes them for a pull request, after which the bootstrap pushes nothing"
        )
