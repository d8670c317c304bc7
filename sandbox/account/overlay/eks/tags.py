"""Tags of clusters, node groups, add-ons, access entries and pod identity associations, by ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.account.overlay.eks import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.account.overlay.eks.backend import Call, Cluster, Document, Eks, Operations


def tag_resource(call: Call) -> Document:
    """TagResource."""
    known_tags(call).update(call.request["tags"])
    return {}


def untag_resource(call: Call) -> Document:
    """UntagResource."""
    tags = known_tags(call)
    for key in call.request["tagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags_for_resource(call: Call) -> Document:
    """ListTagsForResource."""
    return {"tags": known_tags(call)}


def known_tags(call: Call) -> dict[str, str]:
    """The tags of the resource that the request names; NotFoundException."""
    wanted = call.request["resourceArn"]
    for arn, resource in resources(call.eks):
        if arn == wanted:
            return resource["tags"]
    raise errors.no_such_resource(f"No resource found for ARN: {wanted}")


def resources(eks: Eks) -> Iterator[tuple[str, Document]]:
    """All that carries tags, with its ARN."""
    for cluster in eks.clusters.values():
        yield cluster.document["arn"], cluster.document
        yield from _parts(cluster)


def _parts(cluster: Cluster) -> Iterator[tuple[str, Document]]:
    for member, parts in (
        ("nodegroupArn", cluster.nodegroups),
        ("addonArn", cluster.addons),
        ("accessEntryArn", cluster.access_entries),
        ("associationArn", cluster.associations),
    ):
        for part in parts.values():
            yield part[member], part


OPERATIONS: Operations = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
