"""States as `pulumi stack export` prints them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from common.pulumi.exported_state import CLUSTER_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping


def exported(*resources: Mapping[str, object], pending: tuple[Mapping[str, object], ...] = ()) -> str:
    return json.dumps({"version": 3, "deployment": {"resources": resources, "pending_operations": pending}})


def cluster(name: str, stack: str = "staging", **more: Any) -> dict[str, Any]:
    """The stack's cluster, as a resource."""
    urn = f"urn:pulumi:{stack}::test::{CLUSTER_TYPE}::cluster"
    return {"urn": urn, "type": CLUSTER_TYPE, "custom": True, "id": name, "outputs": {"name": name}, **more}
