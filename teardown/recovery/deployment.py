"""An exported state as data: what it lists, what was pending, and what it becomes when resources are put back.

Source of the form: pulumi 3.274, sdk/go/common/apitype/core.go (UntypedDeployment, DeploymentV3, ResourceV3,
OperationV2). What is not named here is carried along as it is, so that nothing of a newer form is lost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from common.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Entry = dict[str, Any]
"""A resource as the state has it."""

ENGINE = "pulumi:"
"""How the types begin of what is the engine's alone: the stack and its providers."""

ADDRESS, ASSOCIATION = "aws:ec2/eip:Eip", "associationId"
"""An elastic IP address, and the output in which a refresh writes down what holds it."""


@dataclass(frozen=True)
class Operation:
    """What a run was at when it was killed."""

    type: str
    """creating, updating, deleting, reading or importing."""
    resource: Entry

    @property
    def urn(self) -> str:
        """The resource's URN."""
        return self.resource["urn"]

    @property
    def is_of_aws(self) -> bool:
        """Whether it is about something in AWS: components and providers are the engine's alone."""
        return bool(self.resource.get("custom")) and not self.resource["type"].startswith(ENGINE)

    @property
    def label(self) -> str:
        """`Cluster cluster`: the type and name that a person knows it by."""
        return label(self.resource)


@dataclass(frozen=True)
class Deployment:
    """An exported state."""

    document: Mapping[str, Any]
    """All of it."""

    @property
    def resources(self) -> list[Entry]:
        """What it lists, in its order."""
        return list(self._deployment.get("resources") or ())

    @property
    def pending(self) -> list[Operation]:
        """What was pending, in its order, each resource once."""
        found = [Operation(each["type"], each["resource"]) for each in self._deployment.get("pending_operations") or ()]
        return list({operation.urn: operation for operation in found}.values())

    @property
    def unread(self) -> list[Entry]:
        """What was put back and not read since: a recovery that was killed before its refresh.

        No resource of pulumi-aws has no outputs: it gives the id, the ARN or the inputs back.
        """
        return [each for each in self.resources if _is_of_aws(each) and each.get("id") and not each.get("outputs")]

    @property
    def _deployment(self) -> Mapping[str, Any]:
        return self.document.get("deployment") or {}

    def with_pending(self, operations: Iterable[Operation]) -> Deployment:
        """The same with other pending operations."""
        told = [{"resource": each.resource, "type": each.type} for each in operations]
        return self._with(pending_operations=told)

    def with_resources(self, entries: Sequence[Entry]) -> Deployment:
        """The same with resources put back, and without pending operations: an import drops those.

        An entry without outputs makes the provider's read an import by id.
        """
        return self._with(resources=put_back(self.resources, entries), pending_operations=[])

    def without_associations(self) -> Deployment:
        """The same, addresses not knowing what holds them: as they are known before a refresh."""
        return self._with(resources=[_unassociated(each) for each in self.resources])

    def text(self) -> str:
        """As `pulumi stack import` takes it."""
        return json.dumps(self.document, indent=4) + "\n"

    def _with(self, **changes: Any) -> Deployment:
        return Deployment({**self.document, "deployment": {**self._deployment, **changes}})


def parse(exported: str) -> Deployment:
    """Read what `pulumi stack export` prints.

    Raises:
        UnknownError: it is not a state, or has an operation without a resource.
    """
    try:
        document: object = json.loads(exported)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(cast("Entry", document).get("deployment"), dict):
        raise UnknownError("the stack's state is unknown: pulumi prints no state")
    parsed = Deployment(cast("Entry", document))
    try:
        keys = [(each.urn, each.resource["type"]) for each in parsed.pending]
        keys += [(each["urn"], each["type"]) for each in parsed.resources]
    except (KeyError, TypeError):
        keys = [(None, None)]
    if not all(isinstance(key, str) for pair in keys for key in pair):
        raise UnknownError("the stack's state is unknown: it has a resource without a type or URN")
    return parsed


def label(entry: Entry) -> str:
    """`Cluster cluster`: the type and name that a person knows a resource by."""
    return f"{entry['type'].rpartition(':')[2]} {entry['urn'].rpartition('::')[2]}"


def inputs_of(entry: Entry) -> dict[str, Any]:
    """A resource's inputs."""
    return entry.get("inputs") or {}


def needs(entry: Entry) -> list[str]:
    """The URNs that must come before a resource: parent, dependencies, what it is deleted or replaced with, provider.

    Source: pulumi 3.274, GetAllDependencies in pkg/resource/state.go, which VerifyIntegrity walks.
    """
    found = [entry.get("parent"), entry.get("deletedWith"), *(entry.get("dependencies") or ())]
    by_property: dict[str, list[str] | None] = entry.get("propertyDependencies") or {}
    found += [urn for urns in by_property.values() for urn in urns or ()]
    found += entry.get("replaceWith") or ()
    # `URN::ID`; the id of a provider has no colons.
    found.append((entry.get("provider") or "").rpartition("::")[0])
    return [urn for urn in found if urn]


def put_back(resources: Sequence[Entry], entries: Sequence[Entry]) -> list[Entry]:
    """The resources with entries added, each after all that it needs. What is there keeps its order as far as it may.

    An entry that replaces one of the same URN takes its place: the old one is still in AWS, and is marked for deletion
    as the engine marks it, unless the engine has deleted it already (`pendingReplacement`).
    """
    new = {entry["urn"] for entry in entries}
    old = [each for each in resources if each["urn"] in new and not each.get("delete")]
    kept = [each for each in resources if each["urn"] not in new or each.get("delete")]
    replaced = [{**each, "delete": True} for each in old if not each.get("pendingReplacement")]
    return _ordered([*kept, *entries, *replaced])


def _ordered(entries: Sequence[Entry]) -> list[Entry]:
    """Each entry after what it needs; those that are in order already stay as they are."""
    by_urn: dict[str, list[int]] = {}
    for index, entry in enumerate(entries):
        by_urn.setdefault(entry["urn"], []).append(index)
    ordered: list[Entry] = []
    seen: set[int] = set()

    def visit(index: int) -> None:
        if index in seen:
            return
        seen.add(index)
        for needed in _living(needs(entries[index])):
            visit(needed)
        ordered.append(entries[index])

    def _living(urns: Iterable[str]) -> Iterator[int]:
        """Of a URN's entries the one that is not on its way out."""
        for urn in urns:
            found = by_urn.get(urn, [])
            yield from [index for index in found if not entries[index].get("delete")] or found

    for index in range(len(entries)):
        visit(index)
    return ordered


def _unassociated(entry: Entry) -> Entry:
    outputs: Entry = entry.get("outputs") or {}
    if entry["type"] != ADDRESS or not outputs.get(ASSOCIATION):
        return entry
    return {**entry, "outputs": {**outputs, ASSOCIATION: ""}}


def _is_of_aws(entry: Entry) -> bool:
    return bool(entry.get("custom")) and not entry.get("external") and not entry["type"].startswith(ENGINE)
