"""What the API server refuses of the objects beyond their schemas, asked of its own code, once for all."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import binaries, cache, envsubst, schema
from checks.manifests import at, listed, mapping, mappings
from common.errors import CannotRunError
from tools import build
from tools.catalogue import KUBE_VALIDATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from checks.tree import Object, Tree

    Key = str | int

_NAME = re.compile(r"[^.\[\]]+|\[(?P<inner>(?:\"(?:[^\"\\]|\\.)*\"|[^\]\"])*)\]")
"""One step of a field's path: a name, or what stands in brackets."""

_PAIR = re.compile(r"(?P<key>[^=,]*)=(?P<value>\"(?:[^\"\\]|\\.)*\"|[^,]*)")


@dataclass(frozen=True, eq=False)
class Refusal:
    """One thing that the API server would refuse."""

    object: Object
    path: tuple[Key, ...]
    """The field, empty where the API server names none."""
    field: str
    """The field as the API server writes it."""
    message: str


def refusals(tree: Tree, *, use_cache: bool = True) -> tuple[Refusal, ...]:
    """All that the API server would refuse, objects of unknown kinds and encrypted ones left out.

    Args:
        tree: what was built.
        use_cache: whether to believe what was said of the same objects before.

    Raises FleetError when kube-validate or the schemas are not available.
    """
    # What an encrypted object holds is not known.
    objects = [each for each in tree.objects if "sops" not in each.manifest]
    definitions = _definitions(tree, objects)
    kept = cache.Cache.of(
        KUBE_VALIDATE.name, *build.sources(KUBE_VALIDATE), Path(__file__).read_bytes(), enabled=use_cache
    )
    keys = [cache.digest(each.manifest, definitions.get((each.group, each.kind))) for each in objects]

    def ask(indexes: list[int]) -> list[list[tuple[str, str]]]:
        return _asked(list(definitions.values()), [objects[index].manifest for index in indexes])

    variables = {each.id: each.variables or {} for each in tree.kustomizations if each.substitutes}
    return tuple(
        Refusal(each, path, field, message)
        for each, problems in zip(objects, kept.verdicts(keys, ask), strict=True)
        for field, message in problems
        for path in [steps(field, each.manifest)]
        if not (each.owner in variables and _is_unknown(each, path, variables[each.owner]))
    )


def _is_unknown(each: Object, path: tuple[Key, ...], variables: Mapping[str, str]) -> bool:
    """Whether a field has a variable whose value is not known: on the cluster it may be a good one."""
    if "$" not in each.built:
        return False
    try:
        unset = {use.name for use in envsubst.parse(each.built).uses if not use.has_default} - variables.keys()
    except envsubst.SubstitutionError:
        return True
    field = next(
        value for length in range(len(path), -1, -1) if (value := at(each.built_data, *path[:length])) is not None
    )
    written = json.dumps(field, default=str)
    return any(name in written for name in unset)


def _definitions(tree: Tree, objects: Sequence[Object]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The CustomResourceDefinitions of the kinds that occur: those of the tree before the built-in ones."""
    known = schema.known(tree)
    kinds = {(each.group, each.kind) for each in objects if "." in each.group}
    found: dict[tuple[str, str], Mapping[str, Any]] = {kind: crd for kind in kinds if (crd := known.definition(*kind))}
    for each in schema.definitions(tree):
        kind = (str(each.spec.get("group")), str(mapping(each.spec.get("names")).get("kind")))
        if kind in kinds:
            found[kind] = each.manifest
    return dict(sorted(found.items()))


def _asked(
    definitions: Sequence[Mapping[str, Any]], manifests: Sequence[Mapping[str, Any]]
) -> list[list[tuple[str, str]]]:
    """Field and message of each problem of each object."""
    asked = [*({"crd": each} for each in definitions), *({"object": each} for each in manifests)]
    done = subprocess.run(  # noqa: S603 our own tool
        [str(binaries.kube_validate())],
        input="\n".join(json.dumps(each, default=str) for each in asked),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    said = done.stdout.splitlines()
    if done.returncode != 0 or len(said) != len(manifests):
        reason = " ".join(done.stderr.split()) or f"{len(said)} answers for {len(manifests)} objects"
        raise CannotRunError(f"kube-validate failed: {reason}")
    return [
        [(str(problem.get("field")), _in_a_line(str(problem.get("message")))) for problem in mappings(answer)]
        for line in said
        for answer in [mapping(json.loads(line)).get("problems")]
    ]


def _in_a_line(message: str) -> str:
    return " ".join(message.split())


def steps(field: str, manifest: Mapping[str, Any]) -> tuple[Key, ...]:
    """The way to a field in an object.

    Args:
        field: as validation writes it, such as `spec.ports[0].name` and `data[a.b]`, or as server-side apply does, such
            as `spec.containers[name="web"].env`.
        manifest: the object.
    """
    if manifest.get("kind") == schema.DEFINITION[1]:
        # Inside the API server a schema that all versions share stands apart from them.
        field = field.replace("spec.validation.", "spec.versions[0].schema.", 1)
    return tuple(_steps(field, manifest))


def _steps(field: str, value: Any) -> Iterator[Key]:
    for match in _NAME.finditer(field):
        inner = match["inner"]
        if inner is None or not isinstance(value, list):
            name = match[0] if inner is None else inner
            value = mapping(value).get(name)
            yield name
        else:
            items = listed(value)
            index = int(inner) if inner.isdecimal() else _item(inner, items)
            if index is None or index >= len(items):
                return
            value = items[index]
            yield index


def _item(selector: str, items: Sequence[Any]) -> int | None:
    """The item that keys such as `containerPort=80,protocol="TCP"` tell; a default may be left out of it."""
    wanted = {pair["key"]: json.loads(pair["value"]) for pair in _PAIR.finditer(selector)}
    return next(
        (
            index
            for index, item in enumerate(items)
            if all(mapping(item).get(key, value) == value for key, value in wanted.items())
            and any(key in mapping(item) for key in wanted)
        ),
        None,
    )
