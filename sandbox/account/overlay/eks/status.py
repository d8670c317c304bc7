"""The one place that decides in which state a resource or an update is, and when what is deleted is gone.

Source of the durations: apply logs of public Terraform and Pulumi repositories on EKS, 2021 to 2026, the longest.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from sandbox import pace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.account.overlay.eks.backend import Document

DURATIONS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"cluster": (765, 228), "nodegroup": (201, 252), "addon": (56, 15)}
)
"""Kind → seconds until it is ACTIVE, and until it is gone."""

DELETED = "deletedAt"
"""When a delete was asked for: no member of the API."""


def present(resource: Document) -> Document:
    """A cluster, node group or add-on as Describe and Create return it."""
    shown = {key: value for key, value in resource.items() if key != DELETED}
    if DELETED in resource:
        return {**shown, "status": "DELETING"}
    until = resource["createdAt"] + _takes(resource, 0)
    return {**shown, "status": "CREATING" if datetime.now(UTC) < until else "ACTIVE"}


def deleted(resource: Document) -> Document:
    """The same as Delete returns it."""
    return {**resource, "status": "DELETING"}


def lingers(resource: Document) -> bool:
    """Whether what is deleted stays for a while; notes when that began."""
    if not _takes(resource, 1):
        return False
    resource.setdefault(DELETED, datetime.now(UTC))
    return True


def is_gone(resource: Document) -> bool:
    """Whether what was deleted has taken its time."""
    return DELETED in resource and datetime.now(UTC) >= resource[DELETED] + _takes(resource, 1)


def of_update(update: Document) -> Document:
    """An update as Describe and Update return it."""
    return {**update, "status": "Successful", "errors": []}


def _takes(resource: Document, step: int) -> timedelta:
    kind = next((kind for kind in ("nodegroup", "addon") if f"{kind}Name" in resource), "cluster")
    return timedelta(seconds=DURATIONS[kind][step] * pace.factor())
