"""What `pulumi preview --json` prints: which resources change, and which of their inputs.

Shape: PreviewDigest of pkg/display/json.go of 3.274. Config, outputs and the inputs of providers are left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import pydantic
from pydantic import JsonValue
from pydantic.alias_generators import to_camel

from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key of an object that is not a plain value, a secret above all (sdk/go/common/resource/sig)."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that is known only once it has been applied (pulumi.runtime.rpc.UNKNOWN)."""

STEP_OF_PATH = re.compile(r'\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\[(?P<index>\d+)\]|\.?(?P<key>[^.\[]+)')
"""A step of a property path: `tags.owner`, `rules[0].ports`, `tags["a.b"]` (resource.ParsePropertyPath)."""


class Absent(Enum):
    """There is no value here."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT
SECRET = "[secret]"  # noqa: S105 what stands for one
UNKNOWN_VALUE = "[unknown]"
"""What stands for a value that only the update will tell."""


Operation = Annotated[str, pydantic.Field(pattern=r"^[a-z-]{1,40}$")]
"""What happens to a resource: create, update, replace and so on (pkg/resource/deploy/step.go)."""


@dataclass(frozen=True)
class Change:
    """An input that changes; ABSENT where there was or will be none, or where it is not among the inputs."""

    path: str
    old: JsonValue | Absent
    new: JsonValue | Absent
    forces: bool = False
    """Whether this is what replaces the resource."""


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(alias_generator=to_camel, frozen=True)


class State(_Model):
    """A resource as it is, or will be: its inputs, and what it depends on."""

    inputs: dict[str, JsonValue] | None = None
    id: str = ""
    custom: bool = True
    """False for a component, which is nothing in AWS."""
    dependencies: tuple[str, ...] | None = None
    """The URNs of what it waits for."""
    property_dependencies: dict[str, tuple[str, ...] | None] | None = None
    """Property → the URNs of the resources that its value comes from."""

    @property
    def needs(self) -> frozenset[str]:
        """The URNs of all that it depends on."""
        of_properties = (urn for urns in (self.property_dependencies or {}).values() for urn in urns or ())
        return frozenset((*(self.dependencies or ()), *of_properties))


class PropertyDiff(_Model):
    """How one property changes: add, delete or update, with `-replace` when it forces a replacement."""

    kind: str


class Step(_Model):
    """What happens to one resource."""

    op: Operation
    urn: Annotated[str, pydantic.Field(pattern=r"(?s)^urn:pulumi:.*::.*::.*::")]
    old_state: State | None = None
    new_state: State | None = None
    diff_reasons: tuple[str, ...] | None = None
    replace_reasons: tuple[str, ...] | None = None
    detailed_diff: dict[str, PropertyDiff] | None = None

    @property
    def type(self) -> str:
        """The resource's type, without those of its parents."""
        return self.urn.split("::", 3)[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.split("::", 3)[3]

    @property
    def is_resource(self) -> bool:
        """Whether it is one of AWS's: components, providers and the stack itself are not."""
        state = self.new_state or self.old_state
        return not self.type.startswith("pulumi:") and (state is None or state.custom)

    @property
    def destroys(self) -> bool:
        """Whether something that exists goes away."""
        return "replace" in self.op or "delete" in self.op

    @property
    def why(self) -> tuple[str, ...]:
        """The properties that force a replacement; none when it follows from another resource's."""
        return tuple(reason for reason in self.replace_reasons or () if reason != "replaceWith")

    def changes(self) -> Iterator[Change]:
        """The inputs that change, those of a new resource all of them; none of a provider's, which hold credentials."""
        if self.type.startswith("pulumi:providers:") or self.op == "delete":
            return
        old, new = ((state and state.inputs) or {} for state in (self.old_state, self.new_state))
        for path, forces in self._paths(old, new):
            keys = tuple(_keys(path))
            if keys and not str(keys[0]).startswith("__"):
                yield Change(path, _value(old, keys), _value(new, keys), forces)

    def _paths(self, old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]) -> Iterator[tuple[str, bool]]:
        if self.old_state is None:
            yield from ((_quoted(key), False) for key in new)
        elif self.detailed_diff is not None:
            yield from ((path, diff.kind.endswith("-replace")) for path, diff in self.detailed_diff.items())
        else:
            reasons = dict.fromkeys((*(self.diff_reasons or ()), *self.why))
            # Components and what is replaced with another resource have none.
            differ = (_quoted(key) for key in {**old, **new} if old.get(key) != new.get(key))
            yield from ((path, path in self.why) for path in reasons or differ)


class Diagnostic(_Model):
    """What pulumi, a provider or the program said."""

    message: str = ""
    severity: str = ""


class Digest(_Model):
    """A preview."""

    steps: tuple[Step, ...] | None = None
    diagnostics: tuple[Diagnostic, ...] | None = None

    def said(self, severity: str) -> list[str]:
        """What was said with a severity: error, warning, info."""
        return [entry.message.strip() for entry in self.diagnostics or () if entry.severity == severity]

    @property
    def notes(self) -> list[str]:
        """What the program says to reviewers."""
        return [said.removeprefix(names.NOTE) for said in self.said("info") if said.startswith(names.NOTE)]


def _quoted(key: str) -> str:
    """A path of one key."""
    return key if re.fullmatch(r"[^.\[\]\"]+", key) else '["' + key.replace("\\", r"\\").replace('"', r"\"") + '"]'


def _keys(path: str) -> Iterator[str | int]:
    for step in STEP_OF_PATH.finditer(path):
        if step["index"] is not None:
            yield int(step["index"])
        elif step["quoted"] is not None:
            yield re.sub(r"\\(.)", r"\1", step["quoted"], flags=re.DOTALL)
        else:
            yield step["key"]


def _value(inputs: JsonValue, keys: tuple[str | int, ...]) -> JsonValue | Absent:
    """The value at a path, without what is secret in it."""
    if _is_secret(inputs):
        return SECRET
    if not keys:
        return _without_secrets(inputs)
    match inputs, keys[0]:
        case dict(), str(key) if key in inputs:
            return _value(inputs[key], keys[1:])
        case list(), int(index) if index < len(inputs):
            return _value(inputs[index], keys[1:])
        case _:
            return ABSENT


def _is_secret(value: JsonValue) -> bool:
    """Whether it is a secret; the other objects with a signature, such as assets, hold nothing to show either."""
    return isinstance(value, dict) and SIGNATURE in value


def _without_secrets(value: JsonValue) -> JsonValue:
    if _is_secret(value):
        return SECRET
    match value:
        case dict():
            return {key: _without_secrets(item) for key, item in value.items()}
        case list():
            return [_without_secrets(item) for item in value]
        case _:
            return UNKNOWN_VALUE if value == UNKNOWN else value
