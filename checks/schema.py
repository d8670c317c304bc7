"""What kubeconform says of the objects, asked once for all of them."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import binaries, cache, manifests, schemas
from checks.entry import Origin
from checks.manifests import as_json, at, mapping, mappings
from common.errors import CannotRunError
from tools import build
from tools.catalogue import KUBECONFORM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from checks.tree import Object, Tree


DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
"""apiVersion and kind of what defines custom resources."""


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


@lru_cache(maxsize=4)
def known(tree: Tree) -> schemas.Schemas:
    """The schemas of what the cluster serves, and the scopes of what the tree's CRDs define too. Raises FleetError."""
    built_in = schemas.ensure(tree.config.kubernetes, binaries.say)
    own = {
        (group, str(version.get("name")), kind): crd.spec.get("scope") == "Namespaced"
        for crd in definitions(tree)
        for group, kind in [(str(crd.spec.get("group")), str(at(crd.spec, "names", "kind")))]
        for version in mappings(crd.spec.get("versions"))
        if version.get("served")
    }
    return replace(built_in, kinds={**built_in.kinds, **own})


def served(tree: Tree) -> Mapping[schemas.Kind, bool]:
    """Every kind that is known: whether its objects have a namespace. Those of the tree's own CRDs are among them."""
    return known(tree).kinds


def definitions(tree: Tree) -> list[Object]:
    """The CustomResourceDefinitions that stand in the tree."""
    return [each for each in tree.objects if (each.api_version, each.kind) == DEFINITION]


def verdicts(tree: Tree, *, use_cache: bool = True) -> tuple[Verdict, ...]:
    """The verdict on each object.

    Args:
        tree: what was built.
        use_cache: whether to believe what kubeconform said of the same objects and schemas before.

    Raises FleetError when kubeconform or the schemas are not available.
    """
    # Flux takes the key out when it decrypts the object.
    objects = [(each, {key: value for key, value in each.manifest.items() if key != "sops"}) for each in tree.objects]
    built_in, crds = known(tree), [each.manifest for each in definitions(tree)]
    own = [place if "://" in place else str(tree.root.resolve() / place) for place in tree.config.schemas]
    # What a URL gives may change.
    is_local = not any("://" in place for place in own)
    basis = (*build.sources(KUBECONFORM), str(built_in.core.parent.name), _contents(own), crds, *_code())
    kept = cache.Cache.of(KUBECONFORM.name, *basis, enabled=use_cache and is_local)

    def ask(indexes: list[int]) -> list[tuple[str, str]]:
        with tempfile.TemporaryDirectory(prefix="checks-") as folder:
            added = Path(folder) / "schemas"
            for crd in crds:
                # One that is no CRD is found as an object.
                with contextlib.suppress(LookupError, AttributeError, TypeError):
                    schemas.write_crd(added, crd, built_in)
            # The first that has a schema of the kind counts.
            locations = (*own, *([schemas.location(added)] if crds else []), *built_in.locations)
            return _said(Path(folder) / "objects", locations, [objects[index][1] for index in indexes])

    said = kept.verdicts([cache.digest(manifest) for _, manifest in objects], ask)
    return tuple(_verdict(each, *entry) for (each, _), entry in zip(objects, said, strict=True))


def _said(folder: Path, locations: Iterable[str], objects: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Each object's status and message, of kubeconform."""
    folder.mkdir()
    for number, manifest in enumerate(objects):
        (folder / f"{number}.json").write_text(as_json(manifest), "utf-8")
    command = [
        str(binaries.kubeconform()),
        *("-strict", "-verbose", "-output", "json", "-n", "4"),
        *(part for location in locations for part in ("-schema-location", location)),
        str(folder),
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    try:
        resources = mappings(mapping(json.loads(done.stdout)).get("resources"))
    except ValueError:
        raise CannotRunError(f"kubeconform failed: {' '.join((done.stderr or done.stdout).split())}") from None
    found: dict[int, tuple[str, str]] = {}
    for entry in resources:
        number = int(Path(str(entry["filename"])).stem)
        status, message = str(entry["status"]), " ".join(str(entry.get("msg", "")).split())
        if status == Outcome.ERROR.value and _NO_SCHEMA not in message:
            name = f"{objects[number].get('kind')} {at(objects[number], 'metadata', 'name')}"
            raise CannotRunError(f"kubeconform could not check {name}: {message}")
        found[number] = (status, message)
    if len(resources) != len(objects) or len(found) != len(objects):
        said_no = " ".join(done.stderr.split())
        raise CannotRunError(f"kubeconform spoke of {len(resources)} of {len(objects)} objects: {said_no}")
    return [found[number] for number in range(len(objects))]


def _contents(locations: Iterable[str]) -> list[str]:
    """What lies at local schema locations: their files, by name and digest."""
    fixed = [Path(place.partition("{{")[0]) for place in locations if "://" not in place]
    folders = {place if place.is_dir() else place.parent for place in fixed}
    files = sorted(file for folder in folders for file in folder.rglob("*.json"))
    return [*locations, *(f"{file} {cache.digest(file.read_bytes())}" for file in files)]


def _code() -> tuple[bytes, ...]:
    return (Path(__file__).read_bytes(),)


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


def _verdict(each: Object, status: str, message: str) -> Verdict:
    outcome = Outcome(status)
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
