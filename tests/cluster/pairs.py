"""Pairs of trees by seed: what the comparison of their manifests says, and what kustomize-controller makes of them.

A pair has its own namespace and branch, so that many go side by side on one cluster.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from common.kubernetes import api
from sandbox.diff import manifests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from common.kubernetes.api import Manifest
    from tests.support.clusters import Town

FLUX = "kustomize.toolkit.fluxcd.io"
SWITCHES = (None, None, None, "prune: disabled", "reconcile: disabled", "ssa: IfNotPresent", "ssa: Ignore")
POLICIES = (None, None, "Orphan", "Delete")
PARTS, OBJECTS = 3, 4

Seen = tuple[str, str, str]
"""An object's uid, its value, and its annotations of Flux."""


@dataclass(frozen=True)
class Pair:
    """Two trees of one seed: file → content."""

    name: str
    """Its namespace, its branch, and its root Kustomization."""
    sides: tuple[Mapping[str, str], Mapping[str, str]]
    sync: tuple[dict[str, Any], dict[str, Any]]
    """The GitRepository, and the root Kustomization."""

    def told(self, root: Path) -> dict[str, str]:
        """What the comparison says of each ConfigMap: name → action; of those of which it says nothing, unchanged."""
        trees = [manifests.built(_written(root / str(number), side)) for number, side in enumerate(self.sides)]
        found = manifests.compare(trees[0], trees[1])
        assert not found.problems
        return {each.name.partition("/")[2]: each.action for each in found.changes if each.kind == "ConfigMap"}


def pair(seed: int, url: str) -> Pair:
    """The pair of a seed. Everything but the values of one part is left to chance."""
    chance, name = random.Random(seed), f"pair-{seed}"  # noqa: S311  # a test's choice
    source = {"interval": "10m", "ref": {"branch": name}, "secretRef": {"name": "flux-system"}, "url": url}
    sync = (
        _object("source.toolkit.fluxcd.io/v1", "GitRepository", name, name, spec=source),
        _kustomization(name, name, "./k8s/flux", prune=True),
    )
    # A part's own spec is the same on both sides: a change of it comes before or after what it decides, by chance.
    specs = [_spec(chance) for _ in range(PARTS)]
    return Pair(name, (_tree(chance, name, sync, specs), _tree(chance, name, sync, specs)), sync)


def _spec(chance: random.Random) -> dict[str, Any]:
    policy = chance.choice(POLICIES)
    return {"prune": chance.random() < 0.7, **({"deletionPolicy": policy} if policy else {})}


def _tree(chance: random.Random, name: str, sync: tuple[Any, ...], specs: list[dict[str, Any]]) -> dict[str, str]:
    parts = [number for number in range(PARTS) if chance.random() < 0.75]
    flux = f"k8s/flux/{name}"
    files = {
        "checks.yaml": yaml.safe_dump({"kubernetes": "1.36", "bootstrap": {"path": "k8s/flux", "namespace": name}}),
        f"{flux}/gotk-components.yaml": _dump(_object("v1", "Namespace", name)),
        f"{flux}/gotk-sync.yaml": _dump(*sync),
    }
    children: list[dict[str, Any]] = []
    for number in parts:
        children.append(_kustomization(f"part-{number}", name, f"./k8s/part-{number}", **specs[number]))
        files[f"k8s/part-{number}/objects.yaml"] = _dump(*_config_maps(chance, name, number))
    if children:
        files[f"{flux}/kustomizations.yaml"] = _dump(*children)
    return files


def _config_maps(chance: random.Random, namespace: str, part: int) -> list[dict[str, Any]]:
    found = [_object("v1", "ConfigMap", f"always-{part}", namespace, data={"value": "same"})]
    for number in range(OBJECTS):
        if chance.random() < 0.6:
            made = _object("v1", "ConfigMap", f"c-{part}-{number}", namespace, data={"value": chance.choice("xy")})
            if switch := chance.choice(SWITCHES):
                key, _, value = switch.partition(": ")
                made["metadata"]["annotations"] = {f"{FLUX}/{key}": value}
            found.append(made)
    return found


def on_the_cluster(town: Town, those: Iterable[Pair]) -> dict[str, dict[str, str]]:
    """Let Flux apply the first side of each pair, then the second; pair → ConfigMap → what became of it."""
    pairs = list(those)
    secret = town.cluster.get(api.SECRET, "flux-system", "flux-system")
    assert secret
    revisions = _push(town, pairs, 0)
    for each in pairs:
        town.cluster.apply(api.NAMESPACE, {"metadata": {"name": each.name}}, "pairs", force=True)
        metadata = {"name": "flux-system", "namespace": each.name}
        town.cluster.apply(api.SECRET, {"metadata": metadata, "data": secret["data"]}, "pairs", force=True)
        town.cluster.apply(api.GIT_REPOSITORY, each.sync[0], "pairs", force=True)
        town.cluster.apply(api.KUSTOMIZATION, each.sync[1], "pairs", force=True)
    _settle(town, pairs, 0, revisions)
    before = {each.name: _config_maps_of(town, each) for each in pairs}
    revisions = _push(town, pairs, 1)
    for each in pairs:
        town.reconcile(api.GIT_REPOSITORY, each.name, each.name)
    _settle(town, pairs, 1, revisions)
    return {each.name: _became(before[each.name], _config_maps_of(town, each)) for each in pairs}


def _settle(town: Town, pairs: list[Pair], side: int, revisions: Mapping[str, str]) -> None:
    """Wait until each Kustomization that is not suspended has applied the revision, and no other is there."""

    def is_settled() -> bool:
        return all(_is_settled(town, each, side, revisions[each.name]) for each in pairs)

    town.until(is_settled)


def _is_settled(town: Town, each: Pair, side: int, revision: str) -> bool:
    documents = yaml.safe_load_all(each.sides[side].get(f"k8s/flux/{each.name}/kustomizations.yaml", ""))
    wanted = {document["metadata"]["name"]: document["spec"] for document in documents if document}
    wanted[each.name] = each.sync[1]["spec"]
    there = {found["metadata"]["name"]: found for found in town.cluster.list(api.KUSTOMIZATION, each.name)}
    if wanted.keys() != there.keys():
        return False
    return all(
        spec.get("suspend") or str(there[name].get("status", {}).get("lastAppliedRevision", "")).endswith(revision)
        for name, spec in wanted.items()
    )


def _config_maps_of(town: Town, each: Pair) -> dict[str, Seen]:
    """Name → what is seen of it."""
    found: list[Manifest] = town.cluster.list(api.CONFIG_MAP, each.name)
    return {
        one["metadata"]["name"]: (str(one["metadata"]["uid"]), str(one["data"]["value"]), _switches(one))
        for one in found
        if "value" in one.get("data", {})
    }


def _switches(one: Manifest) -> str:
    annotations = one["metadata"].get("annotations", {})
    return str(sorted(item for item in annotations.items() if item[0].startswith(FLUX)))


def _became(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> dict[str, str]:
    found = {name: "pruned" for name in before if name not in after}
    found |= {name: "created" for name in after if name not in before}
    return found | {name: "changed" for name in before if name in after and before[name] != after[name]}


def _push(town: Town, pairs: list[Pair], side: int) -> dict[str, str]:
    """Each side is the one commit of its pair's branch; pair → the commit."""
    folder = town.clone.parent / "pairs"
    if not folder.exists():
        town.git("clone", "--quiet", town.url, str(folder), cwd=town.clone.parent)
    found: dict[str, str] = {}
    for each in pairs:
        town.git("checkout", "--quiet", "--orphan", f"{each.name}-{side}", cwd=folder)
        town.git("rm", "-r", "--quiet", "--force", "--ignore-unmatch", ".", cwd=folder)
        _written(folder, each.sides[side])
        town.git("add", "--all", cwd=folder)
        town.git("commit", "--quiet", "--message", each.name, cwd=folder)
        found[each.name] = town.git("rev-parse", "HEAD", cwd=folder)
        town.git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{each.name}", cwd=folder)
    return found


def _written(root: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def _kustomization(name: str, namespace: str, path: str, *, prune: bool, **more: Any) -> dict[str, Any]:
    reference = {"kind": "GitRepository", "name": namespace}
    spec = {"interval": "10m", "retryInterval": "3s", "path": path, "prune": prune, "sourceRef": reference, **more}
    return _object(f"{FLUX}/v1", "Kustomization", name, namespace, spec=spec)


def _object(api_version: str, kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def _dump(*documents: dict[str, Any]) -> str:
    return yaml.safe_dump_all(documents)
