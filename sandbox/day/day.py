"""What the steps of a day share: the account they work on, how they run commands, and what they remember."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from common.errors import FleetError
from sandbox import permanent_layer, rehearsal
from sandbox.account import census, process
from sandbox.account.clients import own_client
from sandbox.cluster import flux, git_host, rehearsed_bootstrap
from sandbox.cluster import layout as layouts
from sandbox.cluster.fleet_sandbox_cluster import git_environment
from sandbox.cluster.layout import Layout
from sandbox.day.home import life
from sandbox.folder import CODE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from common.kubernetes.api import Cluster
    from infra.settings import Settings
    from sandbox.account.process import Account
    from sandbox.checkout import Checkout
    from sandbox.day.commands import Commands, Output
    from sandbox.day.home import Home, Memory
    from sandbox.rehearsal import Rehearsal

LONGEST = 180.0
"""Seconds that a step waits for what has to come by itself."""

PERSON = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")


@dataclass
class Day:
    """One rehearsal."""

    home: Home
    checkout: Checkout
    stack: str
    memory: Memory
    commands: Commands
    seed: int | None = None

    @cached_property
    def ready(self) -> Rehearsal:
        """The account with its permanent layer, and the engine; what it holds before anything is built is remembered.

        Raises:
            FleetError: the settings are bad, or a part is not available.
        """
        found = rehearsal.prepare(self.home.sandbox, self.checkout, self.commands.say, stack=self.stack)
        if self.memory.account != life(self.account):
            self.memory.account = life(self.account)
            self.memory.census = self.census()
        return found

    @cached_property
    def settings(self) -> Settings:
        """The stack's."""
        return rehearsal.read_settings(self.stack, self.checkout.stack_file(self.stack))

    @property
    def has_cluster(self) -> bool:
        """Whether Kubernetes is part of it."""
        return self.memory.has_cluster

    @property
    def layout(self) -> Layout:
        """Of the cluster."""
        return Layout.of(self.home.sandbox)

    @property
    def account(self) -> Account:
        """The one that runs. Raises FleetError: none does."""
        found = process.find(self.home.sandbox)
        if found is None:
            raise FleetError("the embedded account has ended")
        return found

    @property
    def cluster(self) -> Cluster:
        """As an administrator."""
        return flux.cluster(self.layout)

    def aws(self, service: str) -> Any:
        """A client that no fault hits: the rehearsal only looks."""
        account = self.account
        return own_client(service, endpoint=account.endpoint, region=account.region)

    def census(self) -> dict[str, tuple[str, ...]]:
        """All that the account holds: kind → ids."""
        account = self.account
        return census.take(account.endpoint, account.region)

    def pulumi(self, *arguments: str) -> Output:
        """Run the engine on the stack. Raises FleetError: it fails."""
        command = [self.ready.engine.path, *arguments, f"--stack={self.stack}", "--non-interactive", "--color=never"]
        return self.commands.run(f"pulumi {arguments[0]}", command, self.ready.environment, self.home.sandbox.project)

    def fleet(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Output:
        """Run `fleet …`. Raises FleetError: it fails."""
        command = [sys.executable, "-m", "fleet", *arguments]
        return self.run(f"fleet {' '.join(arguments[:2])}", command, environment)

    def run(self, what: str, command: list[str], environment: Mapping[str, str] | None = None) -> Output:
        """Run a command of this code. Raises FleetError."""
        return self.commands.run(what, command, os.environ if environment is None else environment, CODE)

    def bootstrap(self, *arguments: str) -> Output:
        """Run `fleet bootstrap …` with the deploy role. Raises FleetError."""
        ready = self.ready
        environment = rehearsed_bootstrap.environment(self.layout, self.account, ready.environment, self.commands.say)
        command = rehearsed_bootstrap.command(self.layout, self.checkout, self.home.sandbox.project, arguments)
        return self.run(f"fleet bootstrap {arguments[0]}", command, environment)

    def git(self, *arguments: str | Path, cwd: Path) -> str:
        """Run git with the Git host's certificate and token; gives what it prints. Raises FleetError."""
        environment = git_environment(self.layout) if self.has_cluster else dict(os.environ)
        said = self.commands.run(f"git {arguments[0]}", ["git", *PERSON, *arguments], environment, cwd)
        return said.out.strip()

    @property
    def url(self) -> str:
        """Of the Git host's repository."""
        permanent = permanent_layer.read_settings(self.checkout.permanent_file, self.settings)
        return f"https://{layouts.ports(self.layout).git_host}/{permanent.github_repository}.git"

    def push(self, change: Callable[[Path], None], message: str) -> str:
        """Commit a change to main and push it; gives the commit. Raises FleetError."""
        clone = self.home.work
        if not clone.exists():
            self.git("clone", "--quiet", self.url, clone, cwd=self.home.root)
        self.git("pull", "--quiet", "--rebase", "origin", git_host.MAIN, cwd=clone)
        change(clone)
        self.git("add", "--all", cwd=clone)
        self.git("commit", "--quiet", f"--message={message}", cwd=clone)
        self.git("push", "--quiet", "origin", f"HEAD:{git_host.MAIN}", cwd=clone)
        return self.git("rev-parse", "HEAD", cwd=clone)

    def sync(self) -> None:
        """Have Flux fetch and apply main now. Raises FleetError."""
        self.commands.say("waiting: Flux applies main")
        # The API server may be away at the first call.
        flux.until("Flux applies main", lambda: flux.follow(self.cluster, self.layout, LONGEST) is None, LONGEST)

    def until(self, what: str, probe: Callable[[], Any]) -> Any:
        """Wait for what a probe gives. Raises FleetError."""
        self.commands.say(f"waiting: {what}")
        return flux.until(what, probe, LONGEST)


def parsed(output: Output) -> Any:
    """The JSON document that a command gave. Raises FleetError: it gave none."""
    try:
        return json.loads(output.out)
    except ValueError:
        raise FleetError(f"the command gave no JSON: {output.text[:200]!r}") from None


def expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # one question
    """Raise FleetError unless something holds."""
    if not holds:
        raise FleetError(otherwise)


def document(path: Path) -> dict[str, Any]:
    """A YAML file."""
    return yaml.safe_load(path.read_text("utf-8"))
