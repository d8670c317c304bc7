"""The shape of a rule: a function under `@rule(id, stage, severity)`, which is listed nowhere else.

Its docstring is what --explain prints. The first line is `<id>: <what is wrong>.`; then why Flux would refuse it, and
the paragraphs `Bad:` and `Good:` with an example each.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.findings import Finding, Place, Severity, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from checks.model import Model
    from checks.tree import Object

    Check = Callable[[Model], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """A rule, and what all its findings share."""

    id: str
    stage: Stage
    severity: Severity
    """Of its findings, unless one says otherwise."""
    check: Check
    """Gives all findings, in any order."""

    @property
    def explanation(self) -> str:
        """The function's docstring."""
        return inspect.getdoc(self.check) or ""

    def at(self, each: Object, *path: str | int, why: str, remedy: str, severity: Severity | None = None) -> Finding:
        """A finding about a field of an object."""
        return Finding(self.id, severity or self.severity, each.place(*path), each.label, why, remedy)

    def on(
        self, file: str, line: int, about: str, *, why: str, remedy: str, severity: Severity | None = None
    ) -> Finding:
        """A finding about a line of a file."""
        return Finding(self.id, severity or self.severity, Place(file, line), about, why, remedy)


_registered: dict[str, Rule] = {}


def rule(name: str, stage: Stage, severity: Severity) -> Callable[[Check], Rule]:
    """Make a rule of a function, and register it.

    Args:
        name: the rule's id, a letter and a number.
        stage: that it runs in.
        severity: of its findings.

    Raises:
        ValueError: another rule has the id.
    """

    def register(check: Check) -> Rule:
        if name in _registered:
            raise ValueError(f"two rules have the id {name}")
        return _registered.setdefault(name, Rule(name, stage, severity, check))

    return register


def registered() -> tuple[Rule, ...]:
    """The rules of the modules that are imported, by stage, then by the letter and the number of their ids."""
    stages = list(Stage)
    return tuple(
        sorted(_registered.values(), key=lambda each: (stages.index(each.stage), each.id[0], int(each.id[1:])))
    )
