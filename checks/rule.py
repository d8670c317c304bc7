"""The shape of a rule: a module with a docstring that --explain prints, a `rule`, and a function `check`.

The docstring's first line is `<id>: <what is wrong>.`; then why Flux would refuse it, and the paragraphs `Bad:` and
`Good:` with an example each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from checks.findings import Finding, Place, Severity, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checks.model import Model
    from checks.tree import Object


@dataclass(frozen=True)
class Rule:
    """What all findings of a rule share."""

    id: str
    stage: Stage
    severity: Severity

    def at(self, each: Object, *path: str | int, why: str, remedy: str) -> Finding:
        """A finding about a field of an object."""
        return Finding(self.id, self.severity, each.place(*path), each.label, why, remedy)

    def on(self, file: str, line: int, about: str, *, why: str, remedy: str) -> Finding:
        """A finding about a line of a file."""
        return Finding(self.id, self.severity, Place(file, line), about, why, remedy)


class RuleModule(Protocol):
    """A module of this package's rules."""

    rule: Rule

    def check(self, model: Model) -> Iterable[Finding]:
        """All findings, in any order."""
        ...
