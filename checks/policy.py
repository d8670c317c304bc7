"""What Kyverno says of the objects, asked once for all of them and all policies."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from checks import binaries, envsubst, manifests
from checks.manifests import at, listed, mapping, mappings
from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checks.tree import Object, Tree

GROUP = "policies.kyverno.io"
AT_LEAST = 50
"""Objects for one process of Kyverno."""

DEFAULT_NAMESPACE = "default"
"""Where the API server puts an object that names none, and Kyverno with it."""


@dataclass(frozen=True, eq=False)
class Violation:
    """A policy that an object does not keep to, or that could not be tried on it."""

    object: Object
    policy: str
    message: str
    denies: bool
    """Whether the policy would deny it, not just warn."""


def violations(tree: Tree) -> tuple[Violation, ...]:
    """All violations; none where checks.yaml names no policies.

    Raises:
        FleetError: Kyverno is not available or cannot run, or there is no policy in the folder.
    """
    if tree.config.policies is None:
        return ()
    policies = _policies(tree, tree.config.policies)
    objects = list(tree.objects)
    with tempfile.TemporaryDirectory(prefix="checks-") as folder:
        policy_file = Path(folder) / "policies.yaml"
        policy_file.write_text(yaml.safe_dump_all(policies.values()), "utf-8")
        parts = [_written(Path(folder) / f"{number}.yaml", part) for number, part in enumerate(_shared_out(objects))]
        with ThreadPoolExecutor() as pool:
            said = [result for results in pool.map(partial(_apply, policy_file), parts) for result in results]
    by_identity = {_identity_of(each, DEFAULT_NAMESPACE): each for each in objects}
    by_identity |= {_identity_of(each, ""): each for each in objects}
    return tuple(
        Violation(by_identity[_identity(resource)], name, message, _denies(policies[name]))
        for result in said
        if result.get("result") in ("fail", "error", "warn")
        for name, message in [(str(result.get("policy")), " ".join(str(result.get("message")).split()))]
        for resource in mappings(result.get("resources"))
    )


def _shared_out(objects: list[Object]) -> list[list[Object]]:
    """The objects in as many parts as there are processors, but none so small that starting Kyverno is most of it."""
    count = max(1, min(os.cpu_count() or 1, len(objects) // AT_LEAST))
    return [objects[number::count] for number in range(count)]


def _written(path: Path, objects: list[Object]) -> Path:
    path.write_text("\n---\n".join(manifests.as_json(each.manifest) for each in objects), "utf-8")
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


def _identity_of(each: Object, namespace: str) -> tuple[str, str, str, str]:
    """Kyverno's name for an object; `namespace` is that of one that has none."""
    return each.api_version, each.kind, each.namespace or namespace, each.name


def _identity(resource: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return (
        str(resource.get("apiVersion")),
        str(resource.get("kind")),
        str(resource.get("namespace") or ""),
        str(resource.get("name")),
    )
