"""What Flux's own kinds say: HelmReleases, what depends on what, and what serves a kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import networkx as nx

from checks import charts
from checks.config import OwnChart
from checks.entry import OPERATOR_GROUP, Origin
from checks.manifests import at, mapping, mappings
from checks.tree import FLUX_GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checks.charts import Chart, GroupKind, Switch
    from checks.tree import Kustomization, Object, Tree

HELM_GROUP = "helm.toolkit.fluxcd.io"
HELM_TIMEOUT = 300.0
"""Seconds that a HelmRelease waits for an install unless it says otherwise (helm-controller, HelmRelease v2)."""

COMPONENTS: Mapping[GroupKind | str, str] = {
    "source.toolkit.fluxcd.io": "source-controller",
    "kustomize.toolkit.fluxcd.io": "kustomize-controller",
    HELM_GROUP: "helm-controller",
    "notification.toolkit.fluxcd.io": "notification-controller",
    "source.extensions.fluxcd.io": "source-watcher",
    ("image.toolkit.fluxcd.io", "ImageRepository"): "image-reflector-controller",
    ("image.toolkit.fluxcd.io", "ImagePolicy"): "image-reflector-controller",
    ("image.toolkit.fluxcd.io", "ImageUpdateAutomation"): "image-automation-controller",
}
"""API group, or group and kind, → the component whose CRDs serve it."""

BUILT_IN = frozenset({"", "apps", "autoscaling", "batch", "policy", "extensions"})
BUILT_IN_K8S_IO = frozenset(
    f"{name}.k8s.io"
    for name in (
        *("admissionregistration", "apiextensions", "apiregistration", "authentication", "certificates"),
        *("coordination", "discovery", "events", "flowcontrol.apiserver", "networking", "node"),
        *("rbac.authorization", "authorization", "resource", "scheduling", "storage", "storagemigration"),
    )
)
"""The API groups that the API server itself serves; other groups in .k8s.io come from CRDs too."""


@dataclass(frozen=True, eq=False)
class Release:
    """A HelmRelease, and what is known of its chart."""

    object: Object
    chart_name: str
    """Empty if it names none that is known here."""
    version: str
    """Of the chart, as asked for: empty, a range, or exact."""
    version_at: tuple[Object, tuple[str, ...]]
    """The object and field that ask for it."""
    chart: Chart | None

    @property
    def id(self) -> str:
        """`<namespace>/<name>` of the HelmRelease."""
        return self.object.id

    @property
    def values(self) -> Mapping[str, Any]:
        """spec.values."""
        return mapping(self.object.spec.get("values"))

    @property
    def crds(self) -> frozenset[GroupKind]:
        """The kinds whose CRDs it installs, or may: what valuesFrom holds is not known."""
        if self.chart is None:
            return frozenset()
        templated = self.chart.always or any(self._may_be_on(switch) for switch in self.chart.template_switches)
        return frozenset(self.chart.crds) if templated or self.crds_from_folder else frozenset()

    @property
    def crds_from_folder(self) -> bool:
        """Whether it installs the CRDs of its chart's crds/ folder."""
        if self.chart is None or not self.chart.in_folder or at(self.object.spec, "install", "crds") == "Skip":
            return False
        return self.chart.folder_switch is None or self._may_be_on(self.chart.folder_switch)

    def _may_be_on(self, switch: Switch) -> bool:
        """Whether values turn something on; spec.values win over valuesFrom (helm-controller, HelmRelease v2)."""
        is_open = bool(self.object.spec.get("valuesFrom")) and not switch.is_set(self.values)
        return is_open or switch.is_on(self.values)

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The ids of the HelmReleases that it waits for, as it says."""
        own = self.object.namespace
        entries = mappings(self.object.spec.get("dependsOn"))
        return tuple(f"{entry.get('namespace') or own}/{entry.get('name')}" for entry in entries)

    @property
    def timeout(self) -> float:
        """Seconds that its install may take."""
        install = seconds(at(self.object.spec, "install", "timeout"))
        return install or seconds(self.object.spec.get("timeout")) or HELM_TIMEOUT


def is_built_in(group: str) -> bool:
    """Whether the API server itself serves a group."""
    return group in BUILT_IN or group in BUILT_IN_K8S_IO


def component_of(kind: GroupKind) -> str | None:
    """The Flux component whose CRDs serve a kind."""
    return COMPONENTS.get(kind) or COMPONENTS.get(kind[0])


@dataclass(frozen=True, eq=False)
class Provider:
    """Who makes a kind known to the API server."""

    owner: str
    """The Flux Kustomization that applies it."""
    release: Release | None
    """The HelmRelease; None for a CRD among the manifests."""


@dataclass(frozen=True, eq=False)
class Custom:
    """An object of a kind that neither the API server nor a component of Flux serves."""

    object: Object
    kind: GroupKind
    providers: tuple[Provider, ...]


def waits_for(each: Kustomization, other: Object) -> bool:
    """Whether a Kustomization is Ready only once an object that it applies is."""
    return each.waits or any(
        (check.get("kind"), check.get("name")) == (other.kind, other.name)
        and check.get("namespace") in (None, other.namespace)
        for check in mappings(each.spec.get("healthChecks"))
    )


@dataclass(frozen=True)
class Step:
    """Something that has to happen on a cold cluster."""

    kind: str
    """Kustomization or HelmRelease."""
    id: str
    is_ready: bool = True
    """That it is Ready; otherwise that what it applies is applied."""


def applied(name: str) -> Step:
    """What a Kustomization applies is applied."""
    return Step("Kustomization", name, is_ready=False)


@dataclass(frozen=True, eq=False)
class Flux:
    """What a tree's HelmReleases and Flux Kustomizations say of one another, each thing worked out once."""

    tree: Tree

    @cached_property
    def releases(self) -> tuple[Release, ...]:
        """All HelmReleases."""
        oci = {each.id: each for each in self.tree.objects if each.kind == "OCIRepository"}
        return tuple(
            _release(each, oci, self.charts)
            for each in self.tree.objects
            if each.kind == "HelmRelease" and each.group == HELM_GROUP
        )

    @cached_property
    def charts(self) -> Mapping[str, Chart]:
        """What charts bring along: the built-in table, and the settings' own over it."""
        own = {
            name: charts.own(chart) for name, chart in self.tree.config.charts.items() if isinstance(chart, OwnChart)
        }
        return {**charts.known(), **own}

    def that_install(self, kind: GroupKind) -> list[str]:
        """The charts whose CRDs serve a kind."""
        return charts.that_install(kind, self.charts)

    def suggested(self, group: str) -> tuple[Release, ...]:
        """The HelmReleases whose charts are not known, but seem by their names to bring an API group's CRDs."""
        return self._suggested.get(group, ())

    @cached_property
    def _suggested(self) -> dict[str, tuple[Release, ...]]:
        unknown = [each for each in self.releases if each.chart is None]
        return {
            group: tuple(each for each in unknown if charts.suggests(each.chart_name, group))
            for group in {each.group for each in self.tree.objects}
        }

    @cached_property
    def components(self) -> frozenset[str]:
        """The components of Flux that are installed."""
        return self.tree.entry.components or frozenset(self.tree.config.bootstrap.components)

    @cached_property
    def order(self) -> nx.DiGraph[str]:
        """The Flux Kustomizations, an edge from each to those that it depends on."""
        return _order(self.tree.kustomizations)

    @cached_property
    def release_order(self) -> nx.DiGraph[str]:
        """The HelmReleases, an edge from each to those that it depends on."""
        return _order(self.releases)

    def before(self, name: str) -> frozenset[str]:
        """All Flux Kustomizations that one waits for, however far off."""
        return _after(self.order, name)

    def releases_before(self, name: str) -> frozenset[str]:
        """All HelmReleases that one waits for, however far off."""
        return _after(self.release_order, name)

    @cached_property
    def _providers(self) -> dict[GroupKind, tuple[Provider, ...]]:
        found: dict[GroupKind, list[Provider]] = {}
        for each in self.tree.objects:
            if each.kind == "CustomResourceDefinition":
                kind = (str(each.spec.get("group")), str(at(each.spec, "names", "kind")))
                found.setdefault(kind, []).append(Provider(each.owner, None))
        for release in self.releases:
            for kind in release.crds:
                found.setdefault(kind, []).append(Provider(release.object.owner, release))
        return {kind: tuple(providers) for kind, providers in found.items()}

    def providers(self, kind: GroupKind) -> tuple[Provider, ...]:
        """Those in the tree that make a kind known."""
        return (*self._providers.get(kind, ()), *self._providers.get((kind[0], charts.ANY), ()))

    @cached_property
    def customs(self) -> tuple[Custom, ...]:
        """All objects of a kind that neither the API server nor a component of Flux serves.

        What the settings say is there first is among them only if the tree installs its CRD too.
        """
        return tuple(
            Custom(each, kind, self.providers(kind))
            for each in self.tree.objects
            for kind in [(each.group, each.kind)]
            if not is_built_in(each.group)
            and component_of(kind) not in self.components
            and not (each.group == OPERATOR_GROUP and self.tree.entry.origin is Origin.INSTANCE)
            and (self.providers(kind) or not self.tree.config.is_served(*kind))
        )

    def assumed(self, custom: Custom) -> str:
        """What may bring an object's CRD before Flux applies anything; empty if nothing here says so."""
        if self.tree.config.is_served(*custom.kind):
            return f"checks.yaml says that {custom.kind[0]} is served before Flux is there"
        releases = [provider.release for provider in custom.providers if provider.release]
        names = {name for release in releases for name in (release.chart_name, release.object.name)}
        if file := self.tree.installer(names):
            return f"{file} installs things outside of Flux, and may bring it first"
        if self.tree.foreign:
            return f"Flux Kustomization {self.tree.foreign[0].id} is not followed, and may bring it"
        return ""

    def kustomization(self, name: str) -> Kustomization:
        """The Flux Kustomization of an id that an object of the tree has as its owner."""
        return next(each for each in self.tree.kustomizations if each.id == name)

    def above(self, name: str) -> list[str]:
        """A Flux Kustomization and those that it is applied by, up to the root: what those apply comes first."""
        owners = {each.id: each.object.owner for each in self.tree.kustomizations}
        found: list[str] = []
        while name in owners and name not in found:
            found.append(name)
            name = owners[name]
        return found

    def is_there(self, owner: str, provider: Provider) -> bool:
        """Whether a kind is known when a Kustomization is dry-run: its CRD is a manifest of it, or of one above."""
        return provider.release is None and provider.owner in self.above(owner)

    @cached_property
    def stuck(self) -> tuple[frozenset[str], ...]:
        """The Flux Kustomizations that are never applied on a cold cluster, in groups that wait for one another.

        One is applied once all that it depends on is, and the CRD of each of its objects is there: among its own
        manifests, or by a Kustomization that was applied before. What Helm makes of a release is not looked at.
        """
        needs = {
            each.id: [custom for custom in self.customs if custom.object.owner == each.id]
            for each in self.tree.kustomizations
        }
        applied = {each.id for each in self.tree.foreign}
        waiting = {each.id: each for each in self.tree.kustomizations}

        def is_next(name: str) -> bool:
            return applied.issuperset(waiting[name].depends_on) and all(
                not custom.providers or any(p.owner in applied or self.is_there(name, p) for p in custom.providers)
                for custom in needs[name]
            )

        while ready := [name for name in waiting if is_next(name)]:
            applied.update(ready)
            for name in ready:
                del waiting[name]
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(waiting)
        for name, each in waiting.items():
            owners = {provider.owner for custom in needs[name] for provider in custom.providers}
            graph.add_edges_from((name, other) for other in (*each.depends_on, *owners) if other in waiting)
        return tuple(frozenset(group) for group in nx.strongly_connected_components(graph))

    @cached_property
    def steps(self) -> nx.DiGraph[Step]:
        """What has to happen, an edge from each step to those that have to come before it: a circle never happens.

        What Flux applies is there only once its parent applied it; a parent that waits for its children does not wait
        for itself (kustomize-controller, checkHealth).
        """
        graph: nx.DiGraph[Step] = nx.DiGraph()
        known = {each.id for each in self.tree.kustomizations}
        for each in self.tree.kustomizations:
            ready = Step("Kustomization", each.id)
            graph.add_edge(ready, applied(each.id))
            graph.add_edges_from((applied(each.id), Step("Kustomization", other)) for other in each.depends_on)
            if each.object.owner in known:
                graph.add_edge(applied(each.id), applied(each.object.owner))
            waiting = [
                child for child in each.objects if child.group in (FLUX_GROUP, HELM_GROUP) and waits_for(each, child)
            ]
            graph.add_edges_from((ready, step) for child in waiting if (step := Step(child.kind, child.id)) != ready)
        for release in self.releases:
            step = Step("HelmRelease", release.id)
            graph.add_edge(step, applied(release.object.owner))
            graph.add_edges_from((step, Step("HelmRelease", other)) for other in release.depends_on)
        return graph


def _order(those: Sequence[Kustomization] | Sequence[Release]) -> nx.DiGraph[str]:
    """An edge from each to those that it depends on; names that nobody has are left out."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(each.id for each in those)
    graph.add_edges_from((each.id, other) for each in those for other in each.depends_on if other in graph)
    return graph


def _after(graph: nx.DiGraph[str], each: str) -> frozenset[str]:
    """All that something waits for, however far off."""
    found: set[str] = nx.descendants(graph, each) if each in graph else set()  # pyright: ignore[reportUnknownMemberType]
    return frozenset(found) - {each}


def _release(each: Object, oci: Mapping[str, Object], table: Mapping[str, Chart]) -> Release:
    """A chart is named in the HelmRelease, or is what an OCIRepository that it refers to points at."""
    reference = mapping(each.spec.get("chartRef"))
    repository = oci.get(f"{reference.get('namespace') or each.namespace}/{reference.get('name')}")
    if repository is not None:
        url, asked = str(repository.spec.get("url") or ""), mapping(repository.spec.get("ref"))
        field = "tag" if "tag" in asked else "semver"
        name, version, place = url.rpartition("/")[2], str(asked.get(field) or ""), (repository, ("spec", "ref", field))
    else:
        spec = mapping(at(each.spec, "chart", "spec"))
        name, version = str(spec.get("chart") or ""), str(spec.get("version") or "")
        place = (each, ("spec", "chart", "spec", "version"))
    return Release(each, name, version, place, table.get(name.rpartition("/")[2]))


_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def seconds(duration: Any) -> float | None:
    """A duration such as 1h30m in seconds; None for what is none."""
    found = _DURATION.fullmatch(duration) if isinstance(duration, str) and duration else None
    if found is None:
        return None
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest


def spelled(duration: float) -> str:
    """Seconds as Flux writes them."""
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes}m{f'{rest}s' if rest else ''}" if minutes else f"{rest}s"
