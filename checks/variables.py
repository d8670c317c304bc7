"""Which variables the objects use, and which there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from checks import envsubst
from checks.manifests import at, mapping, mappings
from checks.tree import is_substitution_off

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from checks.envsubst import Use
    from checks.tree import Kustomization, Object, Tree


@dataclass(frozen=True, eq=False)
class Used:
    """The variables of one object."""

    object: Object
    owner: Kustomization
    uses: tuple[Use, ...]
    problem: str = ""
    """Why Flux could not even parse it."""


def used(tree: Tree) -> tuple[Used, ...]:
    """The objects with a `$` in them, those aside whose label or annotation switches substitution off."""
    return tuple(
        _used(owner, each)
        for owner in tree.kustomizations
        for each in owner.objects
        if "$" in each.built and each.file not in tree.stubs and not is_substitution_off(each.built_data)
    )


def _used(owner: Kustomization, each: Object) -> Used:
    try:
        return Used(each, owner, envsubst.parse(each.built).uses)
    except envsubst.SubstitutionError as error:
        return Used(each, owner, (), str(error))


def unset(each: Used) -> tuple[str, ...]:
    """The variables of an object that have no value and no default, which Flux refuses.

    None where a source of values is not known here: it may have them.
    """
    values = each.owner.values
    if values is None or not each.owner.substitutes or values.is_open:
        return ()
    names = (use.name for use in each.uses if use.name not in values.known and not use.has_default)
    return tuple(dict.fromkeys(names))


def outside(each: Object, fields: Collection[str]) -> tuple[Use, ...]:
    """The variables of an object that are not in these fields of its spec."""
    spec = {key: value for key, value in mapping(each.built_data.get("spec")).items() if key not in fields}
    return envsubst.parse(yaml.safe_dump({**each.built_data, "spec": spec})).uses


def line(tree: Tree, each: Object, text: str) -> int:
    """The line of an object's file that has a text, from where the object begins; else where it begins."""
    file = tree.files.get(each.file)
    start = each.place().line
    for number, content in enumerate(file.text.splitlines() if file else (), 1):
        if number >= start and text in content:
            return number
    return start


def inline(owner: Kustomization) -> list[str]:
    """The names in spec.postBuild.substitute."""
    return [str(key) for key in mapping(at(owner.spec, "postBuild", "substitute"))]


@dataclass(frozen=True)
class Source:
    """A ConfigMap or Secret that a Kustomization takes values from."""

    number: int
    """Its place in substituteFrom."""
    name: str
    """`<kind>/<namespace>/<name>`, as checks.yaml has it."""
    optional: bool


def sources(owner: Kustomization) -> Iterator[Source]:
    """Those of a Kustomization."""
    for number, entry in enumerate(mappings(at(owner.spec, "postBuild", "substituteFrom"))):
        name = f"{entry.get('kind')}/{owner.object.namespace}/{entry.get('name')}"
        yield Source(number, name, entry.get("optional") is True)
