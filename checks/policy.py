"""What Kyverno says of the objects, asked once for all of them and all policies."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from checks import binaries, cache, envsubst, manifests, schema
from checks.manifests import at, listed, mapping, mappings
from common.errors import CannotRunError
from tools import build
from tools.catalogue import KYVERNO

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from checks import schemas
    from checks.tree import Object, Tree

GROUP = "policies.kyverno.io"
AT_LEAST = 50
"""Objects for one process of Kyverno."""

DEFAULT_NAMESPACE = "default"
"""Where Kyverno's command line puts an object that names no namespace, unless it knows that its kind has none."""

NO_NAMESPACE = "cluster-scoped"
"""The namespace of an object without one that Kyverno would put into `default`: it has to have some."""

_ALONE = frozenset({"ValidatingPolicy", "NamespacedValidatingPolicy"})
"""The kinds of policies that judge an object without looking elsewhere, unless an expression does."""

_ELSEWHERE = re.compile(
    r"(?<![.\w])(resource|globalContext|http|imageData|generator)\.\w+\(|\b(time\.now|random|getImageData)\("
    r"|\bverify\w+Signatures\(|namespaceObject|namespaceSelector|paramKind"
)
"""What looks beyond the object: into the cluster, which Kyverno makes of all objects, into a registry, at the clock.

Source: Kyverno's CEL libraries, github.com/kyverno/sdk/extensions/cel/libs.
"""

_PODS = frozenset({"pods"})
_MAKE_PODS = frozenset(
    {"deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs", "replicationcontrollers"}
)
"""What a policy on pods also judges, unless told otherwise (autogen)."""

Said = tuple[tuple[str, str], ...]
"""What Kyverno said of an object: policy and message of each that it does not keep to."""


@dataclass(frozen=True, eq=False)
class Violation:
    """A policy that an object does not keep to, or that could not be tried on it."""

    object: Object
    policy: str
    message: str
    denies: bool
    """Whether the policy would deny it, not just warn."""


def violations(tree: Tree, *, use_cache: bool = True) -> tuple[Violation, ...]:
    """All violations; none where checks.yaml names no policies.

    Args:
        tree: what was built.
        use_cache: whether to believe what Kyverno said of the same objects and policies before.

    Raises:
        FleetError: Kyverno or the schemas are not available, Kyverno cannot run, or there is no policy in the folder.
    """
    if tree.config.policies is None:
        return ()
    policies = _policies(tree, tree.config.policies)
    objects = list(tree.objects)
    alone = {name: policy for name, policy in policies.items() if _is_alone(policy)}
    others = {name: policy for name, policy in policies.items() if name not in alone}
    said = list(zip(objects, _said_of_each(tree, alone, objects, use_cache=use_cache), strict=True))
    if others:
        said += zip(objects, _judged(tree, others, objects, together=True), strict=True)
    return tuple(
        Violation(each, name, message, _denies(policies[name])) for each, found in said for name, message in found
    )


def _said_of_each(
    tree: Tree, policies: Mapping[str, Mapping[str, Any]], objects: Sequence[Object], *, use_cache: bool
) -> list[Said]:
    """What policies say that judge each object alone: kept, and asked only where one of them matches."""
    said: list[Said] = [()] * len(objects)
    if not policies:
        return said
    kept = cache.Cache.of(
        KYVERNO.name, *build.sources(KYVERNO), policies, Path(__file__).read_bytes(), enabled=use_cache
    )
    matched = [index for index, each in enumerate(objects) if any(_matches(p, each) for p in policies.values())]
    # A policy that cannot be used is found by trying it.
    asked = matched or ([0] if objects and kept.is_new else [])
    known = schema.known(tree).kinds
    keys = [cache.digest(objects[index].manifest, _is_namespaced(known, objects[index])) for index in asked]
    verdicts = kept.verdicts(keys, lambda some: _judged(tree, policies, [objects[asked[index]] for index in some]))
    for index, verdict in zip(asked, verdicts, strict=True):
        said[index] = tuple((str(name), str(message)) for name, message in verdict)
    return said


def _judged(
    tree: Tree, policies: Mapping[str, Mapping[str, Any]], objects: Sequence[Object], *, together: bool = False
) -> list[Said]:
    """What Kyverno says of each object.

    Args:
        tree: what they are from.
        policies: to try.
        objects: to try them on.
        together: whether policies look from one object to others, which one process then has to see.
    """
    known = schema.known(tree).kinds
    said: list[list[tuple[str, str]]] = [[] for _ in objects]
    misplaced: dict[int, Mapping[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="checks-") as folder:
        policy_file = Path(folder) / "policies.yaml"
        policy_file.write_text(yaml.safe_dump_all(policies.values()), "utf-8")
        ask = partial(_results, Path(folder), policy_file, together=together)
        for index, namespace, found in ask({index: each.manifest for index, each in enumerate(objects)}):
            each = objects[index]
            if namespace == DEFAULT_NAMESPACE and not each.namespace and not _is_namespaced(known, each):
                metadata = {**mapping(each.manifest.get("metadata")), "namespace": NO_NAMESPACE}
                misplaced[index] = {**each.manifest, "metadata": metadata}
            else:
                said[index] += found
        # Kyverno did not know that their kinds have no namespace.
        for index, _, found in ask(misplaced):
            said[index] += found
    return [tuple(found) for found in said]


def _results(
    folder: Path, policies: Path, objects: Mapping[int, Mapping[str, Any]], *, together: bool
) -> list[tuple[int, str, Said]]:
    """Each result of Kyverno: the object's number, the namespace that it was put into, and what it does not keep to."""
    results: list[tuple[int, str, Said]] = []
    for batch in _told_apart(objects):
        parts = [batch] if together else _shared_out(batch)
        files = [_written(folder / f"{number}.yaml", part.values()) for number, part in enumerate(parts)]
        numbers = {_identity_of(manifest, DEFAULT_NAMESPACE): index for index, manifest in batch.items()}
        numbers |= {_identity_of(manifest, ""): index for index, manifest in batch.items()}
        with ThreadPoolExecutor() as pool:
            said = [result for found in pool.map(partial(_apply, policies), files) for result in found]
        for result in said:
            is_bad = result.get("result") in ("fail", "error", "warn")
            found = ((str(result.get("policy")), " ".join(str(result.get("message")).split())),) if is_bad else ()
            for resource in mappings(result.get("resources")):
                identity = _identity(resource)
                results.append((numbers[identity], identity[2], found))
    return results


def _told_apart(objects: Mapping[int, Mapping[str, Any]]) -> list[dict[int, Mapping[str, Any]]]:
    """The objects in batches in none of which two have the same identity: a report could not tell them apart."""
    batches: list[dict[int, Mapping[str, Any]]] = []
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for index, manifest in objects.items():
        identity = _identity_of(manifest, DEFAULT_NAMESPACE)
        if seen[identity] == len(batches):
            batches.append({})
        batches[seen[identity]][index] = manifest
        seen[identity] += 1
    return batches


def _shared_out(objects: Mapping[int, Mapping[str, Any]]) -> list[dict[int, Mapping[str, Any]]]:
    """The objects in as many parts as there are processors, but none so small that starting Kyverno is most of it."""
    count = max(1, min(os.cpu_count() or 1, len(objects) // AT_LEAST))
    items = list(objects.items())
    return [dict(items[number::count]) for number in range(count)]


def _written(path: Path, objects: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("\n---\n".join(manifests.as_json(each) for each in objects), "utf-8")
    return path


def _apply(policies: Path, objects: Path) -> list[Mapping[str, Any]]:
    """The results in Kyverno's report. Its exit code is 1 for violations, and also for what it could not do."""
    command = [str(binaries.kyverno()), "apply", str(policies), f"--resource={objects}"]
    command += ["--policy-report", "--output-format=json", "--remove-color"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    start = done.stdout.find("{")
    try:
        report: object = json.loads(done.stdout[start:]) if start >= 0 else None
    except ValueError:
        report = None
    results = mapping(report).get("results")
    if results is None or done.returncode not in (0, 1):
        raise CannotRunError(f"kyverno failed: {' '.join((done.stderr or done.stdout).split())}")
    return mappings(results)


def _policies(tree: Tree, folder: str) -> dict[str, Mapping[str, Any]]:
    """Name → policy, its variables replaced by their samples, as the bootstrap's ConfigMap has them."""
    samples = {key: value.sample for keys in tree.config.variables.values() for key, value in keys.items()}
    found: dict[str, Mapping[str, Any]] = {}
    for name, file in tree.files.items():
        if not name.startswith(f"{folder}/"):
            continue
        for document in file.documents:
            if str(at(document.data, "apiVersion")).startswith(f"{GROUP}/"):
                text = yaml.safe_dump(document.data)
                try:
                    data = manifests.load(envsubst.parse(text).substitute(samples))
                except envsubst.SubstitutionError as error:
                    raise CannotRunError(f"{name}:{document.line}: {error}") from None
                found[str(at(data, "metadata", "name"))] = mapping(data)
    if not found:
        raise CannotRunError(f"{folder} holds no policy of {GROUP}: correct `policies` in checks.yaml, or leave it out")
    return found


def _denies(policy: Mapping[str, Any]) -> bool:
    actions = listed(at(policy, "spec", "validationActions"))
    return not actions or "Deny" in actions


def _is_alone(policy: Mapping[str, Any]) -> bool:
    """Whether a policy's verdict depends on nothing but the object."""
    return policy.get("kind") in _ALONE and _ELSEWHERE.search(json.dumps(policy, default=str)) is None


def _is_namespaced(known: Mapping[schemas.Kind, bool], each: Object) -> bool:
    """Whether an object's kind is known to have a namespace. Flux applies none of those without one."""
    group, _, version = each.api_version.rpartition("/")
    return known.get((group, version, each.kind), False)


def _matches(policy: Mapping[str, Any], each: Object) -> bool:
    """Whether a policy may be about an object; sure only if it says no."""
    rules = mappings(at(policy, "spec", "matchConstraints", "resourceRules"))
    return not rules or any(
        (_has(rule.get("apiGroups"), {each.group}) and _has(rule.get("resources"), _plurals(each)))
        # What makes pods is of another group than they are.
        or (_has(rule.get("resources"), _PODS) and not _plurals(each).isdisjoint(_MAKE_PODS))
        for rule in rules
    )


def _has(entries: Any, names: Collection[str]) -> bool:
    """Whether an entry of a rule is one of the names, or stands for all; what it says of subresources aside."""
    return any(name == "*" or name in names for entry in listed(entries) for name in [str(entry).partition("/")[0]])


def _plurals(each: Object) -> set[str]:
    """What the resource of a kind may be called: Kyverno's command line has to guess it too."""
    kind = each.kind.lower()
    return {kind, f"{kind}s", f"{kind}es", f"{kind[:-1]}ies"}


def _identity_of(manifest: Mapping[str, Any], namespace: str) -> tuple[str, str, str, str]:
    """Kyverno's name for an object; `namespace` is that of one that has none."""
    metadata = mapping(manifest.get("metadata"))
    return (
        str(manifest.get("apiVersion")),
        str(manifest.get("kind")),
        str(metadata.get("namespace") or namespace),
        str(metadata.get("name")),
    )


def _identity(resource: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return (
        str(resource.get("apiVersion")),
        str(resource.get("kind")),
        str(resource.get("namespace") or ""),
        str(resource.get("name")),
    )
