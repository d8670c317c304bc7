"""The one place that decides in which state a resource or an update is: all is done at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.account.overlay.eks.backend import Document


def present(resource: Document) -> Document:
    """A cluster, node group or add-on as Describe and Create return it."""
    return {**resource, "status": "ACTIVE"}


def deleted(resource: Document) -> Document:
    """The same as Delete returns it."""
    return {**resource, "status": "DELETING"}


def of_update(update: Document) -> Document:
    """An update as Describe and Update return it."""
    return {**update, "status": "Successful", "errors": []}
