"""What `fleet versions` says: a table of pins, what is not known, the diff; and its exit code with `--check`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.console import Grid, Line, Sign

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from delivery.stack_file_edits import Document
    from delivery.version_proposal import Proposal, Row

HEAD = ("pin", "version", "since", "proposed", "support")
OUT_OF_SUPPORT, NOT_KNOWN = 1, 2
"""Exit codes of `--check`."""


@dataclass(frozen=True)
class Report:
    """A proposal, and what it makes of the files.

    Attributes:
        proposal: rows, notes, unknown sources.
        documents: the files that change.
        since: path and line → the day of the commit that wrote the line.
        is_written: whether the files have it already.
    """

    proposal: Proposal
    documents: Sequence[Document]
    since: Mapping[tuple[str, int], str]
    is_written: bool

    @property
    def diff(self) -> list[str]:
        """The change as the lines of a unified diff."""
        lines: list[str] = []
        for document in self.documents:
            name, before = f"{document.path}", (document.before or "").splitlines()
            lines += difflib.unified_diff(before, document.after.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
        return lines

    @property
    def shown(self) -> list[object]:
        """For people."""
        rows = self.proposal.rows
        cells = [(each.name, each.version, self._since(each), each.proposed or "", each.support.says) for each in rows]
        shown: list[object] = [Grid(HEAD, cells)]
        proposed = [(f"{row.name} {row.proposed}", row.proposed_support) for row in rows if row.proposed]
        shown += [Line(Sign.NEXT, f"{name}: {support.says}") for name, support in proposed if support]
        for why in dict.fromkeys(self.proposal.unknown.values()):
            pins = [pin for pin, each in self.proposal.unknown.items() if each == why]
            shown.append(Line(Sign.SKIPPED, f"unknown: {', '.join(pins)}: {why}"))
        shown += [Line(None, note) for note in self.proposal.notes]
        shown.append(self._conclusion)
        return [*shown, *self.diff]

    @property
    def _conclusion(self) -> Line:
        count = len(self.documents)
        files = f"{count} file{'' if count == 1 else 's'}"
        if count and self.is_written:
            return Line(Sign.DONE, f"wrote {files}; see the result with `git diff` and `fleet diff`")
        if count:
            return Line(Sign.NEXT, f"nothing is written: `fleet versions --write` changes {files} as follows")
        if self.proposal.unknown:
            return Line(Sign.SKIPPED, "nothing to propose of what is known; what is unknown may have something newer")
        return Line(Sign.DONE, "nothing to propose")

    def _since(self, row: Row) -> str:
        return self.since.get((row.path, row.line), "")

    @property
    def json(self) -> dict[str, object]:
        """For programs."""
        return {
            "pins": [self._row(row) for row in self.proposal.rows],
            "unknown": [{"pin": pin, "why": why} for pin, why in self.proposal.unknown.items()],
            "notes": list(self.proposal.notes),
            "diff": self.diff,
            "written": self.is_written,
        }

    def _row(self, row: Row) -> dict[str, object]:
        proposed = {"version": row.proposed, "support": row.proposed_support.says} if row.proposed_support else None
        return {
            "kind": row.kind,
            "name": row.name,
            "file": row.path,
            "line": row.line,
            "version": row.version,
            "since": self._since(row) or None,
            "supported": row.support.is_supported,
            "support": row.support.says,
            "proposed": proposed,
            "renovate": row.mover or None,
        }

    @property
    def exit_code(self) -> int:
        """With `--check`: 1 where a pin is out of support, 2 where that is not known of one, else 0."""
        found = {row.support.is_supported for row in self.proposal.rows}
        return OUT_OF_SUPPORT if False in found else NOT_KNOWN if None in found else 0
