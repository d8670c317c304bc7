"""What the charts of this repository make under its values: data in `checks/facts/`, a file for each chart.

`make chart-facts` writes the files, from `helm template` with the values of the HelmReleases.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent / "facts"


class Fact(BaseModel):
    """A part of such a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Definition(Fact):
    """A CustomResourceDefinition."""

    group: str
    kind: str
    plural: str
    scope: Literal["Namespaced", "Cluster"]
    versions: tuple[str, ...]
    """Those that are served."""


class Container(Fact):
    """A container of a workload's pods."""

    name: str
    image: str
    requests: dict[str, str]
    """cpu and memory, as Kubernetes writes quantities."""
    limits: dict[str, str]


class Workload(Fact):
    """A Deployment, DaemonSet, StatefulSet or Job, or what an operator makes one of."""

    kind: str
    namespace: str
    name: str
    replicas: int
    """0: one on each node."""
    service_account: str
    containers: tuple[Container, ...]


class Webhook(Fact):
    """One admission webhook."""

    name: str
    mutates: bool
    failure_policy: Literal["Fail", "Ignore"]
    operations: tuple[str, ...]
    kinds: tuple[str, ...]
    """group/Kind, the group empty for the core's."""
    is_opt_in: bool
    """Whether it sees only what carries a label that asks for it."""


class ChartFacts(Fact):
    """A chart."""

    chart: str
    version: str
    read: str
    """The day on which it was rendered, ISO 8601."""
    values: str
    """The first 16 digits of the SHA-256 of the values that it was rendered with, as JSON with sorted keys."""
    kinds: dict[str, int]
    """apiVersion/Kind → how many objects."""
    definitions: tuple[Definition, ...]
    webhooks: tuple[Webhook, ...]
    secrets: dict[str, tuple[str, ...]]
    """Role or ClusterRole → its verbs on Secrets that read them."""
    bindings: dict[str, tuple[str, ...]]
    """Role or ClusterRole → the ServiceAccounts that are bound to it, namespace/name."""
    workloads: tuple[Workload, ...]
    disruption_budgets: dict[str, dict[str, int | str]]
    """namespace/name of a PodDisruptionBudget → minAvailable or maxUnavailable."""


@cache
def read(chart: str) -> ChartFacts:
    """The facts of a chart by its name. Raises FileNotFoundError, pydantic's ValidationError: of a bad file."""
    return ChartFacts.model_validate(yaml.safe_load((FOLDER / f"{chart}.yaml").read_text(encoding="utf-8")))
