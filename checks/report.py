"""Findings for people, for programs, and for GitHub's annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.findings import Severity
from common.console import Line, Sign
from common.text import LINE, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.findings import Finding
    from checks.run import Report

NAMED = 3
"""How many more files are named of those that one advice is about."""

STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
"""How a finding's first line is shown."""
_ANNOTATION = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def lines(report: Report) -> Iterator[str | Line]:
    """For people: a paragraph an error, or an advice with all that it is about, then a summary with its verdict."""
    for finding, *others in grouped(report):
        place = f"{finding.place.file}:{finding.place.line}"
        more = f", and {len(others)} more" if others else ""
        head = f"{place}: {finding.severity.value} {finding.rule}: {finding.object}"
        yield Line(None, f"{clean(head, LINE)}{more}", STYLES[finding.severity])
        yield f"    {clean(finding.why, LINE)}"
        if others:
            files = list(dict.fromkeys(other.place.file for other in others))
            rest = f" and {len(files) - NAMED} more files (--format json has all)" if len(files) > NAMED else ""
            yield f"    also in {clean(', '.join(files[:NAMED]), LINE)}{rest}"
        yield f"    {Sign.NEXT.value} {clean(finding.remedy, LINE)}"
        yield ""
    yield Line(Sign.of(not report.count(Severity.ERROR)), summary(report))


def by_weight(report: Report) -> list[Finding]:
    """The findings, errors first: a note may follow from one."""
    return sorted(report.findings, key=lambda finding: list(Severity).index(finding.severity))


def grouped(report: Report) -> list[list[Finding]]:
    """The findings, errors first: each error alone, of others those together that have one remedy."""
    groups: dict[object, list[Finding]] = {}
    for number, finding in enumerate(by_weight(report)):
        key = number if finding.severity is Severity.ERROR else (finding.rule, finding.severity, finding.remedy)
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def document(report: Report) -> dict[str, object]:
    """For programs, one object: `findings` as the model has them, `stages` that ran, `notRun` that did not."""
    return {
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity.value,
                "file": finding.place.file,
                "line": finding.place.line,
                "object": finding.object,
                "why": finding.why,
                "remedy": finding.remedy,
            }
            for finding in report.findings
        ],
        "stages": [stage.value for stage in report.done],
        "notRun": [stage.value for stage in report.left],
        "kustomizations": report.kustomizations,
        "objects": report.objects,
        "notFollowed": {
            "kustomizations": report.not_followed.kustomizations,
            "sources": report.not_followed.sources,
            "remoteBases": report.not_followed.remotes,
        },
    }


def github(report: Report) -> str:
    """Workflow commands that annotate the lines of a pull request, then the summary.

    Source: GitHub Actions, "Workflow commands": values escape %, CR and LF, properties : and , too.
    """
    return "\n".join([*(_annotation(finding) for finding in report.findings), summary(report)])


def summary(report: Report) -> str:
    """One line: how much was checked, what was found, and which stages did not run."""
    counts = [(report.count(severity), severity.value) for severity in Severity]
    found = ", ".join(_many(count, name) for count, name in counts if count)
    stages = ", ".join(stage.value for stage in report.done)
    left = f"; not run: {', '.join(stage.value for stage in report.left)}" if report.left else ""
    checked = _looked_at(report) if report.kustomizations else "files"
    return f"{checked}: {found or 'nothing found'} ({stages}{left})"


def _looked_at(report: Report) -> str:
    """How much was looked at, and how much was not."""
    unseen = report.not_followed
    parts = [
        f"{_many(unseen.kustomizations, 'Flux Kustomization')} of {_many(unseen.sources, 'source')}"
        if unseen.kustomizations
        else "",
        _many(unseen.remotes, "remote base") if unseen.remotes else "",
    ]
    not_followed = ", ".join(part for part in parts if part) or "none"
    objects = f"{_many(report.objects, 'object')} of {_many(report.kustomizations, 'Flux Kustomization')}"
    return f"{objects} (not followed: {not_followed})"


def _many(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def _annotation(finding: Finding) -> str:
    file = _property(finding.place.file)
    title = _property(f"{finding.rule} {finding.object}")
    place = f"file={file},line={finding.place.line},title={title}"
    return f"::{_ANNOTATION[finding.severity]} {place}::{_data(f'{finding.why}: {finding.remedy}')}"


def _data(value: str) -> str:
    return clean(value, LINE).replace("%", "%25")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
