"""What a resource type is: one row of the table, and a resource as the row's functions see it.

A property maps to an API member by rule: the member of the same name in any case, with or without a plural's `s`.
A row states the exceptions. An operation that takes a property's member is sent it; one that does not, is not.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from . import mapping
from .same import equal
from .values import as_map, is_map

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .names import AutoName

Response = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property of a resource type.

    member: the API's member, where the rule does not find it; dotted inside others, with 0 for a list's only element.
    required: the program must give it, though the API's model does not say so.
    replaces: another value makes another resource. Holds for everything inside a block.
    default: what pulumi-aws fills in.
    computed: AWS fills it in; a program that stops giving it changes nothing.
    removed: what an update sends when the program stops giving it.
    local: no operation that creates the resource takes it.
    told: inside a block, AWS alone says it; a program cannot give it.
    hidden: reading does not tell it, so what was last given stays.
    text: the SDK has text where the API has a boolean or a number.
    same: when two values mean the same.
    check: what is wrong with a value, where the API's model is silent.
    encode, decode: to the API's value and back, where the rule does not do.
    fields: the properties of a block; many: the property is a list of such blocks.
    """

    member: str = ""
    required: bool = False
    replaces: bool = False
    default: Any = None
    computed: bool = False
    removed: Any = None
    local: bool = False
    told: bool = False
    hidden: bool = False
    text: bool = False
    same: Callable[[Any, Any], bool] = equal
    check: Callable[[Any], str] | None = None
    encode: Callable[[Any], Any] | None = None
    decode: Callable[[Any], Any] | None = None
    fields: Mapping[str, Property] | None = None
    many: bool = False


Properties = dict[str, Property]


@dataclass(frozen=True)
class Key:
    """How a type's ids are made.

    make: the id, from the resource as it was wanted and the response of the operation that made it.
    parse: an id that a person gives to import, as the id and the properties that it tells.
    imported: the id, from what reading describes, where the one that is given to import does not tell it.
    member: the member that operations take the id by, when AWS assigned it.
    properties: what identifies the resource otherwise.
    """

    make: Callable[[Resource, Response], str]
    parse: Callable[[str], tuple[str, dict[str, Any]]] = lambda given: (given, {})
    imported: Callable[[Response], str] | None = None
    member: str = ""
    properties: tuple[str, ...] = ()


def assigned(path: str, member: str) -> Key:
    """An id that AWS assigns: at a dotted path of the response, and taken by `member` of other operations."""
    return Key(make=lambda _, response: str(mapping.pick(response, path)), member=member)


def joined(separator: str, *properties: str) -> Key:
    """An id made of properties."""

    def parse(given: str) -> tuple[str, dict[str, Any]]:
        parts = given.split(separator, len(properties) - 1)
        return given, dict(zip(properties, parts, strict=True)) if len(parts) == len(properties) else {}

    return Key(
        make=lambda r, _: separator.join(str(r[name]) for name in properties),
        parse=parse,
        properties=properties,
    )


@dataclass(frozen=True)
class Status:
    """Where reading tells how far the resource is: the wanted states, the failed ones, and AWS's reasons for these."""

    member: str
    ready: tuple[str, ...]
    failed: tuple[str, ...] = ()
    reasons: Callable[[Response], str] = lambda _: ""


@dataclass(frozen=True)
class Step:
    """A call of its own for some properties: after creation, if `creates` and they are given, and when they change.

    properties: dotted for those inside a block.
    operation: sent by rule, and rehearsed by Check; `run` does what the rule cannot.
    computes: the outputs that it changes, unknown in a preview.
    """

    properties: tuple[str, ...]
    operation: str = ""
    run: Callable[[Resource], object] | None = None
    creates: bool = False
    computes: tuple[str, ...] = ()

    def apply(self, resource: Resource) -> None:
        """Make the change."""
        if self.run:
            self.run(resource)
        else:
            resource.send(self.operation, *self.properties)


@dataclass(frozen=True)
class Tagging:
    """How a service takes tags.

    create: the parameters of the creating operation.
    tag, untag: the calls for tags to set and keys to remove.
    """

    create: Callable[[Any], Mapping[str, Any]]
    tag: Callable[[Resource, dict[str, str]], object]
    untag: Callable[[Resource, list[str]], object]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A resource type.

    create: the operation, by rule, or a function that makes or adopts the resource.
    constants: what the operation that creates it is always sent in an account.
    read: what AWS describes of it, in the API's names, or None if it is not there.
    delete: the operation, by rule, or a function.
    cloudformation: the type in AWS's resource schemas; `source` says where its replacements stand if it has none.
    differs: property path to the reason why its replacement differs from CloudFormation's.
    stands_alone: False if a second one next to the first is the same thing to AWS: delete before replace.
    """

    type: str
    service: str
    key: Key
    properties: Properties
    outputs: Properties = field(default_factory=dict[str, Property])
    create: str | Callable[[Resource], Response]
    constants: Callable[[Account], Mapping[str, Any]] = lambda _: {}
    read: Callable[[Resource], Response | None]
    delete: str | Callable[[Resource], object]
    steps: tuple[Step, ...] = ()
    tags: Tagging | None = None
    name: AutoName | None = None
    status: Status | None = None
    cloudformation: str = ""
    source: str = ""
    differs: Mapping[str, str] = field(default_factory=dict[str, str])
    stands_alone: bool = True

    @cached_property
    def inputs(self) -> Properties:
        """Everything that Check returns, tags included."""
        return {**self.properties, **(TAG_PROPERTIES if self.tags else {})}

    @cached_property
    def given(self) -> Properties:
        """Everything that a program may give."""
        return {name: spec for name, spec in self.inputs.items() if name != "tagsAll"}

    @cached_property
    def all(self) -> Properties:
        """Inputs and outputs."""
        return {**self.inputs, **self.outputs}

    def property_of(self, member: str) -> str:
        """The property that a top-level API member comes from; the member's own name if none does."""
        for name, each in self.properties.items():
            if mapping.fits(member, name, each):
                return name
        return member[:1].lower() + member[1:]

    def nearest(self, name: str) -> str:
        """A hint at the property that was probably meant, or nothing."""
        close = difflib.get_close_matches(name, self.inputs, n=1)
        return f"; did you mean {close[0]!r}?" if close else ""


@dataclass(frozen=True)
class Account:
    """Where resources are made."""

    id: str
    region: str


class Invoke(Protocol):
    """Calls an operation of a service."""

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Response:
        """The response. Raises AwsError."""
        ...


class Wait(Protocol):
    """Waits for AWS."""

    def __call__(self, what: str, look: Callable[[], tuple[bool, str]]) -> None:
        """Look until it says True. The text is what AWS says meanwhile. Raises ProviderError at the deadline."""
        ...


@dataclass(frozen=True)
class Resource:
    """A resource inside an operation: what is wanted of it (or known, when it is read or deleted) and what it was."""

    row: Row
    id: Any
    values: Mapping[str, Any]
    old: Mapping[str, Any]
    account: Account
    invoke: Invoke
    wait: Wait

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def arn(self, kind: str) -> str:
        """The ARN of a resource whose service does not tell it."""
        return f"arn:aws:{self.row.service}:{self.account.region}:{self.account.id}:{kind}/{self.id}"

    def call(self, operation: str, **parameters: Any) -> Response:
        """Call an operation with exactly these parameters."""
        return self.invoke(self.row.service, operation, parameters)

    def make(self) -> Response:
        """Create it, with its tags."""
        create, tags = self.row.create, as_map(self.values.get("tagsAll"))
        if not isinstance(create, str):
            return create(self)
        tagged = self.row.tags.create(tags) if self.row.tags and tags else dict[str, Any]()
        return self.send(create, **self.row.constants(self.account), **tagged)

    def send(self, operation: str, *only: str, **more: Any) -> Response:
        """Call an operation by rule: what identifies the resource, its properties (or `only` these), and `more`."""
        return self.call(operation, **{**mapping.parameters(self, operation, only or None), **more})

    def ask(self, operation: str, **more: Any) -> Response:
        """Call an operation with what identifies the resource, and `more`."""
        return self.call(operation, **{**mapping.parameters(self, operation, ()), **more})

    def given(self, step: Step) -> bool:
        """Whether the program gave anything that a step is for."""
        return any(mapping.pick(self.values, path) is not None for path in step.properties)


def tag_list(tags: Any) -> list[dict[str, Any]]:
    """Tags as most services want them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: Any) -> dict[str, str]:
    """Tags as Pulumi has them, from a list or a map of a service. AWS's own tags are not the program's."""
    pairs = tags.items() if is_map(tags) else [(tag["Key"], tag["Value"]) for tag in tags]
    return {key: value for key, value in pairs if not key.startswith("aws:")}


def as_text(document: Any) -> str:
    """A JSON document as text: botocore parses some."""
    return document if isinstance(document, str) else json.dumps(document)


TAG_PROPERTIES: Properties = {
    "tags": Property(local=True, check=lambda tags: "" if is_map(tags) else f"{tags!r} is not an object"),
    "tagsAll": Property(member="Tags", local=True, decode=tag_map),
}
