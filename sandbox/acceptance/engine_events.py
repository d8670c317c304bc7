"""What the engine says of a run: its event log (`pulumi up --event-log`), and the lines that it prints.

Layout: sdk/go/common/apitype/events.go of pulumi 3.274; `timestamp` is in whole seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydantic
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

DELETED = re.compile(r"^\s*-\s+aws:[\w.-]+:(?P<type>\w+) (?P<name>\S+) deleted \((?P<seconds>[\d.]+)s\)")
"""A line of `pulumi destroy`: ` -  aws:ec2:Subnet private deleted (3.2s)`."""

CHANGE = re.compile(r"^ *[~+-]+ +aws:[\w.-]+:(?P<change>\w+ \S+ (?!previewing).+)$", re.MULTILINE)
"""A line of `pulumi preview`: ` ~  aws:eks:NodeGroup default update [diff: ~updateConfig]`."""


class _Metadata(BaseModel):
    op: str
    urn: str


class _Resource(BaseModel):
    metadata: _Metadata


class _Diagnostic(BaseModel):
    urn: str = ""
    message: str
    severity: str


class _Event(BaseModel):
    timestamp: int
    resourcePreEvent: _Resource | None = None  # noqa: N815  # the engine's names
    resOutputsEvent: _Resource | None = None  # noqa: N815
    diagnosticEvent: _Diagnostic | None = None  # noqa: N815


@dataclass(frozen=True)
class Timed:
    """How long a resource took."""

    label: str
    """Type and name: `Addon coredns`."""
    operation: str
    """`create` or `delete`."""
    seconds: float


@dataclass(frozen=True)
class Run:
    """What a run of the engine said."""

    timed: tuple[Timed, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    """The URN of a resource, or nothing, and what went wrong there."""

    @property
    def texts(self) -> tuple[str, ...]:
        """What went wrong, without where."""
        return tuple(message for _, message in self.errors)


def parse(log: str) -> Run:
    """Read an event log; a last line that a killed engine has not finished is left out."""
    began: dict[str, int] = {}
    timed: list[Timed] = []
    errors: dict[tuple[str, str], None] = {}
    for event in _events(log):
        if event.resourcePreEvent:
            began[event.resourcePreEvent.metadata.urn] = event.timestamp
        if done := event.resOutputsEvent:
            urn, operation = done.metadata.urn, done.metadata.op
            if operation in ("create", "delete") and urn in began and type_of(urn).startswith("aws:"):
                timed.append(Timed(label(urn), operation, float(event.timestamp - began[urn])))
        if (said := event.diagnosticEvent) and said.severity == "error":
            errors[said.urn, said.message.strip()] = None
    return Run(tuple(timed), tuple(errors))


def deleted(text: str) -> tuple[Timed, ...]:
    """Read the lines of a destroy, whose log the teardown does not keep."""
    matches = filter(None, (DELETED.match(line) for line in text.splitlines()))
    return tuple(Timed(f"{each['type']} {each['name']}", "delete", float(each["seconds"])) for each in matches)


def changes(text: str) -> tuple[str, ...]:
    """What the lines of a preview would change: `NodeGroup default update [diff: ~updateConfig]`."""
    return tuple(dict.fromkeys(match["change"].rstrip() for match in CHANGE.finditer(text)))


def type_of(urn: str) -> str:
    """The type of the resource that a URN names, without those of its parents."""
    return urn.split("::")[2].rpartition("$")[2]


def label(urn: str) -> str:
    """`Addon coredns`."""
    return f"{type_of(urn).rpartition(':')[2]} {urn.split('::', 3)[3]}"


def _events(log: str) -> Iterator[_Event]:
    for line in log.splitlines():
        try:
            yield _Event.model_validate_json(line)
        except pydantic.ValidationError:
            continue
