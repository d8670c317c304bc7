"""What kubeconform says of the objects, asked once for all of them."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import binaries, charts, schemas
from checks.flux import component_of
from checks.manifests import mapping, mappings
from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checks.flux import Flux
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


def verdicts(tree: Tree) -> tuple[Verdict, ...]:
    """The verdict on each object. Raises FleetError when kubeconform or the schemas are not available."""
    objects = list(tree.objects)
    own = [location if "://" in location else str(tree.root.resolve() / location) for location in tree.config.schemas]
    locations = [*known(tree).locations, *own]
    with tempfile.TemporaryDirectory(prefix="checks-") as folder:
        for number, each in enumerate(objects):
            # Flux takes the key out when it decrypts the object.
            manifest = {key: value for key, value in each.manifest.items() if key != "sops"}
            (Path(folder) / f"{number}.json").write_text(json.dumps(manifest, default=str), "utf-8")
        command = [
            str(binaries.kubeconform()),
            *("-strict", "-verbose", "-output", "json", "-n", "4"),
            *(part for location in locations for part in ("-schema-location", location)),
            folder,
        ]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        said = mappings(mapping(json.loads(done.stdout)).get("resources"))
    except ValueError:
        raise CannotRunError(f"kubeconform failed: {' '.join((done.stderr or done.stdout).split())}") from None
    found = tuple(_verdict(objects[int(Path(str(entry["filename"])).stem)], entry) for entry in said)
    if len(found) != len(objects):
        said_no = " ".join(done.stderr.split())
        raise CannotRunError(f"kubeconform spoke of {len(found)} of {len(objects)} objects: {said_no}")
    return found


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
