"""What the rows of EC2 have in common: how its resources are tagged and described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .row import Tagging, tag_list
from .shape import Located

if TYPE_CHECKING:
    from collections.abc import Callable

    from .row import Resource, Response


def tagged(kind: str) -> Tagging:
    """How a resource of a kind, as TagSpecifications calls it, takes tags."""
    return Tagging(
        create=lambda tags: {
            "TagSpecifications": [{"ResourceType": kind, "Tags": Located("tags", tag_list(tags), whole=True)}]
        },
        tag=lambda r, tags: r.call("CreateTags", Resources=[r.id], Tags=tag_list(tags)),
        untag=lambda r, keys: r.call("DeleteTags", Resources=[r.id], Tags=[{"Key": key} for key in keys]),
    )


def described(operation: str, listed: str, ids: str, arn: str = "") -> Callable[[Resource], Response | None]:
    """Describe by id: what the operation lists, with an ARN where EC2 tells none."""

    def read(r: Resource) -> Response | None:
        found: list[Response] = r.call(operation, **{ids: [r.id]})[listed]
        if not found:
            return None
        return {**({"Arn": r.arn(arn)} if arn else {}), **found[0]}

    return read


def filters(**by: str) -> list[dict[str, Any]]:
    """Filters of a Describe operation, each for one value; `__` stands for a dot."""
    return [{"Name": name.replace("_", "-").replace("--", "."), "Values": [value]} for name, value in by.items()]
