"""EKS, which moto emulates only in part: every operation that this stack uses, written anew on moto's seams."""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnannotatedClassAttribute=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import xform_name
from moto.core.responses import ActionResult, BaseResponse
from moto.eks import urls
from moto.eks.models import eks_backends

from sandbox.account.overlay.eks import (
    access,
    addons,
    cluster,
    cluster_versions,
    nodegroups,
    pod_identity,
    status,
    tags,
    updates,
)
from sandbox.account.overlay.eks.backend import Call, Eks

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.account.overlay.eks.backend import Operation, Operations

OPERATIONS: Operations = {
    name: operation
    for subject in (cluster, cluster_versions, updates, addons, access, pod_identity, nodegroups, tags)
    for name, operation in subject.OPERATIONS.items()
}


class EksResponse(BaseResponse):
    """The HTTP side: moto finds an operation's method by its name and writes the result by botocore's service model."""

    def __init__(self) -> None:
        super().__init__(service_name="eks")
        self.automated_parameter_parsing = True


def _method(operation: Operation) -> Callable[[EksResponse], ActionResult]:
    def method(response: EksResponse) -> ActionResult:
        eks: Any = eks_backends[response.current_account][response.region]
        settle(eks)
        return ActionResult(operation(Call(eks, dict(response.params), response.access_key)))

    return method


def settle(eks: Eks) -> None:
    """Take away what was deleted and has taken its time."""
    for each in list(eks.clusters.values()):
        for addon in [addon for addon in each.addons.values() if status.is_gone(addon)]:
            addons.remove(each, addon)
        for nodegroup in [nodegroup for nodegroup in each.nodegroups.values() if status.is_gone(nodegroup)]:
            nodegroups.remove(eks, each, nodegroup)
        if status.is_gone(each.document):
            cluster.remove(eks, each)


for _name, _operation in OPERATIONS.items():
    setattr(EksResponse, xform_name(_name), _method(_operation))


def install() -> None:
    """Make moto build `Eks` wherever it builds an EKS backend, and send all of its requests to `EksResponse`."""
    backends: Any = eks_backends
    backends.backend = Eks
    paths: Any = urls.url_paths
    paths.clear()
    paths["{0}/.*$"] = EksResponse.dispatch
