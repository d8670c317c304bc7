"""What kubeconform says of the objects, asked once for all of them."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import binaries, cache, charts, schemas
from checks.flux import component_of
from checks.manifests import at, mapping, mappings
from common.errors import CannotRunError
from tools import build
from tools.catalogue import KUBECONFORM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from checks.flux import Flux
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
    built_in, crds = known(tree), [each.manifest for each in definitions(tree) if _is_usable(each)]
    own = [place if "://" in place else str(tree.root.resolve() / place) for place in tree.config.schemas]
    # What a URL gives may change.
    is_local = not any("://" in place for place in own)
    basis = (*build.sources(KUBECONFORM), str(built_in.core.parent.name), _contents(own), crds, *_code())
    kept = cache.Cache.of(KUBECONFORM.name, *basis, enabled=use_cache and is_local)

    def ask(indexes: list[int]) -> list[tuple[str, str]]:
        with tempfile.TemporaryDirectory(prefix="checks-") as folder:
            added = Path(folder) / "schemas"
            built_in.write(added, crds)
            # The first that has a schema of the kind counts.
            locations = (*own, *([schemas.location(added)] if crds else []), *built_in.locations)
            return _said(Path(folder) / "objects", locations, [objects[index][1] for index in indexes])

    said = kept.verdicts([cache.digest(manifest) for _, manifest in objects], ask)
    return tuple(_verdict(each, *entry) for (each, _), entry in zip(objects, said, strict=True))


def _said(folder: Path, locations: Iterable[str], manifests: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Each object's status and message, of kubeconform."""
    folder.mkdir()
    for number, manifest in enumerate(manifests):
        (folder / f"{number}.json").write_text(json.dumps(manifest, default=str), "utf-8")
    command = [
        str(binaries.kubeconform()),
        *("-strict", "-verbose", "-output", "json", "-n", "4"),
        *(part for location in locations for part in ("-schema-location", location)),
        str(folder),
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        resources = mappings(mapping(json.loads(done.stdout)).get("resources"))
    except ValueError:
        raise CannotRunError(f"kubeconform failed: {' '.join((done.stderr or done.stdout).split())}") from None
    found: dict[int, tuple[str, str]] = {}
    for entry in resources:
        number = int(Path(str(entry["filename"])).stem)
        status, message = str(entry["status"]), " ".join(str(entry.get("msg", "")).split())
        if status == Outcome.ERROR.value and _NO_SCHEMA not in message:
            name = f"{manifests[number].get('kind')} {at(manifests[number], 'metadata', 'name')}"
            raise CannotRunError(f"kubeconform could not check {name}: {message}")
        found[number] = (status, message)
    if len(resources) != len(manifests) or len(found) != len(manifests):
        said_no = " ".join(done.stderr.split())
        raise CannotRunError(f"kubeconform spoke of {len(resources)} of {len(manifests)} objects: {said_no}")
    return [found[number] for number in range(len(manifests))]


def _is_usable(crd: Object) -> bool:
    """Whether schemas can be made of a CRD; one that is not as it should be is refused itself."""
    versions = mappings(crd.spec.get("versions"))
    return bool(at(crd.spec, "names", "kind")) and all(
        isinstance(at(each, "schema", "openAPIV3Schema"), Mapping) for each in versions if each.get("served")
    )


def _contents(locations: Iterable[str]) -> list[str]:
    """What lies at local schema locations: their files, by name and digest."""
    fixed = [Path(place.partition("{{")[0]) for place in locations if "://" not in place]
    folders = {place if place.is_dir() else place.parent for place in fixed}
    files = sorted(file for folder in folders for file in folder.rglob("*.json"))
    return [*locations, *(f"{file} {cache.digest(file.read_bytes())}" for file in files)]


def _code() -> tuple[bytes, ...]:
    return (Path(__file__).read_bytes(),)


def is_without_schema(flux: Flux, each: Object) -> bool:
    """Whether something known serves an object's kind, of which there is no schema."""
    kind = (each.group, each.kind)
    config = flux.tree.config
    served = each.group in config.served or component_of(kind) in config.bootstrap.components
    return bool(served or charts.that_install(kind) or flux.providers(kind))


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
