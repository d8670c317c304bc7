"""What Flux will do of a change in the manifests: a comparison of what it builds of BASE and of HEAD.

Variables have the samples of `checks.yaml`. Sources: fluxcd/kustomize-controller 1.9, its API's Kustomization
(prune, suspend, deletionPolicy) and controller (inventory, garbage collection, finalizer); fluxcd/pkg ssa (`reconcile`,
`prune` and `ssa` as labels or annotations of an object).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from checks import binaries, config, tree
from checks.manifests import at, mapping
from delivery.json_changes import expand
from delivery.preview_steps import SECRET, Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from checks.tree import Kustomization, Object, Tree

ACTIONS = ("pruned", "left", "changed", "created")
"""The most severe first."""

FLUX = "kustomize.toolkit.fluxcd.io"

EXCLUDED = (("reconcile", "disabled"), ("ssa", "Ignore"))
"""The labels or annotations, of what is there or of what shall be, that keep Flux from applying and from deleting."""

RACE = "changes its prune or suspend too: it is left if that is applied in time, or deleted if it is not"

MEANINGS = {
    "Namespace": "A pruned Namespace takes everything in it along.",
    "PersistentVolumeClaim": "A pruned PersistentVolumeClaim takes its data along, unless its volume is retained.",
    "CustomResourceDefinition": "A pruned CustomResourceDefinition takes every object of its kind along.",
    "HelmRelease": "A pruned HelmRelease is uninstalled: what its chart made is deleted.",
    "Kustomization": "A pruned Kustomization prunes what it applied.",
}
"""Kind → what its pruning means (Kubernetes' and Flux' documentation on each kind)."""

Id = tuple[str, str, str, str]
"""Group, kind, namespace, name: what Flux's inventory tells objects apart by."""


@dataclass(frozen=True)
class ObjectChange:
    """What becomes of an object."""

    action: str
    """One of ACTIONS."""
    kind: str
    name: str
    """`<namespace>/<name>`, or the name alone."""
    owner: str
    """The Flux Kustomization that applies it, or did."""
    why: str = ""
    """Why it is left as it is although the manifests differ, or how it comes to its owner."""
    changes: tuple[Change, ...] = ()

    @property
    def label(self) -> str:
        """Its kind and name."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Manifests:
    """What Flux will do."""

    changes: tuple[ObjectChange, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be compared, and why: of it, nothing is known."""

    @property
    def line(self) -> str:
        """`1 pruned, 2 changed, 3 created`."""
        counts = {action: sum(each.action == action for each in self.changes) for action in ACTIONS}
        counted = ", ".join(f"{count} {action}" for action, count in counts.items() if count) or "no changes"
        return counted + (f", {len(self.problems)} not known" if self.problems else "")

    @property
    def meanings(self) -> tuple[str, ...]:
        """What the prunings mean, each once."""
        kinds = dict.fromkeys(each.kind for each in self.changes if each.action == "pruned")
        return tuple(MEANINGS[kind] for kind in kinds if kind in MEANINGS)

    @property
    def document(self) -> dict[str, object]:
        """For machines."""
        return {
            "line": self.line,
            "objects": [
                {"action": each.action, "kind": each.kind, "name": each.name, "owner": each.owner, "why": each.why}
                for each in self.changes
            ],
            "notKnown": list(self.problems),
        }


def built(root: Path) -> Tree:
    """What Flux builds of a checkout. Raises FleetError: it cannot be read, or there is no kustomize."""
    return tree.build(tree.read(root, config.load(root)), binaries.kustomize())


def compare(base: Tree, head: Tree) -> Manifests:
    """What Flux will do when HEAD takes BASE's place."""
    before, after = _owners(base), _owners(head)
    unknown = {name for side in (before, after) for name, owner in side.items() if _problem(owner)}
    problems = [
        f"{name}: {_problem(after[name])}" for name in sorted(unknown) if name in after and _problem(after[name])
    ]
    problems += [
        f"{name}: BASE's cannot be built: {_problem(before[name])}"
        for name in sorted(unknown)
        if name in before and _problem(before[name])
    ]
    old, new = _objects(base, unknown), _objects(head, unknown)
    found = [*_gone(old, new, before, after), *_there(old, new, after)]
    found.sort(key=lambda each: (ACTIONS.index(each.action), each.owner, each.kind, each.name))
    return Manifests(tuple(found), tuple(problems))


def _owners(built: Tree) -> dict[str, Kustomization]:
    return {owner.id: owner for owner in built.kustomizations}


def _problem(owner: Kustomization) -> str:
    """Why what a Kustomization applies is not known."""
    remote = [f"{name} is not in the repository" for _, _, name in owner.reach.remotes]
    return owner.problem or "; ".join(remote)


def _objects(built: Tree, unknown: set[str]) -> dict[Id, Object]:
    """Id → the object; of one that two apply, the last."""
    return {_id(each): each for each in built.objects if each.owner not in unknown}


def _id(each: Object) -> Id:
    return each.group, each.kind, each.namespace, each.name


def _gone(
    old: Mapping[Id, Object],
    new: Mapping[Id, Object],
    before: Mapping[str, Kustomization],
    after: Mapping[str, Kustomization],
) -> Iterator[ObjectChange]:
    """What HEAD does not have any more."""
    for key, each in old.items():
        if key in new:
            continue
        why = _kept(each, before, after, old, new)
        if _is_undecided(each, before, after) and not _excluded(each):
            yield ObjectChange("pruned", each.kind, each.id, each.owner, f"{each.owner} {RACE}")
        else:
            yield ObjectChange("left" if why else "pruned", each.kind, each.id, each.owner, why)


def _excluded(each: Object) -> str:
    """What on an object keeps Flux from deleting it; empty: nothing."""
    found = (
        f"{FLUX}/{name}: {value}" for name, value in (("prune", "disabled"), *EXCLUDED) if _switch(each, name) == value
    )
    return next(found, "")


def _is_undecided(each: Object, before: Mapping[str, Kustomization], after: Mapping[str, Kustomization]) -> bool:
    """Whether the owner's own spec changes in what decides: it may apply the new commit before it has the new spec."""
    if each.owner not in after:
        return False
    old, new = (side[each.owner].spec for side in (before, after))
    return any(bool(old.get(key)) != bool(new.get(key)) for key in ("prune", "suspend"))


def _kept(
    each: Object,
    before: Mapping[str, Kustomization],
    after: Mapping[str, Kustomization],
    old: Mapping[Id, Object],
    new: Mapping[Id, Object],
) -> str:
    """Why Flux does not delete an object that left the manifests; empty: it does."""
    if excluded := _excluded(each):
        return excluded
    owner = after.get(each.owner)
    if owner is not None:
        if owner.spec.get("suspend"):
            return f"{each.owner} is suspended"
        return "" if owner.spec.get("prune") else f"{each.owner} does not prune"
    gone = before[each.owner]
    if _id(gone.object) in old:  # it is an object itself: what becomes of it decides
        why = _kept(gone.object, before, after, old, new) if _id(gone.object) not in new else ""
        if why:
            return why
    # The finalizer goes by the spec of what is deleted.
    policy = gone.spec.get("deletionPolicy", "MirrorPrune")
    if gone.spec.get("suspend"):
        return f"{each.owner} is suspended"
    if policy == "Orphan" or (policy == "MirrorPrune" and not gone.spec.get("prune")):
        return f"{each.owner} goes, and does not prune"
    return ""


def _there(
    old: Mapping[Id, Object], new: Mapping[Id, Object], after: Mapping[str, Kustomization]
) -> Iterator[ObjectChange]:
    """What HEAD has."""
    for key, each in new.items():
        was = old.get(key)
        if was is not None and (was.owner, was.manifest) == (each.owner, each.manifest):
            continue
        changes = _changes(was, each) if was and was.manifest != each.manifest else ()
        why = _ignored(was, each, after[each.owner])
        action = "left" if why else "changed" if was else "created"
        if was and not why and was.owner != each.owner:
            why = f"moves from {was.owner}, which deletes it if it is applied first; then it is made again"
        yield ObjectChange(action, each.kind, each.id, each.owner, why, changes)


def _ignored(was: Object | None, each: Object, owner: Kustomization) -> str:
    """Why Flux does not apply what the manifests say; empty: it does."""
    if owner.spec.get("suspend"):
        return f"{owner.id} is suspended"
    for name, value in EXCLUDED:
        if any(side is not None and _switch(side, name) == value for side in (was, each)):
            return f"{FLUX}/{name}: {value}"
    if_not_present = was is not None and _switch(each, "ssa") == "IfNotPresent"
    return f"{FLUX}/ssa: IfNotPresent" if if_not_present else ""


def _switch(each: Object, name: str) -> str:
    """What a label or an annotation of Flux says of an object."""
    values = (at(each.manifest, "metadata", place, f"{FLUX}/{name}") for place in ("labels", "annotations"))
    return next((str(value) for value in values if value is not None), "")


def _changes(old: Object, new: Object) -> tuple[Change, ...]:
    before, after = (_shown(each.manifest) for each in (old, new))
    if new.kind == "Secret":
        before, after = _veiled(before, after)
    found = expand(Change("", before, after))
    return tuple(replace(change, path=change.path.lstrip(".")) for change in found)


def _shown(manifest: Mapping[str, Any]) -> Any:
    return dict(manifest)


def _veiled(old: Any, new: Any) -> tuple[Any, Any]:
    """A Secret without its values: only that one differs is told."""
    for field in ("data", "stringData"):
        before, after = mapping(old.get(field)), mapping(new.get(field))
        if before or after:
            old = {**old, field: dict.fromkeys(before, SECRET)}
            other = {key: SECRET if before.get(key) == value else f"another {SECRET}" for key, value in after.items()}
            new = {**new, field: other}
    return old, new
