"""What is read and refused before anything is touched: what would fail late is refused early."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError

from bootstrap import (
    expectations,
    flux_cli,
    flux_settings,
    github_repository,
    release_images,
    secrets,
    snapshot,
    stack_outputs,
    verify,
)
from bootstrap.flux_settings import NAMESPACE
from bootstrap.stack_outputs import NotUpError
from common import world
from common.errors import CannotRunError, FleetError
from common.kubernetes import api
from common.kubernetes.objects import text
from common.pulumi import runner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bootstrap.branch_rules import Guard
    from bootstrap.expectations import Expectations
    from bootstrap.flux_cli import Cli
    from bootstrap.flux_settings import Settings
    from bootstrap.github_repository import Repository
    from common.kubernetes.api import Cluster
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
    """What a run goes by, and what is known without a cluster."""

    settings: Settings
    expectations: Expectations
    token: str
    host: Repository
    head: str
    """The commit that the branch is at."""
    guard: Guard
    cli: Cli
    changes: Sequence[str]
    """The gotk files that flux would commit."""
    secrets: Mapping[str, str]


def check(options: Options) -> tuple[StackOutputs, Ready]:
    """Read everything and refuse what cannot work.

    Raises:
        NotUpError: the stack is not up.
        FleetError: the first thing that is wrong.
    """
    read = _Read.of(options)
    outputs = stack_outputs.read(options.outputs, stack=options.stack, project=options.project)
    return outputs, read.check(options, outputs.aws_region)


def check_before_up(options: Options) -> tuple[StackOutputs | None, Ready]:
    """The same of a stack that need not be up: then there are no outputs, and the region is the environment's.

    Raises:
        FleetError: the first thing that is wrong.
    """
    read = _Read.of(options)
    try:
        outputs = stack_outputs.read(options.outputs, stack=options.stack, project=options.project)
    except NotUpError:
        if options.outputs is not None:
            raise
        outputs = None
    try:
        region = outputs.aws_region if outputs else os.environ.get("AWS_REGION") or boto3.Session().region_name
    except BotoCoreError as error:
        raise CannotRunError(f"AWS credentials are not available: {error}") from None
    if not region:
        raise CannotRunError(f"{options.stack} is down, and no AWS region is set: set AWS_REGION to the stack's")
    return outputs, read.check(options, region)


@dataclass(frozen=True)
class _Read:
    """What is on this machine, read before anybody is asked."""

    settings: Settings
    expectations: Expectations
    token: str

    @classmethod
    def of(cls, options: Options) -> _Read:
        """Read it. Raises FleetError."""
        world.refuse_other_world()
        settings, expected = flux_settings.load(options.settings), expectations.load(options.expect)
        return cls(settings, expected, github_repository.token(os.environ))

    def check(self, options: Options, region: str) -> Ready:
        """Ask the Git host and AWS. Raises FleetError."""
        cli = flux_cli.find(self.settings)
        host = github_repository.Repository(self.settings, self.token)
        host.refuse_unseen()
        head, guard = host.head(), host.guard()
        changes = changed(host, cli, self.settings)
        host.refuse_no_push()  # needed in any case: image automation pushes with this token
        refuse_push(guard, self.settings.branch, changes)
        images = release_images.named(runner.program_folder(options.project) / "k8s")
        release_images.refuse_missing(images, region)
        values = secrets.read(region)
        return Ready(self.settings, self.expectations, self.token, host, head, guard, cli, changes, values)


def changed(host: Repository, cli: Cli, settings: Settings) -> list[str]:
    """The gotk files that differ between the branch and what flux would write. Raises FleetError."""
    return [path for path, content in flux_cli.render(cli, settings).items() if host.file(path) != content]


def refuse_push(guard: Guard, branch: str, changes: Sequence[str]) -> None:
    """Raises FleetError if a push is needed and the rules of the branch refuse it to this token."""
    if guard.blocks and changes:
        raise FleetError(
            f"{branch} takes no push of this token ({'; '.join(guard.blocks)}), and {', '.join(changes)} would change: "
            f"{flux_cli.INSTEAD_OF_A_PUSH}"
        )


def refuse_cluster(cluster: Cluster, settings: Settings) -> None:
    """Refuse what flux bootstrap would stumble over in a cluster after it has pushed.

    Raises:
        FleetError: Flux follows another path there, its namespace is being deleted, or an old version is stored.
    """
    for problem in verify.of_installation(snapshot.of_installation(cluster)):
        raise FleetError(f"{problem.key}: {problem.message}: {problem.advice}")
    root = cluster.get(api.KUSTOMIZATION, NAMESPACE, NAMESPACE)
    path = "" if root is None else text(root, "spec", "path").removeprefix("./").rstrip("/")
    if path and path != settings.path:
        raise FleetError(
            f"Flux follows {path} in this cluster, and `path` in bootstrap.yaml is {settings.path}: set it back, or "
            "remove Flux first (`flux uninstall`, which leaves workloads running)"
        )
