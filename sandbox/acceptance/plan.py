"""What the day on a real account would build, cost and take, and how to clean up after it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import infra.settings
import permanent.settings
from common.errors import CannotRunError
from common.target import Target
from delivery import cost, stack_cost
from infra.config import file_name
from infra.contract import names
from infra.stack_file import config_of
from sandbox import files
from sandbox.acceptance import durations
from sandbox.engine import project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from sandbox.checkout import Checkout

STACK = "acceptance"
FOLDER = ".acceptance"
TOKENS = ("FLUX_GITHUB_TOKEN", "GITHUB_TOKEN")
"""Where `fleet bootstrap` takes GitHub's token from."""

NOT_TAKEN = ("environment", "clusterName", "deletionProtection", "nightlyTeardown")
"""Settings of the other stack that are not this one's."""


@dataclass(frozen=True)
class Plan:
    """The stack of its own, and where it is built."""

    checkout: Checkout
    account_file: Path
    """The permanent layer's config."""
    like: str
    """The stack whose settings it takes."""
    config: Mapping[str, object]
    settings: infra.settings.Settings
    layer: permanent.settings.Settings
    is_bootstrapped: bool
    """Whether a token is there."""
    root: Path
    """Where it writes."""

    @property
    def stack(self) -> str:
        """Its name, which is the cluster's as well."""
        return STACK

    @property
    def target(self) -> Target:
        """What is proven before the first write."""
        return Target(self.settings.account_id, self.settings.region, self.settings.cluster_name, self.stack)

    @property
    def project(self) -> Path:
        """Its Pulumi project, of the checkout's program."""
        return self.root / "project"

    @property
    def reference(self) -> Path:
        """The sandbox folder of the account that the real one is compared with."""
        return self.root / "reference"

    @property
    def stack_file(self) -> Path:
        """The settings of the stack."""
        return self.root / file_name(self.stack)

    @property
    def backend(self) -> str:
        """Where the state lies: in the permanent layer's bucket."""
        return names.state_backend(self.settings.account_id, self.settings.region)

    @property
    def clean_up(self) -> str:
        """The command that takes down whatever a killed run has left."""
        return f"{self._backend} fleet teardown run --stack {self.stack} --yes --recover -C {self.project}"

    @property
    def forget(self) -> str:
        """The command that then removes the stack, which is empty."""
        return f"{self._backend} pulumi stack rm {self.stack} --yes -C {self.project}"

    @property
    def _backend(self) -> str:
        return f"PULUMI_BACKEND_URL='{self.backend}'"

    @property
    def seconds(self) -> float:
        """How long the day takes, by the published durations."""
        return durations.day(is_bootstrapped=self.is_bootstrapped)

    def lines(self, today: date) -> Iterator[str]:
        """What is said before anybody is asked."""
        found = stack_cost.of(self.settings, today)
        hours = durations.billed_hours(self.seconds)
        where = f"account {self.settings.account_id}, {self.settings.region}"
        yield f"where: {where}: stack {self.stack}, EKS cluster {self.settings.cluster_name}, settings of {self.like}"
        yield "makes: a VPC, an EKS cluster with its nodes and add-ons, IAM roles; nothing of another stack is touched"
        yield "deletes: all of it at the end, also after a failure or Ctrl-C, by the nightly teardown, which verifies"
        told = f"Flux on it, which commits to {self.layer.github_repository}" if self.is_bootstrapped else ""
        yield f"bootstraps: {told or f'nothing, because {TOKENS[0]} is not set'}"
        yield (
            f"costs: about {dollars(found, hours)} US dollars: {found.text} an hour, billed for {hours} h. "
            f"Not counted: {cost.NOT_COUNTED}. Whatever is left costs as much again each hour"
        )
        yield f"takes: about {self.seconds / 60:.0f} minutes by the published durations"

    def write(self) -> None:
        """Write the project. Raises FleetError: a file of the checkout cannot be taken."""
        files.write(self.stack_file, json.dumps({"config": self.config}, indent=2) + "\n")  # JSON is YAML
        project.write_project(self.project, self.stack, self.stack_file, source=self.checkout.root, keep=False)


def dollars(found: cost.Sum, hours: int) -> str:
    """What some hours cost: `0.28`, or `0.28 + 1 unknown`."""
    return f"{found.hour * hours:.2f}" + (f" + {len(found.unknown)} unknown" if found.unknown else "")


def of(checkout: Checkout, account_file: Path, root: Path, like: str, environment: Mapping[str, str]) -> Plan:
    """Read the settings: those of another stack, for a cluster of its own.

    Args:
        checkout: whose program is built.
        account_file: the permanent layer's config.
        root: where the plan writes.
        like: the other stack.
        environment: may have a token of GitHub.

    Raises:
        FleetError: a file is bad, or the stack of this command is one that somebody keeps.
    """
    own = checkout.stack_file(STACK)
    if own.exists():
        raise CannotRunError(
            f"{own} exists: {STACK} is the stack of this command, which builds and destroys it. Rename yours"
        )
    taken = {f"{names.PROJECT}:{key}" for key in NOT_TAKEN}
    config = {key: value for key, value in config_of(checkout.stack_file(like)).items() if key not in taken}
    config[f"{names.PROJECT}:environment"] = STACK
    settings = infra.settings.parse_file(config, STACK)
    layer = permanent.settings.parse_file(config_of(account_file))
    if settings.cluster_name not in layer.clusters:
        raise CannotRunError(
            f"{account_file}: {names.PERMANENT_PROJECT}:clusters does not list {settings.cluster_name}, so the deploy "
            "role may not build it. Add it there, and run `make account`"
        )
    has_token = any(environment.get(token) for token in TOKENS)
    return Plan(checkout, account_file, like, config, settings, layer, has_token, root)
