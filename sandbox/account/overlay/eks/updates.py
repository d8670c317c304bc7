"""Updates: what every change of a cluster, node group or add-on returns, and how it is asked for later."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.account.overlay.eks import errors, status
from sandbox.account.overlay.eks.backend import Update, page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.account.overlay.eks.backend import Call, Cluster, Document, Operations


def record(
    cluster: Cluster,
    kind: str,
    params: Mapping[str, object],
    *,
    nodegroup: str | None = None,
    addon: str | None = None,
) -> Document:
    """Remember a change that was made and return it, as the operation that asked for it does."""
    document: Document = {
        "id": str(uuid.uuid4()),
        "type": kind,
        "params": [{"type": name, "value": _text(value)} for name, value in params.items()],
        "createdAt": datetime.now(UTC),
    }
    cluster.updates[document["id"]] = Update(document, nodegroup, addon)
    return {"update": status.of_update(document)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def describe_update(call: Call) -> Document:
    """DescribeUpdate."""
    wanted = call.request["updateId"]
    update = call.cluster.updates.get(wanted)
    if update is None or not _belongs(update, call.request):
        raise errors.not_found(f"No update found for ID: {wanted}", clusterName=call.cluster.name)
    return {"update": status.of_update(update.document)}


def list_updates(call: Call) -> Document:
    """ListUpdates: of the cluster itself, or of the node group or add-on that is named."""
    ids = [key for key, update in call.cluster.updates.items() if _belongs(update, call.request)]
    return page("updateIds", ids, call.request)


def _belongs(update: Update, request: Document) -> bool:
    return (update.nodegroup, update.addon) == (request.get("nodegroupName"), request.get("addonName"))


OPERATIONS: Operations = {"DescribeUpdate": describe_update, "ListUpdates": list_updates}
