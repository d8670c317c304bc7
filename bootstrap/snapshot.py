"""What a cluster has of Flux, and of what Flux applied, read at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap.flux_settings import NAMESPACE
from common.kubernetes import api
from common.kubernetes.objects import text
from infra.contract.outputs import CONFIG_MAP_NAME, CONFIG_MAP_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from common.kubernetes.api import Cluster, Manifest


@dataclass(frozen=True, order=True)
class Key:
    """Which object: `namespace` is empty for what has none."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`Kind namespace/name`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def key_of(thing: Manifest) -> Key:
    """The key of an object."""
    return Key(thing["kind"], text(thing, "metadata", "namespace"), text(thing, "metadata", "name"))


@dataclass(frozen=True)
class Snapshot:
    """Objects by key."""

    things: Mapping[Key, Manifest] = field(default_factory=dict[Key, "Manifest"])
    installed: bool = True
    """Whether the cluster knows Flux's kinds."""
    has_outputs: bool = True
    """Whether the ConfigMap terraform-outputs is there."""

    @property
    def revision(self) -> str:
        """The commit that Flux's own source is at; empty if it has none."""
        source = self.things.get(Key("GitRepository", NAMESPACE, NAMESPACE), {})
        return text(source, "status", "artifact", "revision").rpartition(":")[2]

    def of(self, *kinds: str) -> list[Manifest]:
        """The objects of some kinds, in the order of their names."""
        return [thing for key, thing in sorted(self.things.items()) if key.kind in kinds]


FLUX_KINDS = (
    api.GIT_REPOSITORY,
    api.HELM_REPOSITORY,
    api.OCI_REPOSITORY,
    api.HELM_CHART,
    api.KUSTOMIZATION,
    api.HELM_RELEASE,
    api.IMAGE_REPOSITORY,
    api.IMAGE_POLICY,
    api.IMAGE_UPDATE_AUTOMATION,
)
WORKLOADS = (api.DEPLOYMENT, api.POD, api.INGRESS)


def take(cluster: Cluster) -> Snapshot:
    """Read everything. Raises UnansweredError."""
    installed = cluster.knows(api.KUSTOMIZATION)
    found = [thing for kind in (*WORKLOADS, *(FLUX_KINDS if installed else ())) for thing in cluster.list(kind)]
    found += of_installation(cluster).things.values()
    has_outputs = cluster.get(api.CONFIG_MAP, CONFIG_MAP_NAME, CONFIG_MAP_NAMESPACE) is not None
    return of(found, installed=installed, has_outputs=has_outputs)


def of_installation(cluster: Cluster) -> Snapshot:
    """Flux's namespace and CustomResourceDefinitions, those that are there. Raises UnansweredError."""
    return of(filter(None, [cluster.get(api.NAMESPACE, NAMESPACE), *(cluster.definition(kind) for kind in FLUX_KINDS)]))


def of(found: Iterable[Manifest], *, installed: bool = True, has_outputs: bool = True) -> Snapshot:
    """A snapshot of objects."""
    return Snapshot({key_of(thing): thing for thing in found}, installed, has_outputs)
