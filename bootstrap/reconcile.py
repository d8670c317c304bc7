"""Ask Flux's controllers to look now, and tell a condition made since from one made before.

Source: Flux API conventions, `reconcile.fluxcd.io/requestedAt`, which a controller copies to
`status.lastHandledReconcileAt` once it has reconciled; both lift an object out of its back-off.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bootstrap import advice, verify
from bootstrap.config_map import MANAGER
from bootstrap.flux_settings import NAMESPACE
from bootstrap.snapshot import FLUX_KINDS
from common.console import PAUSE
from common.errors import FleetError
from common.kubernetes import api, objects
from common.kubernetes.objects import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from common.kubernetes.api import Cluster, Kind, Manifest

KINDS: Mapping[str, Kind] = {kind.kind: kind for kind in FLUX_KINDS}


def request(cluster: Cluster, kind: Kind, name: str, namespace: str) -> str:
    """Ask for a reconciliation; gives what marks the answer. Raises UnansweredError."""
    stamp = str(time.time_ns())
    metadata = {"name": name, "namespace": namespace, "annotations": {verify.REQUESTED: stamp}}
    cluster.merge(kind, {"metadata": metadata}, MANAGER)
    return stamp


def request_failed(cluster: Cluster, things: Iterable[Manifest | None]) -> None:
    """Ask for a reconciliation of Flux's objects that have failed: they may have failed at what is right by now.

    Raises:
        UnansweredError: the API server does not answer.
    """
    for thing in filter(None, things):
        kind = KINDS.get(thing["kind"])
        has_failed = objects.condition(thing, "Ready").get("status") == "False"
        if kind and has_failed and objects.at(thing, "spec", "suspend") is not True:
            request(cluster, kind, text(thing, "metadata", "name"), text(thing, "metadata", "namespace"))


def refresh_root(cluster: Cluster, seconds: float) -> bool:
    """Have Flux's own source and root Kustomization reconciled, one after the other.

    Args:
        cluster: where.
        seconds: how long both may take.

    Returns:
        Whether both are ready now; False too if one is not there, or its controller does not answer in time.

    Raises:
        FleetError: one is suspended, or was not ready after it was reconciled.
    """
    end = time.monotonic() + seconds
    for kind in (api.GIT_REPOSITORY, api.KUSTOMIZATION):
        there = cluster.get(kind, NAMESPACE, NAMESPACE)
        if there is None:
            return False
        if objects.at(there, "spec", "suspend") is True:
            raise FleetError(_cause(there, verify.SUSPENDED))
        request(cluster, kind, NAMESPACE, NAMESPACE)
        fresh = _answer(cluster, kind, end)
        if fresh is None:
            return False
        if not objects.is_ready(fresh):
            raise FleetError(_cause(fresh, text(objects.condition(fresh, "Ready"), "message") or "not reconciled"))
    return True


def _answer(cluster: Cluster, kind: Kind, end: float) -> Manifest | None:
    """The object as it is once the request is answered; None at the end of the time."""
    while time.monotonic() < end:
        there = cluster.get(kind, NAMESPACE, NAMESPACE)
        if there and verify.is_answered(there):  # its observedGeneration stays behind while it fails
            return there
        time.sleep(PAUSE)
    return None


def _cause(thing: Manifest, message: str) -> str:
    said = " ".join(message.split())
    remedy = advice.advise(thing["kind"], NAMESPACE, NAMESPACE, said)[1]
    return f"{thing['kind']} {NAMESPACE}/{NAMESPACE}: {said}: {remedy}"
