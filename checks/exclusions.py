"""What a repository wants left out, raised or lowered: by checks.yaml, and by comments in its manifests.

A comment counts for all of the YAML document that it stands in:

    # fleet-check: ignore E16, E11: the vendor publishes no exact versions
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from checks.config import FILE
from checks.findings import Finding, Place, Severity
from common.errors import CannotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from checks.config import Config, Exclusion
    from checks.tree import SourceFile

RULE = "X1"
EXPLANATION = """X1: an exclusion leaves nothing out.

What it was written for is fixed, or the rules, the path or the object in it are misspelt. A comment in a manifest also
needs a reason: without one it leaves nothing out.

Bad:
    # checks.yaml; no object has E16 any more
    exclude: [{rules: [E16], path: k8s/old/*, reason: the vendor publishes no exact versions}]

Good:
    # checks.yaml, without it"""

_COMMENT = re.compile(r"#\s*fleet-check:\s*ignore\s+(?P<rules>\w+(?:\s*,\s*\w+)*)\s*(?::\s*(?P<reason>\S.*))?$")
_SEPARATOR = re.compile(r"---(?:\s|$)")


@dataclass(frozen=True)
class _Comment:
    """A comment in a manifest."""

    place: Place
    rules: tuple[str, ...]
    reason: str
    lines: range
    """Those of its document."""

    def covers(self, finding: Finding) -> bool:
        is_here = finding.place.file == self.place.file and finding.place.line in self.lines
        return bool(self.reason) and is_here and finding.rule in self.rules


@dataclass
class Exclusions:
    """The adjustments of a run, and which of them it needed."""

    config: Config
    comments: set[_Comment] = field(default_factory=set[_Comment])
    needed: set[int | _Comment] = field(default_factory=set[int | _Comment])
    """The places of checks.yaml's exclusions, and comments."""

    @classmethod
    def of(cls, config: Config, known: Collection[str]) -> Exclusions:
        """Those of checks.yaml. Raises FleetError if they name a rule that is not among those known."""
        named = [(f"rules.{name}", name) for name in config.rules]
        named += [
            (f"exclude.{number}.rules", name) for number, each in enumerate(config.exclude) for name in each.rules
        ]
        for where, name in named:
            if name not in known:
                near = difflib.get_close_matches(name.upper(), known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise CannotRunError(f"{FILE}: {where}: unknown rule {name}{hint}")
        return cls(config)

    def read(self, files: Mapping[str, SourceFile]) -> None:
        """Take in the comments of some files."""
        for file in files.values():
            if "fleet-check:" in file.text:
                self.comments.update(_comments(file))

    def adjusted(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that are left, with the severity that the repository wants."""
        found: list[Finding] = []
        for finding in findings:
            by: list[int | _Comment] = [comment for comment in self.comments if comment.covers(finding)]
            by += [number for number, each in enumerate(self.config.exclude) if _covers(each, finding)]
            self.needed.update(by)
            wanted = self.config.rules.get(finding.rule)
            severity = wanted.severity if wanted else finding.severity
            if not by and severity is not None:
                found.append(replace(finding, severity=severity))
        return found

    def unneeded(self, ran: Collection[str], files: Mapping[str, SourceFile]) -> Iterator[Finding]:
        """A note on each exclusion that left nothing out, although all its rules ran."""
        file = files.get(FILE)
        for number, each in enumerate(self.config.exclude):
            if number not in self.needed and set(each.rules) <= set(ran):
                line = file.documents[0].line_of("exclude", number) if file and file.documents else 1
                yield _note(Place(FILE, line), f"exclude.{number}", "it leaves nothing out", "remove it, or correct it")
        for comment in self.comments - {each for each in self.needed if isinstance(each, _Comment)}:
            about = f"comment on {', '.join(comment.rules)}"
            if not comment.reason:
                remedy = "write the reason after the rules, with a colon before it"
                yield _note(comment.place, about, "it gives no reason, so it leaves nothing out", remedy)
            elif set(comment.rules) <= set(ran):
                yield _note(comment.place, about, "it leaves nothing out", "remove it, or correct its rules")


def _note(place: Place, about: str, why: str, remedy: str) -> Finding:
    return Finding(RULE, Severity.NOTE, place, about, why, remedy)


def _covers(each: Exclusion, finding: Finding) -> bool:
    return (
        finding.rule in each.rules
        and (not each.path or fnmatchcase(finding.place.file, each.path))
        and (not each.object or fnmatchcase(finding.object, each.object))
    )


def _comments(file: SourceFile) -> Iterator[_Comment]:
    lines = file.text.splitlines()
    starts = [0, *(number for number, line in enumerate(lines) if _SEPARATOR.match(line)), len(lines)]
    for number, line in enumerate(lines):
        if found := _COMMENT.search(line):
            start = max(each for each in starts[:-1] if each <= number)
            end = min(each for each in starts[1:] if each > number)
            rules = tuple(part.strip() for part in found["rules"].split(","))
            yield _Comment(Place(file.name, number + 1), rules, found["reason"] or "", range(start + 1, end + 1))
