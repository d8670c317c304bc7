"""Repositories by seed, with placements that Flux may or may not get through, for the truth of the checks.

A tree has its own namespace, API group, charts and branch, so that many go side by side on one cluster.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from checks.charts import Chart, Foreign, Switch
from tests.cluster.helm_charts import HelmChart, crd, hook

if TYPE_CHECKING:
    from collections.abc import Mapping

CHART_VERSION = "1.0.0"
SHORT, SHORTER = "30s", "10s"
"""Timeouts of Kustomizations and of HelmReleases: what waits in vain is known soon, and waiting well begins anew.

Less than 30 s is no timeout of a Kustomization (kustomize-controller, Kustomization v1, GetTimeout).
"""

SLOW = 36
"""Pods that a slow hook's Job makes one after the other, at least a second each: longer than SHORT."""

LONG, LONGER = "3m", "8m"
"""Timeouts of HelmReleases with such a hook, and of Kustomizations that mean to wait for them."""

FAILURES = {
    "hook": r"Helm (install|upgrade) failed.*post-install|Helm (install|upgrade|uninstall|rollback)",
    "refused": r"Helm (install|upgrade|uninstall|rollback)",
    "render": r"Helm (install|upgrade) failed.*this chart fails",
}
"""Ways in which a chart cannot be installed, and what helm-controller then says of the release."""

COLOURS = ("blue", "green")
"""Namespaces of a tree, in addition to its own: <its name>-<colour>."""

TEXTS = {
    "plain": 8,
    "${COLOUR}": 6,
    "a ${COLOUR} one": 4,
    "${NOBODY:-a default}": 2,
    "$${ESCAPED}": 2,
    "number ${NUMBER}": 2,
    "${NUMBER}": 1,
    "${NOBODY}": 1,
    "${COLOUR": 1,
}
"""What a ConfigMap's value may be, and how often."""


@dataclass(frozen=True)
class Kind:
    """A custom kind of a tree."""

    name: str
    group: str
    by_chart: bool
    """Whether a chart installs its CRD, or a manifest is its CRD."""
    in_templates: bool = False
    """Whether the chart has the CRD in templates, instead of in crds/."""
    is_slow: bool = False
    """Whether the chart has a hook that takes longer than SHORT."""
    failure: str = ""
    """How the chart fails, of FAILURES; empty if it does not."""

    @property
    def chart(self) -> str:
        """Its chart's name."""
        return f"{self.name.lower()}-{self.group.partition('.')[0]}"

    @property
    def definition(self) -> dict[str, Any]:
        """Its CRD."""
        return crd(self.group, self.name)

    def known(self, other: Kind) -> Chart:
        """What its chart brings, as checks has it; a value makes a resource of another kind."""
        return Chart(
            read_at=CHART_VERSION,
            crds=((self.group, self.name),),
            in_folder=not self.in_templates,
            template_switches=(Switch("crds", default=True),) if self.in_templates else (),
            foreign=(Foreign(((other.group, other.name),), (Switch("foreign", default=False),)),),
        )

    def helm_chart(self, other: Kind) -> HelmChart:
        """Its chart."""
        where = "templates" if self.in_templates else "crds"
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.chart}}
        foreign = {"apiVersion": f"{other.group}/v1", "kind": other.name, "metadata": {"name": f"of-{self.chart}"}}
        hooks = [hook(f"slow-{self.chart}", "pre-install", completions=SLOW)] if self.is_slow else []
        if self.failure == "hook":
            hooks.append(hook(f"failing-{self.chart}", "post-install", activeDeadlineSeconds=1, completions=SLOW))
        refused = {**config_map, "metadata": {"name": "Not_A_Name"}} if self.failure == "refused" else None
        fails = '{{ fail "this chart fails" }}\n' if self.failure == "render" else ""
        return HelmChart(
            self.chart,
            CHART_VERSION,
            {
                f"{where}/crd.yaml": _dump(self.definition),
                "templates/config.yaml": fails + _dump(config_map, *([refused] if refused else [])),
                "templates/foreign.yaml": f"{{{{- if .Values.foreign }}}}\n{_dump(foreign)}{{{{- end }}}}\n",
                "templates/hooks.yaml": _dump(*hooks),
            },
        )


@dataclass
class Part:
    """A Flux Kustomization and what it applies."""

    name: str
    parent: str
    spec: dict[str, Any] = field(default_factory=dict[str, Any])
    objects: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    namespace: str = ""
    """Of the Kustomization; empty: the tree's."""


@dataclass(frozen=True)
class RandomTree:
    """A repository of a seed."""

    name: str
    """Its namespace, its root Kustomization and its branch."""
    kinds: tuple[Kind, ...]
    parts: tuple[Part, ...]
    sync: tuple[dict[str, Any], ...]
    """What the bootstrap would apply: a GitRepository, and the root Kustomization."""
    root_objects: tuple[dict[str, Any], ...] = ()
    """What the root Kustomization applies besides the others."""

    @property
    def charts(self) -> dict[str, Chart]:
        """What its charts bring, as checks has it."""
        return {kind.chart: kind.known(other) for kind, other in self._by_chart}

    @property
    def helm_charts(self) -> list[HelmChart]:
        """Its charts."""
        return [kind.helm_chart(other) for kind, other in self._by_chart]

    @property
    def _by_chart(self) -> list[tuple[Kind, Kind]]:
        """The kinds that a chart installs, each with the other kind."""
        one, two = self.kinds
        return [(kind, other) for kind, other in ((one, two), (two, one)) if kind.by_chart]

    @property
    def failing(self) -> dict[str, str]:
        """The HelmReleases that never are Ready, with a regular expression of what their controller says."""
        return {kind.chart: FAILURES[kind.failure] for kind in self.kinds if kind.failure}

    @property
    def too_short(self) -> set[str]:
        """The Kustomizations that give up before a slow HelmRelease that they wait for is Ready."""
        slow = {kind.chart for kind in self.kinds if kind.is_slow}
        return {
            part.name
            for part in self.parts
            if part.spec.get("wait") and "timeout" not in part.spec
            if any(_is_release(each) and each["metadata"]["name"] in slow for each in part.objects)
        }

    @property
    def kustomizations(self) -> set[str]:
        """The names of all that are to get Ready."""
        return {self.name, *(part.name for part in self.parts if not part.spec.get("suspend"))}

    @property
    def namespaces(self) -> set[str]:
        """Those of its Kustomizations, and where its releases are installed."""
        colours = (f"{self.name}-{colour}" for colour in COLOURS)
        return {self.name, *colours, *(part.namespace for part in self.parts if part.namespace)}

    @property
    def releases(self) -> set[str]:
        """The names of its HelmReleases."""
        return {each["metadata"]["name"] for part in self.parts for each in part.objects if _is_release(each)}

    def files(self) -> dict[str, str]:
        """File → content."""
        folder = f"k8s/flux/{self.name}"
        children = {name: [_flux(self, part) for part in self.parts if part.parent == name] for name in self._owners}
        names = ["gotk-components.yaml", "gotk-sync.yaml", "kustomizations.yaml"]
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}
        variables = {"COLOUR": {"sample": "blue"}, "NUMBER": {"sample": "42"}}
        bootstrap = {
            "path": "k8s/flux",
            "namespace": self.name,
            "components": ["source-controller", "kustomize-controller", "helm-controller"],
        }
        return {
            "checks.yaml": _dump(
                {
                    "kubernetes": "1.36",
                    "bootstrap": bootstrap,
                    "variables": {f"ConfigMap/{self.name}/values": variables},
                }
            ),
            f"{folder}/kustomization.yaml": _dump({"resources": names}),
            f"{folder}/gotk-components.yaml": _dump(namespace),
            f"{folder}/gotk-sync.yaml": _dump(*self.sync),
            f"{folder}/kustomizations.yaml": _dump(*self.root_objects, *children[self.name]),
            **{f"k8s/{part.name}/objects.yaml": _dump(*part.objects, *children[part.name]) for part in self.parts},
        }

    @property
    def _owners(self) -> list[str]:
        return [self.name, *(part.name for part in self.parts)]


def tree(seed: int, url: str, chart_host: str) -> RandomTree:
    """The tree of a seed.

    Args:
        seed: any number; the same gives the same.
        url: of the Git repository that has the tree on the branch of its name.
        chart_host: where its charts are served, below a path of its name.
    """
    chance = random.Random(seed)  # noqa: S311  # no secret, but the same again
    name = f"tree-{seed}"
    group = f"g{seed}.example.com"
    of_charts = random.Random(f"charts of {seed}")  # noqa: S311  # its own: what it decides moves nothing else
    kinds = tuple(
        _with_chart(of_charts, Kind(f"{word}{chance.choice(['', '', 'Class'])}", group, chance.random() < 0.6))
        for word in ("Sprocket", "Flange")
    )
    parts: list[Part] = []
    for part in ("first", "second", "third", "fourth")[: chance.randint(2, 4)]:
        earlier = [each.name for each in parts]
        parent = chance.choice(earlier) if earlier and chance.random() < 0.1 else name
        parts.append(Part(part, parent))
    for number, part in enumerate(parts):
        part.spec = _spec(chance, number, [each.name for each in parts])
    for kind in kinds:
        _place(chance, parts, 0.2).objects.append(_release(chance, kind, name) if kind.by_chart else kind.definition)
        for number in range(chance.randint(0, 2)):
            made = {
                "apiVersion": f"{group}/v1",
                "kind": kind.name,
                "metadata": {"name": f"one-{number}", "namespace": name},
            }
            _place(chance, parts, 0.9).objects.append({**made, "spec": {"size": number}})
    _namespaces(chance, parts, name)
    releases = [each for part in parts for each in part.objects if _is_release(each)]
    _adapt(of_charts, kinds, parts)
    for each in releases:
        if chance.random() < 0.1:
            other = chance.choice([*releases, None])
            each["spec"]["dependsOn"] = [{"name": other["metadata"]["name"] if other else "nobody"}]
    if releases:
        source = {"interval": "1h", "url": f"https://{chart_host}/{name}"}
        parts[0].objects.append(_made("source.toolkit.fluxcd.io/v1", "HelmRepository", "charts", name, source))
    root_objects = _references(random.Random(f"references {seed}"), parts, name)  # noqa: S311  # as above
    for part in parts:
        if not part.objects:
            part.objects.append(_config_map(f"filler-{part.name}", name, {"part": part.name}))
    return RandomTree(name, kinds, tuple(parts), _sync(name, url), root_objects)


def _with_chart(chance: random.Random, kind: Kind) -> Kind:
    """The kind with what its chart is like: where its CRD is, whether it takes long, or fails."""
    in_templates, is_slow = chance.random() < 0.4, chance.random() < 0.2
    failure = chance.choice(list(FAILURES)) if chance.random() < 0.15 else ""
    if not kind.by_chart:
        return kind
    return replace(kind, in_templates=in_templates, is_slow=is_slow and not failure, failure=failure)


def _adapt(chance: random.Random, kinds: tuple[Kind, ...], parts: list[Part]) -> None:
    """Let HelmReleases, and their Kustomizations, say what their charts ask for, or not."""
    by_chart = {kind.chart: kind for kind in kinds}
    for part, each in ((one, each) for one in parts for each in one.objects if _is_release(each)):
        kind, spec = by_chart[each["metadata"]["name"]], each["spec"]
        is_long, is_foreign, is_tried_once = chance.random() < 0.5, chance.random() < 0.25, chance.random() < 0.5
        if is_foreign:
            spec["values"] = {"foreign": True}
        if kind.is_slow:
            spec["timeout"] = LONG
            part.spec |= {"timeout": LONGER} if is_long else {}
        if kind.failure and is_tried_once and "targetNamespace" not in spec:
            spec["install"]["remediation"]["retries"] = 1


def _spec(chance: random.Random, number: int, names: list[str]) -> dict[str, Any]:
    """What a Kustomization depends on, whether it waits, where its values come from."""
    earlier = names[:number]
    depends_on = [each for each in earlier if chance.random() < 0.55]
    if chance.random() < 0.04:
        depends_on.append(chance.choice([*names, "nobody"]))
    values = chance.choices(["values", "value", None], [12, 1, 3])[0]
    references = [{"kind": "ConfigMap", "name": values}] if values else []
    return {
        "wait": chance.random() < 0.75,
        **({"dependsOn": [{"name": each} for each in dict.fromkeys(depends_on)]} if depends_on else {}),
        **({"postBuild": {"substituteFrom": references}} if references else {}),
    }


def _place(chance: random.Random, parts: list[Part], wanted: float) -> Part:
    """One near a place: 0 is the first, 1 the last."""
    return parts[min(len(parts) - 1, max(0, round(chance.gauss(wanted, 0.3) * (len(parts) - 1))))]


def _release(chance: random.Random, kind: Kind, namespace: str) -> dict[str, Any]:
    chart = {"chart": kind.chart, "version": CHART_VERSION, "sourceRef": {"kind": "HelmRepository", "name": "charts"}}
    spec: dict[str, Any] = {
        "interval": "1h",
        "timeout": SHORTER,
        "chart": {"spec": chart},
        "install": {"remediation": {"retries": -1}},
    }
    if chance.random() < 0.2:
        spec["targetNamespace"] = f"{namespace}-{chance.choice(COLOURS)}"
        spec["install"]["createNamespace"] = chance.random() < 0.5
    return _made("helm.toolkit.fluxcd.io/v2", "HelmRelease", kind.chart, namespace, spec)


def _namespaces(chance: random.Random, parts: list[Part], tree_name: str) -> None:
    """Namespaces, and ConfigMaps in them."""
    for colour in COLOURS:
        namespace = f"{tree_name}-{colour}"
        if chance.random() < 0.85:
            metadata = {"name": namespace}
            _place(chance, parts, 0.1).objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            for number in range(chance.randint(0, 2)):
                text = chance.choices(list(TEXTS), list(TEXTS.values()))[0]
                config_map = _config_map(f"settings-{number}", namespace, {"text": text})
                _place(chance, parts, 0.8).objects.append(config_map)
    if chance.random() < 0.05:
        _place(chance, parts, 0.5).objects.append(_config_map("lost", f"{tree_name}-nowhere", {"text": "plain"}))


def _references(chance: random.Random, parts: list[Part], tree_name: str) -> tuple[dict[str, Any], ...]:
    """Kustomizations that name what may not be there, or apply what Flux may refuse; gives the root's own objects."""
    ways = (_other_namespace, _sources, _health_checks, _without_namespace, _secrets, _suspended)
    return chance.choice(ways)(chance, parts, tree_name) if chance.random() < 0.6 else ()


def _other_namespace(chance: random.Random, parts: list[Part], tree_name: str) -> tuple[dict[str, Any], ...]:
    """A Kustomization in another namespace than its source, and than the one that it depends on."""
    namespace = f"{tree_name}-away"
    here = {"namespace": tree_name}
    source = {"kind": "GitRepository", "name": tree_name, **(here if chance.random() < 0.7 else {})}
    spec: dict[str, Any] = {"sourceRef": source}
    if chance.random() < 0.6:
        spec["dependsOn"] = [{"name": parts[0].name, **(here if chance.random() < 0.6 else {})}]
    parts.append(Part("away", tree_name, spec, namespace=namespace))
    return ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},)


def _sources(chance: random.Random, parts: list[Part], tree_name: str) -> tuple[dict[str, Any], ...]:
    """A Kustomization whose source has another name or kind, or is as it should be."""
    git, oci = "GitRepository", "OCIRepository"
    kind, source = chance.choice(((git, "nobody"), (oci, tree_name), (git, tree_name)))
    parts.append(Part("sourced", tree_name, {"sourceRef": {"kind": kind, "name": source}}))
    return ()


def _health_checks(chance: random.Random, parts: list[Part], tree_name: str) -> tuple[dict[str, Any], ...]:
    """A Kustomization that waits for one object, which may not be there; with wait it does not look for it."""
    flux = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}
    namespace = f"{tree_name}-health"
    checks = (
        {**flux, "name": parts[0].name, "namespace": tree_name},
        {**flux, "name": parts[0].name},
        {**flux, "name": "nobody", "namespace": tree_name},
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody", "namespace": namespace},
    )
    spec = {"wait": chance.random() < 0.2, "healthChecks": [chance.choice(checks)]}
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    parts.append(Part("checked", tree_name, spec, [made]))
    return ()


def _without_namespace(chance: random.Random, parts: list[Part], tree_name: str) -> tuple[dict[str, Any], ...]:
    """An object without a namespace, which its Kustomization may give it."""
    spec = {"targetNamespace": tree_name} if chance.random() < 0.4 else {}
    parts.append(Part("homeless", tree_name, spec, [_config_map("homeless", "", {"text": "plain"})]))
    return ()


def _secrets(chance: random.Random, parts: list[Part], tree_name: str) -> tuple[dict[str, Any], ...]:
    """An object that is encrypted with SOPS or not, and a Kustomization that would decrypt it or not.

    What is encrypted and would be decrypted is left out: no key is at hand.
    """
    metadata: dict[str, Any] = {"name": "secret", "namespace": tree_name}
    secret: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"a": "b"}}
    decryption = {"decryption": {"provider": "sops"}}
    ciphertext = "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]"
    encrypted = {"sops": {"version": "3.9.0", "mac": ciphertext}}
    values: tuple[dict[str, Any], ...] = ({}, {"data": {"c": ciphertext}}, {"stringData": {"c": ciphertext}})
    of_values = random.Random(f"secret-{tree_name}")  # noqa: S311  # its own: what it decides moves nothing else
    off = {"annotations": {"kustomize.toolkit.fluxcd.io/decrypt": "disabled"}}
    choices: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
        (decryption, secret),
        ({}, {**secret, **encrypted, **of_values.choice(values)}),
        (decryption, {**secret, **encrypted, "metadata": {**metadata, **off}}),
        ({}, {**_config_map("secret", tree_name, {"a": "b"}), **encrypted}),
    )
    spec, made = chance.choice(choices)
    parts.append(Part("secret", tree_name, dict(spec), [made]))
    return ()


def _suspended(chance: random.Random, parts: list[Part], tree_name: str) -> tuple[dict[str, Any], ...]:
    """A suspended Kustomization that nobody waits for, or its parent, or another one, by an expression or without."""
    paused = Part("paused", tree_name, {"suspend": True})
    match chance.choice(("nobody", "parent", "other", "expression")):
        case "parent":
            parts.append(Part("outer", tree_name, {"wait": True}))
            paused.parent = "outer"
        case "other":
            parts.append(Part("after", tree_name, {"dependsOn": [{"name": "paused"}]}))
        case "expression":
            parts.append(Part("after", tree_name, {"dependsOn": [{"name": "paused", "readyExpr": "true"}]}))
        case _:
            pass
    parts.append(paused)
    return ()


def _flux(made: RandomTree, part: Part) -> dict[str, Any]:
    spec = {
        "interval": "10m",
        "retryInterval": "3s",
        "timeout": SHORT,
        "path": f"./k8s/{part.name}",
        "prune": False,
        "sourceRef": {"kind": "GitRepository", "name": made.name},
        **part.spec,
    }
    return _made("kustomize.toolkit.fluxcd.io/v1", "Kustomization", part.name, part.namespace or made.name, spec)


def _sync(name: str, url: str) -> tuple[dict[str, Any], ...]:
    source = {"interval": "10m", "ref": {"branch": name}, "secretRef": {"name": "flux-system"}, "url": url}
    root = {
        "interval": "10m",
        "retryInterval": "3s",
        "path": "./k8s/flux",
        "prune": False,
        "sourceRef": {"kind": "GitRepository", "name": name},
    }
    return (
        _made("source.toolkit.fluxcd.io/v1", "GitRepository", name, name, source),
        _made("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name, name, root),
    )


def _config_map(name: str, namespace: str, data: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def _made(api_version: str, kind: str, name: str, namespace: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": dict(spec)}


def _is_release(each: Mapping[str, Any]) -> bool:
    return each["kind"] == "HelmRelease"


def _dump(*documents: Mapping[str, Any]) -> str:
    return "---\n" + "---\n".join(yaml.safe_dump(dict(each), sort_keys=False) for each in documents)
