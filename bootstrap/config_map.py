"""The ConfigMap `terraform-outputs`: the contract's keys, and nothing else, under a field manager of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import FleetError
from common.kubernetes.api import CONFIG_MAP, NAMESPACE, ConflictError
from common.kubernetes.objects import mapping, mappings, text
from infra.contract.outputs import CONFIG_MAP_NAME, CONFIG_MAP_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.kubernetes.api import Cluster
    from infra.contract.outputs import StackOutputs

MANAGER = "infra-fleet-bootstrap"
"""The field manager of all that the bootstrap applies."""

WATCH_LABEL = {"reconcile.fluxcd.io/watch": "Enabled"}
"""Makes Flux reconcile what substitutes from it as soon as it changes (Flux 2.7)."""


@dataclass(frozen=True)
class Change:
    """A key whose value is another than before; None: it is not there."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """`KEY: before → after`."""
        return f"{self.key}: {self.before or 'absent'} → {self.after or 'absent'}"


def current(cluster: Cluster) -> dict[str, str] | None:
    """The data in the cluster; None if there is no such ConfigMap."""
    found = cluster.get(CONFIG_MAP, CONFIG_MAP_NAME, CONFIG_MAP_NAMESPACE)
    return None if found is None else {key: str(value) for key, value in mapping(found, "data").items()}


def diff(before: Mapping[str, str] | None, outputs: StackOutputs) -> list[Change]:
    """What applying the outputs would change, by key."""
    there, wanted = before or {}, outputs.config_map()
    return [
        Change(key, there.get(key), wanted.get(key))
        for key in sorted(there.keys() | wanted.keys())
        if there.get(key) != wanted.get(key)
    ]


def apply(cluster: Cluster, outputs: StackOutputs) -> list[Change]:
    """Make namespace and ConfigMap what the outputs say; gives what changed.

    Raises:
        FleetError: somebody else owns a key, or put one there that is not the contract's.
    """
    namespace(cluster, CONFIG_MAP_NAMESPACE)
    changes = diff(current(cluster), outputs)
    metadata = {"name": CONFIG_MAP_NAME, "namespace": CONFIG_MAP_NAMESPACE, "labels": WATCH_LABEL}
    try:
        made = cluster.apply(CONFIG_MAP, {"metadata": metadata, "data": outputs.config_map()}, MANAGER)
    except ConflictError as error:
        raise FleetError(
            f"ConfigMap {CONFIG_MAP_NAMESPACE}/{CONFIG_MAP_NAME} is owned by somebody else: {error}: "
            f"delete it (kubectl -n {CONFIG_MAP_NAMESPACE} delete configmap {CONFIG_MAP_NAME}) and run again"
        ) from None
    foreign = sorted(mapping(made, "data").keys() - outputs.config_map().keys())
    if foreign:
        owners = sorted({text(each, "manager") for each in mappings(made, "metadata", "managedFields")} - {MANAGER})
        raise FleetError(
            f"ConfigMap {CONFIG_MAP_NAMESPACE}/{CONFIG_MAP_NAME} has keys that are not the contract's: "
            f"{', '.join(foreign)}, of {', '.join(owners) or 'nobody'}: delete it and run again"
        )
    return changes


def namespace(cluster: Cluster, name: str) -> None:
    """Make a namespace unless it is there; what Flux owns of it stays Flux's."""
    cluster.create(NAMESPACE, {"metadata": {"name": name}})
