"""What a preview would do, as a reviewer reads it: resources, what is changed in them, and what that means.

A replacement that the engine shows in three steps is one. Components, providers and the stack do not count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from delivery import meanings
from delivery.json_changes import expand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from delivery.meanings import Meaning
    from delivery.preview_steps import Change, Digest, Step

    IsKnown = Callable[[str, str], bool]
    """Type and path of a property → whether a source says how it changes."""

REPLACE = ("replace", "create-replacement", "delete-replaced")
"""The engine's steps of one replacement (pkg/resource/deploy/step.go of 3.274)."""
UNCHANGED = ("same", "read", "refresh")
"""The engine's steps that change nothing in AWS."""

DONE = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
"""Action → how the report says it; of other actions, the engine's own word."""
ORDER = ("replace", "delete", "update", "create")

ON_MANY = 3
"""On how many resources a change is told once for all."""


@dataclass(frozen=True)
class Resource:
    """A resource that changes."""

    action: str
    type: str
    name: str
    changes: tuple[Change, ...]
    forced_by: tuple[str, ...] = ()
    """The properties that force a replacement; none where it follows from that of another resource."""
    follows: str = ""
    """The label of the resource whose replacement makes this one be replaced, if that is known."""
    hangs_on: tuple[str, ...] = ()
    """What depends on it, the nearest first."""
    meaning: Meaning | None = None
    means: str = ""
    """What the change means for people; empty where nobody gets hurt."""
    unknown: frozenset[str] = frozenset()
    """The paths of which no source says whether they are updated or replace the resource."""

    @property
    def label(self) -> str:
        """Its type without the package, and its name."""
        return label(self.type, self.name)

    @property
    def destroys(self) -> bool:
        """Whether something that exists goes away."""
        return self.action in ("replace", "delete")

    @property
    def because(self) -> str:
        """In words, why it is destroyed."""
        if self.action == "delete":
            return "no longer in the program"
        after = f"the replacement of {self.follows}" if self.follows else "the replacement of another resource"
        return ", ".join(self.forced_by) or after


@dataclass(frozen=True)
class Shared:
    """One change that is the same on many resources."""

    change: Change
    resources: tuple[str, ...]
    """Their labels."""
    is_unknown: bool = False
    """Whether no source says, for one of them, whether it is updated or replaced."""


@dataclass(frozen=True)
class Plan:
    """What changes, what destroys first."""

    changed: tuple[Resource, ...] = ()
    shared: tuple[Shared, ...] = ()
    """What is not repeated in the changes of each resource."""
    unchanged: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Action → how many resources."""
        found = Counter(resource.action for resource in self.changed)
        return dict(sorted(found.items(), key=lambda item: (_rank(item[0]), item[0])))

    @property
    def dangers(self) -> tuple[str, ...]:
        """The kinds of what is destroyed where people get hurt, the most severe first, each once."""
        found: dict[str, str] = {}
        for each in self.changed:
            if each.destroys and each.meaning:
                is_gone = each.action == "delete"
                found.setdefault(each.meaning.noun, f"{each.meaning.noun} deleted" if is_gone else each.meaning.short)
        return tuple(found.values())

    @property
    def line(self) -> str:
        """`2 replaced (cluster: 20 min without it), 3 updated, 53 unchanged`."""
        parts = [f"{count} {DONE.get(action, action)}" for action, count in self.counts.items()]
        destroys = [place for place, action in enumerate(self.counts) if action in ("replace", "delete")]
        if destroys and self.dangers:
            parts[destroys[-1]] += f" ({'; '.join(self.dangers)})"
        return ", ".join([*(parts or ["no changes"]), *([f"{self.unchanged} unchanged"] if self.unchanged else [])])


def label(kind: str, name: str) -> str:
    """A resource's type without the package, and its name: `NodeGroup default`."""
    return f"{kind.rpartition(':')[2]} {name}"


def of(digest: Digest, is_known: IsKnown = lambda _type, _path: True) -> Plan:
    """What a preview would do.

    Args:
        digest: what pulumi printed, with unchanged resources.
        is_known: whether a source says how a property changes. pulumi-aws itself knows; the stand-in says what it
            has read.
    """
    steps = merged(digest.steps or ())
    after = _dependents(steps)
    roots = {
        urn: _label(step.urn)
        # The first by type and name wins: the engine's own order differs from run to run.
        for step in sorted(steps, key=lambda each: (each.type, each.name), reverse=True)
        if step.op in REPLACE and step.why
        for urn in _reached(step.urn, after)
    }
    resources = [
        _resource(step, roots.get(step.urn, ""), after, is_known)
        for step in steps
        if step.op not in UNCHANGED and (step.is_resource or (step.op == "update" and any(step.changes())))
    ]
    unchanged = sum(step.op in UNCHANGED for step in steps if step.is_resource)
    # The engine's own order differs from run to run.
    resources.sort(key=lambda each: (not each.destroys, _severity(each), _rank(each.action), each.type, each.name))
    changed, shared = _shared(resources)
    return Plan(tuple(changed), tuple(shared), unchanged)


def merged(steps: Iterable[Step]) -> list[Step]:
    """One step a resource, also where a replacement is shown in three."""
    found: dict[str, Step] = {}
    for step in steps:
        if step.op not in REPLACE or found.setdefault(step.urn, step).op not in REPLACE or step.op == "replace":
            found[step.urn] = step
    return list(found.values())


def _resource(step: Step, root: str, after: Mapping[str, Sequence[str]], is_known: IsKnown) -> Resource:
    action = "replace" if step.op in REPLACE else step.op
    changes = _once(inner for change in step.changes() for inner in expand(change))
    state = step.old_state or step.new_state
    meaning = meanings.of(step.type, (state and state.inputs) or {})
    hangs_on = tuple(map(_label, _reached(step.urn, after))) if step.destroys else ()
    follows = root if action == "replace" and not step.why else ""
    unknown = {
        change.path for change in changes if action in ("update", "replace") and not is_known(step.type, change.path)
    }
    means = _means(meaning, action, changes) if meaning else ""
    return Resource(
        action,
        step.type,
        step.name,
        changes,
        tuple(sorted(step.why)),
        follows,
        hangs_on,
        meaning,
        means,
        frozenset(unknown),
    )


def _means(meaning: Meaning, action: str, changes: Iterable[Change]) -> str:
    if action in ("replace", "delete"):
        return meaning.replaced if action == "replace" else meaning.deleted
    if action != "update":
        return ""
    paths = [change.path for change in changes]
    found = (text for start, text in meaning.updated.items() if any(path.startswith(start) for path in paths))
    return " ".join(dict.fromkeys(found))


def _once(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Without the second of two lists of tags that change in the same way: `tagsAll` has those of `tags` too."""
    found = list(changes)
    own = {(change.path, str(change.old), str(change.new)) for change in found if change.path.startswith("tags.")}
    return tuple(
        change
        for change in found
        if (change.path.replace("tagsAll.", "tags.", 1), str(change.old), str(change.new)) not in own
        or not change.path.startswith("tagsAll.")
    )


def _dependents(steps: Iterable[Step]) -> dict[str, list[str]]:
    """URN → the URNs of the resources that depend on it."""
    found: dict[str, list[str]] = {}
    for step in steps:
        state = step.old_state or step.new_state
        for urn in sorted(state.needs) if state and step.is_resource else ():
            found.setdefault(urn, []).append(step.urn)
    return found


def _reached(urn: str, after: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The URNs of all that depends on a resource, however far off; the nearest first."""
    found: dict[str, None] = {}
    waiting = sorted(after.get(urn, ()))
    while waiting:
        each = waiting.pop(0)
        if each not in found and each != urn:
            found[each] = None
            waiting += sorted(after.get(each, ()))
    return tuple(found)


def _label(urn: str) -> str:
    _, _, kinds, name = urn.split("::", 3)
    return label(kinds.rpartition("$")[2], name)


def _shared(resources: Sequence[Resource]) -> tuple[list[Resource], list[Shared]]:
    """Take out what is the same on many resources: each is told once, with a list."""
    where: dict[str, list[Resource]] = {}
    first: dict[str, Change] = {}
    for resource in resources:
        for change in resource.changes if resource.action in ("update", "replace") else ():
            if not change.forces:
                where.setdefault(repr(change), []).append(resource)
                first.setdefault(repr(change), change)
    many = {key for key, those in where.items() if len(those) >= ON_MANY}
    found = [
        Shared(
            first[key],
            tuple(resource.label for resource in where[key]),
            any(first[key].path in resource.unknown for resource in where[key]),
        )
        for key in sorted(many, key=lambda key: (-len(where[key]), key))
    ]
    return [_without(resource, many) for resource in resources], found


def _without(resource: Resource, many: set[str]) -> Resource:
    if resource.action not in ("update", "replace"):
        return resource
    return replace(resource, changes=tuple(change for change in resource.changes if repr(change) not in many))


def _rank(action: str) -> int:
    return ORDER.index(action) if action in ORDER else len(ORDER)


def _severity(resource: Resource) -> int:
    """The place of its kind among those where people get hurt; the others come after them."""
    return list(meanings.MEANINGS).index(resource.type) if resource.meaning else len(meanings.MEANINGS)
