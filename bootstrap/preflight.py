"""What is read and refused before anything is touched: what would fail late is refused early."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import expectations, flux, github, guard, registry, secrets
from bootstrap import outputs as reading
from bootstrap import settings as configuration
from bootstrap.errors import BootstrapError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bootstrap.expectations import Expectations
    from bootstrap.flux import Cli
    from bootstrap.github import Branch, Host
    from bootstrap.settings import Settings
    from infra.contract.outputs import StackOutputs

CLONE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Options:
    """What a person chooses."""

    outputs: str | None = None
    stack: str = "staging"
    project: Path = CLONE
    settings: Path = CLONE / configuration.FILE
    kubeconfig: Path | None = None
    expect: Path | None = None


@dataclass(frozen=True)
class Ready:
    """What a run goes by."""

    outputs: StackOutputs
    settings: Settings
    expectations: Expectations
    token: str
    host: Host
    branch: Branch
    cli: Cli
    changes: Sequence[str]
    """The gotk files that flux would commit."""
    secrets: Mapping[str, str]


def check(options: Options) -> Ready:
    """Read everything and refuse what cannot work.

    Raises:
        BootstrapError: the first thing that is wrong.
    """
    guard.refuse_other_world()
    settings = configuration.load(options.settings)
    expected = expectations.load(options.expect)
    token = github.token(os.environ)
    outputs = reading.read(options.outputs, stack=options.stack, project=options.project)
    cli = flux.find(settings)
    host = github.Host(settings, token)
    host.refuse_unseen()
    branch = host.branch()
    changes = changed(host, cli, settings)
    refuse_push(host, branch, settings, changes)
    registry.refuse_missing(registry.named(CLONE / "k8s"), outputs.aws_region)
    values = secrets.read(outputs.aws_region)
    return Ready(outputs, settings, expected, token, host, branch, cli, changes, values)


def changed(host: Host, cli: Cli, settings: Settings) -> list[str]:
    """The gotk files that differ between the branch and what flux would write. Raises BootstrapError."""
    return [path for path, content in flux.render(cli, settings).items() if host.file(path) != content]


def refuse_push(host: Host, branch: Branch, settings: Settings, changes: Sequence[str]) -> None:
    """Raises BootstrapError if the token may not push, or the branch takes no push and one is needed.

    The right to push is needed in any case: image automation pushes with this token.
    """
    host.refuse_no_push()
    if branch.protected and changes:
        raise BootstrapError(
            f"{settings.branch} is protected and {', '.join(changes)} would change: `python -m bootstrap render` "
            "writes them for a pull request, after which the bootstrap pushes nothing"
        )
