"""A run that was: read from pulumi's event logs and the times of the steps around it, and kept without any property.

An event log has a JSON object a line, written as it happens: sdk/go/common/apitype/events.go of pulumi 3.274. Times
are whole seconds since 1970. Of a killed run the last line may be cut off; events of other kinds are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pydantic

from common import timing
from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Kind = Literal["rebuild", "night"]

AT_ONCE = frozenset({"same", "replace", "read", "refresh", "discard", "discard-replaced", "remove-pending-replace"})
"""Operations that ask AWS for nothing that takes time."""


class Change(pydantic.BaseModel):
    """One operation on one resource of AWS."""

    urn: str
    op: str
    """As pulumi names it: create, delete, update, create-replacement …"""
    start: float
    """Seconds since 1970."""
    end: float | None = None
    """None: the log ends before it did."""
    failed: bool = False


class Stage(pydantic.BaseModel):
    """A step of the bootstrap or the teardown."""

    name: str
    start: float
    """Seconds since 1970."""
    seconds: float


class Run(pydantic.BaseModel):
    """A rebuild or a night. As JSON it is what a workflow keeps: URNs and times, and no property of a resource."""

    changes: list[Change] = []
    stages: list[Stage] = []
    truncated: list[str] = []
    """The logs whose last line was cut off."""

    @property
    def kind(self) -> Kind | None:
        """A night when all that it did is delete, a rebuild when it did anything else; None: it did nothing."""
        ops = {change.op for change in self.changes}
        if not ops:
            return None
        return "night" if ops == {"delete"} else "rebuild"


class _State(pydantic.BaseModel):
    custom: bool = False


class _Metadata(pydantic.BaseModel):
    op: str
    urn: str
    old: _State | None = None
    new: _State | None = None

    @property
    def is_of_aws(self) -> bool:
        """Whether it is neither a component nor a provider."""
        return any(each and each.custom for each in (self.old, self.new)) and "::pulumi:" not in self.urn


class _Step(pydantic.BaseModel):
    metadata: _Metadata


class _Event(pydantic.BaseModel):
    timestamp: float
    began: _Step | None = pydantic.Field(None, alias="resourcePreEvent")
    ended: _Step | None = pydantic.Field(None, alias="resOutputsEvent")
    failed: _Step | None = pydantic.Field(None, alias="resOpFailedEvent")


class _Steps(pydantic.BaseModel):
    command: str
    steps: list[Stage]


def read(path: Path) -> Run:
    """Read a run.

    Args:
        path: an event log, what `keep` wrote, or a folder of event logs (`*.jsonl`) and times (`*.steps.json`).

    Raises:
        CannotRunError: there is no such thing, or it is something else.
    """
    if path.is_dir():
        logs, steps = sorted(path.glob(timing.LOGS)), sorted(path.glob(timing.STEPS))
        if not logs and not steps:
            raise CannotRunError(f"{path} has no event log: run pulumi with --event-log {path / 'up.jsonl'}")
        runs = [_of_log(log, _bytes(log)) for log in logs]
        stages = [stage for each in steps for stage in _stages(each)]
        return Run(
            changes=[change for run in runs for change in run.changes],
            stages=sorted(stages, key=lambda stage: stage.start),
            truncated=[name for run in runs for name in run.truncated],
        )
    content = _bytes(path)
    try:
        return Run.model_validate_json(content, extra="forbid")
    except pydantic.ValidationError:  # so it is a log
        return _of_log(path, content)


def keep(run: Run, path: Path) -> None:
    """Write a run to a file that `read` reads, whole or not at all. Raises CannotRunError."""
    draft = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(run.model_dump_json(indent=1) + "\n", "utf-8")
        draft.replace(path)
    except OSError as error:
        raise CannotRunError(f"{path} cannot be written: {error.strerror}") from None


def _of_log(path: Path, content: bytes) -> Run:
    lines = content.splitlines()
    events: list[_Event] = []
    truncated: list[str] = []
    for number, line in enumerate(lines, 1):
        try:
            events.append(_Event.model_validate_json(line))
        except pydantic.ValidationError:
            if number < len(lines) or number == 1:
                raise CannotRunError(
                    f"{path}:{number} is not an event of pulumi: give what --event-log wrote"
                ) from None
            truncated.append(path.name)
    return Run(changes=_changes(events), truncated=truncated)


def _changes(events: Iterable[_Event]) -> list[Change]:
    changes: list[Change] = []
    under_way: dict[tuple[str, str], Change] = {}
    for event in events:
        step = event.began or event.ended or event.failed
        if step is None or not step.metadata.is_of_aws or step.metadata.op in AT_ONCE:
            continue
        key = (step.metadata.urn, step.metadata.op)
        if event.began:
            under_way[key] = Change(urn=key[0], op=key[1], start=event.timestamp)
            changes.append(under_way[key])
        elif key in under_way:
            change = under_way.pop(key)
            change.end, change.failed = event.timestamp, event.failed is not None
    return changes


def _stages(path: Path) -> list[Stage]:
    try:
        return _Steps.model_validate_json(_bytes(path)).steps
    except pydantic.ValidationError:
        raise CannotRunError(f"{path} is not what `fleet bootstrap run` or `fleet teardown run` writes") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotRunError(f"{path} cannot be read: {error.strerror}") from None
