"""Compares what two states hold, type by type and property by property, once what differs by nature is taken out.

Two accounts give other ids, ARNs, addresses and times to the same resources: these are replaced by the names of the
resources, or by their kind. A value that is empty, false or zero counts as one that is not there: Terraform's SDK, on
which pulumi-aws is built, does not tell them apart. The order within a list is not compared: the state does not say
which lists are sets.
"""

from __future__ import annotations

import importlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pydantic
from pydantic import BaseModel, JsonValue

from common.errors import UnknownError
from sandbox.acceptance import engine_events
from sandbox.acceptance.redaction import SECRET, SECRET_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ABSENT = "none"
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key of what is no plain value in a state, such as a secret (sdk/go/common/resource/sig of pulumi 3.274)."""

NOT_OF_AWS = ("__defaults", "__meta", "__provider")
"""What the bridge of pulumi-aws keeps in a state for itself."""

NO_SECRET = ("httpTokens",)
"""Properties with the name of a secret that are none."""

ID = re.compile(r"\b[a-z]{1,12}-[0-9a-f]{8,17}\b|\ba-[0-9a-z]{17}\b")
PHYSICAL: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"LS0t[A-Za-z0-9+/=]+"), "<certificate>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), "<account>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"https?://[^/\s\"]+"), "https://<host>"),
    (re.compile(r"\b[\w-]+(?:\.[\w-]+)*\.eks(?:\.[\w-]+)*\.amazonaws\.com|\boidc\.eks\.[\w.-]+"), "<host>"),
    (re.compile(r"\b[0-9A-Fa-f]{32}\b"), "<id>"),
    (re.compile(r"\bA[A-Z0-9]{2}A[A-Z0-9]{12,17}\b|\bA[A-Z0-9]{20}\b"), "<id>"),
    (re.compile(r"-\d{20,26}\b|-[0-9a-f]{7}\b"), "-<suffix>"),
    (re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d./])"), "<address>"),
    (re.compile(r"\b([a-z]{1,12})-[0-9a-f]{8,17}\b"), r"<\1>"),
    (re.compile(r"\ba-[0-9a-z]{17}\b"), "<a>"),
)
"""What an account gives to a resource → what stands for it. The order counts."""


class _Resource(BaseModel):
    type: str
    urn: str
    id: str = ""
    delete: bool = False
    outputs: dict[str, JsonValue] = {}


class _Deployment(BaseModel):
    resources: tuple[_Resource, ...] | None = None


class _Export(BaseModel):
    deployment: _Deployment


@dataclass(frozen=True)
class State:
    """A state, as it is compared: URN without stack and project → path of a property → value."""

    resources: Mapping[str, Mapping[str, str]]
    types: Mapping[str, str]
    """Label → type."""


@dataclass(frozen=True)
class Difference:
    """A property that differs, on all resources on which it differs in the same way."""

    path: str
    embedded: str
    real: str
    resources: tuple[str, ...]
    """Labels: `Addon coredns`."""
    is_input: bool
    """Whether a program may set it: then it is behaviour that AWS, or pulumi-aws, chose."""


@dataclass(frozen=True)
class Comparison:
    """What two states differ in."""

    differences: tuple[Difference, ...] = ()
    missing: tuple[str, ...] = ()
    """What only the embedded account has."""
    added: tuple[str, ...] = ()
    """What only the real account has."""

    @property
    def behaviour(self) -> tuple[Difference, ...]:
        """The differences in what a program may set."""
        return tuple(each for each in self.differences if each.is_input)

    @property
    def computed(self) -> tuple[Difference, ...]:
        """The differences in what AWS alone says."""
        return tuple(each for each in self.differences if not each.is_input)


def read(text: str) -> State:
    """Read what `pulumi stack export` prints. Raises UnknownError: it is not a state."""
    try:
        resources = _Export.model_validate_json(text).deployment.resources or ()
    except pydantic.ValidationError as error:
        raise UnknownError(f"pulumi stack export printed no state: {error.errors()[0]['msg']}") from None
    made = [each for each in resources if each.type.startswith("aws:") and not each.delete]
    names = {each.id: f"<{engine_events.label(each.urn)}>" for each in made if ID.fullmatch(each.id)}
    found: dict[str, Mapping[str, str]] = {}
    for each in made:
        outputs = {key: value for key, value in each.outputs.items() if key not in NOT_OF_AWS}
        found[engine_events.label(each.urn)] = dict(_leaves("", _normal(outputs, names)))
    return State(found, {engine_events.label(each.urn): each.type for each in made})


def compare(embedded: State, real: State) -> Comparison:
    """Compare two states of the same program and settings."""
    same: defaultdict[tuple[bool, str, str, str], list[str]] = defaultdict(list)
    for label in sorted(embedded.resources.keys() & real.resources.keys()):
        here, there = embedded.resources[label], real.resources[label]
        for path in sorted(here.keys() | there.keys()):
            old, new = here.get(path, ABSENT), there.get(path, ABSENT)
            if old != new:
                is_input = _is_input(embedded.types[label], path)
                same[not is_input, path, old, new].append(label)
    return Comparison(
        tuple(
            Difference(path, old, new, tuple(labels), not is_computed)
            for (is_computed, path, old, new), labels in sorted(same.items())
        ),
        tuple(sorted(embedded.resources.keys() - real.resources.keys())),
        tuple(sorted(real.resources.keys() - embedded.resources.keys())),
    )


def _normal(value: JsonValue, names: Mapping[str, str]) -> JsonValue:
    """A value without what only this account could have given; JSON in a text, such as a policy, is read."""
    match value:
        case str():
            if value[:1] in ("{", "["):
                try:
                    return _normal(json.loads(value), names)
                except ValueError:
                    pass
            return _logical(value, names)
        case dict():
            if SIGNATURE in value:
                return SECRET
            return {_logical(key, names): _normal(item, names) for key, item in value.items()}
        case list():
            return sorted((_normal(item, names) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        case _:
            return value


def _logical(text: str, names: Mapping[str, str]) -> str:
    text = ID.sub(lambda match: names.get(match[0], match[0]), text)
    for pattern, stand_in in PHYSICAL:
        text = pattern.sub(stand_in, text)
    return text


def _leaves(path: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """Each value that is not empty, by its path: `blockDeviceMappings[0].ebs.volumeSize`. A list of texts is one."""
    match value:
        case dict():
            for key, item in value.items():
                yield from _leaves(f"{path}.{key}" if path else key, item)
        case list() if any(isinstance(item, dict | list) for item in value):
            for number, item in enumerate(value):
                yield from _leaves(f"{path}[{number}]", item)
        case _:
            if value:
                leaf = path.rpartition(".")[2]
                is_secret = SECRET_NAME.search(leaf) and leaf not in NO_SECRET
                yield path, SECRET if is_secret else json.dumps(value, ensure_ascii=False)


def _is_input(kind: str, path: str) -> bool:
    """Whether a program may set the property that a path leads into; yes where pulumi-aws has no such type."""
    known = inputs(kind)
    return not known or re.split(r"[.\[]", path, maxsplit=1)[0] in known


@cache
def inputs(kind: str) -> frozenset[str]:
    """The properties of a type that a program may set, by the arguments of pulumi-aws' class."""
    module, _, name = kind.removeprefix("aws:").partition(":")
    try:
        package = importlib.import_module(f"pulumi_aws.{module.partition('/')[0]}")
    except ImportError:
        return frozenset()
    arguments: Any = getattr(package, f"{name}Args", None)
    return frozenset(_camel(key) for key in dir(arguments) if isinstance(getattr(arguments, key), property))


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def texts(differences: Sequence[Difference], shown: int) -> list[tuple[str, str, str, str]]:
    """Rows of a table: property, embedded, real, and on what."""
    return [(each.path, each.embedded, each.real, _many(each.resources, shown)) for each in differences]


def _many(labels: Sequence[str], shown: int) -> str:
    more = f" and {len(labels) - shown} more" if len(labels) > shown else ""
    return ", ".join(labels[:shown]) + more
