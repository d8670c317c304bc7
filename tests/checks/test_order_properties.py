"""Whatever depends on whatever: a tree that Flux would never get through has an error, one that it would has none."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from checks.artifact import Artifact
from checks.config import parse
from checks.kustomize import Reach
from checks.model import Model
from checks.rules import RULES
from checks.tree import FLUX_GROUP, Kustomization, Object, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checks.findings import Finding

CONFIG = parse({"kubernetes": "1.36", "bootstrap": {"path": "k8s"}})
BY_ID = {rule.id: rule for rule in RULES}
DEADLOCKS = ("E1", "E2", "E3", "E4")
CHARTS = {"monitoring": "kube-prometheus-stack", "canary": "flagger"}
CUSTOM = {
    "monitoring": ("monitoring.coreos.com/v1", "ServiceMonitor"),
    "canary": ("flagger.app/v1beta1", "Canary"),
}


@dataclass(frozen=True)
class Part:
    """A Flux Kustomization: what it depends on, the charts it installs, the custom resources it applies."""

    depends_on: frozenset[str] = frozenset()
    installs: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


@dataclass
class Cluster:
    """A cold cluster, and Flux as its documentation has it: see the facts in checks.flux."""

    parts: Mapping[str, Part]
    ready: set[str] = field(default_factory=set[str])
    crds: set[str] = field(default_factory=set[str])

    def reconcile(self) -> bool:
        """Try everything once, as each retryInterval does; whether anything came of it."""
        progress = False
        for name, part in self.parts.items():
            if name not in self.ready and part.depends_on <= self.ready and part.needs <= self.crds:
                self.ready.add(name)
                self.crds |= part.installs
                progress = True
        return progress

    @property
    def converges(self) -> bool:
        while self.reconcile():
            pass
        return self.ready == set(self.parts)


def made(kind: str, api: str, name: str, owner: str, spec: dict[str, Any]) -> Object:
    namespace = "flux-system"
    manifest = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
    return Object(owner, manifest, "", manifest, f"{name}.yaml", None)


def tree_of(parts: Mapping[str, Part]) -> Model:
    """The model of a tree, without a file."""
    kustomizations: list[Kustomization] = []
    for name, part in parts.items():
        depends_on = [{"name": other} for other in sorted(part.depends_on)]
        spec: dict[str, Any] = {"wait": True, "timeout": "1h", "retryInterval": "1m", "dependsOn": depends_on}
        owner = f"flux-system/{name}"
        releases = [
            made(
                "HelmRelease",
                "helm.toolkit.fluxcd.io/v2",
                f"{name}-{chart}",
                owner,
                {"chart": {"spec": {"chart": chart}}},
            )
            for chart in (CHARTS[each] for each in sorted(part.installs))
        ]
        objects = [made(kind, api, name, owner, {}) for api, kind in (CUSTOM[each] for each in sorted(part.needs))]
        itself = made("Kustomization", f"{FLUX_GROUP}/v1", name, "flux-system/root", spec)
        reach = Reach(frozenset(), ())
        kustomizations.append(Kustomization(itself, name, reach, (*releases, *objects), None))
    root = made("Kustomization", f"{FLUX_GROUP}/v1", "root", "", {})
    first = Kustomization(root, "k8s", Reach(frozenset(), ()), tuple(each.object for each in kustomizations), None)
    return Model(Tree(Path(), CONFIG, Artifact((), ()), {}, (first, *kustomizations)))


def errors(model: Model) -> list[Finding]:
    return [finding for rule in DEADLOCKS for finding in BY_ID[rule].check(model)]


NAMES = ["a", "b", "c", "d"]
KINDS = st.frozensets(st.sampled_from(sorted(CHARTS)))
PARTS = st.builds(Part, st.frozensets(st.sampled_from([*NAMES, "nobody"]), max_size=2), KINDS, KINDS)
TREES = st.dictionaries(st.sampled_from(NAMES), PARTS, min_size=1)
A, M = frozenset({"a"}), frozenset({"monitoring"})


@given(TREES)
@example({"a": Part(installs=M, needs=M)})
@example({"a": Part(installs=M, needs=M), "b": Part(depends_on=A, installs=M)})
@example({"a": Part(installs=M, needs=frozenset({"canary"})), "b": Part(installs=frozenset({"canary"}), needs=M)})
@example({"a": Part(depends_on=frozenset({"b"}), installs=M), "b": Part(needs=M)})
def test_a_tree_has_an_error_if_and_only_if_flux_never_gets_through_it(parts: Mapping[str, Part]) -> None:
    found = errors(tree_of(parts))
    assert Cluster(parts).converges is (found == []), found


@given(TREES)
def test_what_is_waited_for_by_luck_alone_is_warned_of(parts: Mapping[str, Part]) -> None:
    """A tree without errors and warnings is got through at the first try, in the order of dependsOn."""
    model = tree_of(parts)
    if errors(model) or list(BY_ID["E7"].check(model)):
        return
    crds: dict[str, set[str]] = {}
    while missing := [name for name in parts if name not in crds]:
        name = next(name for name in missing if parts[name].depends_on <= crds.keys())
        before = set[str]().union(*(crds[other] for other in parts[name].depends_on))
        assert parts[name].needs <= before
        crds[name] = before | parts[name].installs


@dataclass(frozen=True)
class Nested:
    """A Flux Kustomization with one HelmRelease: who applies it, whether it waits, what it and its release wait for."""

    parent: str | None
    waits: bool
    depends_on: frozenset[str]
    release_after: frozenset[str]


def gets_through(parts: Mapping[str, Nested]) -> bool:
    """Whether a cold cluster ever has all of it Ready."""
    applied, ready, installed = set[str](), set[str](), set[str]()
    before = -1
    while before < (before := len(applied) + len(ready) + len(installed)):
        for name, part in parts.items():
            children = {other for other, child in parts.items() if child.parent == name}
            if part.parent in {None, *applied} and part.depends_on <= ready:
                applied.add(name)
            if name in applied and part.release_after <= installed:
                installed.add(name)
            if name in applied and (not part.waits or (name in installed and children <= ready)):
                ready.add(name)
    return ready == installed == set(parts)


def nested_tree(parts: Mapping[str, Nested]) -> Model:
    """The model of a tree in which Kustomizations apply one another."""
    itself: dict[str, Object] = {}
    releases: dict[str, Object] = {}
    for name, part in parts.items():
        spec: dict[str, Any] = {"wait": part.waits, "dependsOn": [{"name": other} for other in part.depends_on]}
        itself[name] = made("Kustomization", f"{FLUX_GROUP}/v1", name, f"flux-system/{part.parent or 'root'}", spec)
        after: dict[str, Any] = {"dependsOn": [{"name": other} for other in part.release_after]}
        releases[name] = made("HelmRelease", "helm.toolkit.fluxcd.io/v2", name, f"flux-system/{name}", after)

    def applied_by(parent: str | None) -> tuple[Object, ...]:
        return tuple(itself[name] for name, part in parts.items() if part.parent == parent)

    root = made("Kustomization", f"{FLUX_GROUP}/v1", "root", "", {})
    first = Kustomization(root, "k8s", Reach(frozenset(), ()), applied_by(None), None)
    others = [
        Kustomization(itself[name], name, Reach(frozenset(), ()), (releases[name], *applied_by(name)), None)
        for name in parts
    ]
    return Model(Tree(Path(), CONFIG, Artifact((), ()), {}, (first, *others)))


@st.composite
def nested(draw: st.DrawFn) -> dict[str, Nested]:
    """Kustomizations each of which is applied by the root or one before it."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    some = st.frozensets(st.sampled_from(names), max_size=2)
    return {
        name: Nested(draw(st.sampled_from([None, *names[:number]])), draw(st.booleans()), draw(some), draw(some))
        for number, name in enumerate(names)
    }


@given(nested())
@example({"a": Nested(None, True, frozenset(), frozenset()), "b": Nested("a", True, A, frozenset())})
@example({"a": Nested(None, True, frozenset(), frozenset({"b"})), "b": Nested(None, False, A, frozenset())})
def test_a_circle_is_found_whatever_it_goes_through(parts: Mapping[str, Nested]) -> None:
    found = list(BY_ID["E3"].check(nested_tree(parts)))
    assert gets_through(parts) is (found == []), found
