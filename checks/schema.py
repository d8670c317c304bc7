"""What kubeconform says of the objects, asked once for all of them."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import binaries, manifests, schemas
from checks.entry import Origin
from checks.manifests import as_json, at, mapping, mappings
from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.tree import Object, Tree


class Outcome(Enum):
    """What can come of an object's check, in kubeconform's words."""

    VALID = "statusValid"
    INVALID = "statusInvalid"
    ERROR = "statusError"
    EMPTY = "statusEmpty"
    SKIPPED = "statusSkipped"


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is said of one object."""

    object: Object
    outcome: Outcome
    message: str
    problems: tuple[tuple[tuple[str | int, ...], str], ...]
    """The fields that are not as the schema wants them, with what is wrong."""


def known(tree: Tree) -> schemas.Schemas:
    """The schemas of what the cluster serves, made on first use. Raises FleetError."""
    return schemas.ensure(tree.config.kubernetes, binaries.say)


def served(tree: Tree) -> Mapping[schemas.Kind, bool]:
    """Every kind that is known: whether its objects have a namespace. Those of the tree's own CRDs are among them."""
    own = {
        (str(at(crd, "spec", "group")), str(version.get("name")), str(at(crd, "spec", "names", "kind"))): at(
            crd, "spec", "scope"
        )
        == "Namespaced"
        for crd in _crds(tree)
        for version in mappings(at(crd, "spec", "versions"))
        if version.get("served")
    }
    return {**known(tree).kinds, **own}


def _crds(tree: Tree) -> list[Mapping[str, Any]]:
    """The CRDs among the tree's objects."""
    return [
        each.manifest
        for each in tree.objects
        if (each.kind, each.api_version) == ("CustomResourceDefinition", "apiextensions.k8s.io/v1")
    ]


def verdicts(tree: Tree) -> tuple[Verdict, ...]:
    """The verdict on each object. Raises FleetError when kubeconform or the schemas are not available.

    The settings' schemas come first, then those of the tree's own CRDs, then the built-in ones.
    """
    objects = list(tree.objects)
    own = [each if "://" in each else str(tree.root.resolve() / each) for each in tree.config.schemas]
    built_in = known(tree)
    with tempfile.TemporaryDirectory(prefix="checks-") as folder:
        crds, wanted = Path(folder) / "crds", Path(folder) / "objects"
        for crd in _crds(tree):
            # One that is no CRD is found as an object.
            with contextlib.suppress(LookupError, AttributeError, TypeError):
                schemas.write_crd(crds, crd, built_in)
        wanted.mkdir()
        for number, each in enumerate(objects):
            # Flux takes the key out when it decrypts the object.
            manifest = {key: value for key, value in each.manifest.items() if key != "sops"}
            (wanted / f"{number}.json").write_text(as_json(manifest), "utf-8")
        command = [
            str(binaries.kubeconform()),
            *("-strict", "-verbose", "-output", "json", "-n", "4"),
            *(
                part
                for each in (*own, schemas.location(crds), *built_in.locations)
                for part in ("-schema-location", each)
            ),
            str(wanted),
        ]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    try:
        said = mappings(mapping(json.loads(done.stdout)).get("resources"))
    except ValueError:
        raise CannotRunError(f"kubeconform failed: {' '.join((done.stderr or done.stdout).split())}") from None
    found = tuple(_verdict(objects[int(Path(str(entry["filename"])).stem)], entry) for entry in said)
    if len(found) != len(objects):
        said_no = " ".join(done.stderr.split())
        raise CannotRunError(f"kubeconform spoke of {len(found)} of {len(objects)} objects: {said_no}")
    return found


def is_certain(tree: Tree, verdict: Verdict, path: manifests.Path) -> bool:
    """Whether a problem is one on the cluster too.

    It is not where the value is a variable's that is not known here, nor where flux-operator patches the CRD there.
    """
    each = verdict.object
    before = at(each.built_data, *path)
    owner = next((one for one in tree.kustomizations if one.id == each.owner), None)
    if isinstance(before, str) and "${" in before and owner and owner.values:
        values = owner.values
        if any(
            name in values.guessed or (values.is_open and name not in values.known) for name in _NAMES.findall(before)
        ):
            return False
    if tree.entry.origin is not Origin.BOOTSTRAP and str(at(each.manifest, *path)) in _OPERATORS:
        return False
    names = tuple(step for step in path if isinstance(step, str))
    return not any(names[: len(patched)] == patched for patched in _patched(tree, each) if patched)


_NAMES = re.compile(r"\$\{(\w+)")

_OPERATORS = frozenset({"FluxInstance", "FluxReport", "ResourceSet", "ResourceSetInputProvider"})
"""The kinds that flux-operator adds to those that Flux's own kinds may refer to (its documentation, Alerts)."""


def _patched(tree: Tree, each: Object) -> Iterator[manifests.Path]:
    """The fields of an object's kind that patches of flux-operator change in its CRD; a list's items count as one."""
    crd = f"{each.kind.lower()}s.{each.group}"
    for patch in tree.entry.patches:
        target = mapping(patch.get("target"))
        is_crd = target.get("kind") == "CustomResourceDefinition"
        if not is_crd or not re.fullmatch(str(target.get("name") or ".*"), crd):
            continue
        try:
            operations = mappings(manifests.load(str(patch.get("patch"))))
        except manifests.SyntaxProblem:
            continue
        for operation in operations:
            steps = str(operation.get("path")).split("/openAPIV3Schema/")[-1].split("/")
            yield tuple(name for field, name in itertools.pairwise(steps) if field == "properties")


_PROBLEM = re.compile(r"- at '([^']*)': (.*?)(?=\s+- at '|$)")
"""In kubeconform's message, which names every problem; its list of them stops at the first level."""

_UNKNOWN_FIELD = re.compile(r"'([^']+)'")
_OUTER = re.compile(r"validation failed|(any|all|one)Of failed.*")
_NO_SCHEMA = "could not find schema"


def _verdict(each: Object, entry: Mapping[str, Any]) -> Verdict:
    outcome, message = Outcome(entry["status"]), " ".join(str(entry.get("msg", "")).split())
    if outcome is Outcome.ERROR and _NO_SCHEMA not in message:
        raise CannotRunError(f"kubeconform could not check {each.label} of {each.file}: {message}")
    problems: dict[tuple[str | int, ...], str] = {}
    for pointer, said in _PROBLEM.findall(message):
        path = _path(pointer)
        if said.startswith("additional propert"):
            problems |= {(*path, name): f"unknown field {name}" for name in _UNKNOWN_FIELD.findall(said)}
        elif not _OUTER.fullmatch(said):
            problems[path] = f"{problems[path]}, or {said}" if path in problems else said
    return Verdict(each, outcome, message, tuple(problems.items()))


def _path(pointer: str) -> tuple[str | int, ...]:
    """A JSON pointer's steps."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/") if step]
    return tuple(int(step) if step.isdecimal() else step for step in steps)
