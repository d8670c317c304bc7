"""Previews a stack and reports what it would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydantic

from common.console import Grid
from common.errors import CannotRunError
from common.pulumi import runner
from common.text import lines
from delivery import preview_report
from delivery.preview_steps import Digest
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from common.pulumi.runner import Done


@dataclass(frozen=True)
class Preview:
    """A preview that ended: well, or with a failure."""

    project: str
    stack: str
    code: int
    """The exit code: pulumi's, and 1 where pulumi claims success without a preview."""
    digest: Digest
    """Without steps where pulumi printed none."""
    failure: str | None
    commit: str | None = None
    """What was previewed, if that is known."""

    @property
    def markdown(self) -> str:
        """For a comment or a job's summary."""
        return preview_report.render(self.project, self.stack, self.digest, self.failure, self.commit)

    @property
    def document(self) -> dict[str, object]:
        """For machines: what changes, how often, and what failed."""
        return {
            "project": self.project,
            "stack": self.stack,
            "code": self.code,
            "changes": [{"action": step.op, "type": step.type, "name": step.name} for step in self.digest.changed],
            "counts": self.digest.counts,
            "warnings": self.digest.said("warning"),
            "notes": self.digest.notes,
            "failure": self.failure,
        }

    def write(self, path: Path) -> None:
        """Write the Markdown to a file. Raises FleetError: the file cannot be written."""
        try:
            path.write_text(self.markdown, "utf-8")
        except OSError as error:
            raise CannotRunError(f"{path} cannot be written: {error.strerror}") from None

    @property
    def lines(self) -> Iterator[str | Grid]:
        """For a terminal or a job's log: every resource that changes, then the counts."""
        if self.digest.changed:
            rows = [
                (step.op, step.type, step.name, preview_report.why(step) if "replace" in step.op else "")
                for step in self.digest.changed
            ]
            yield Grid(("action", "type", "name", "forced by"), rows)
        yield from (f"warning: {line}" for said in self.digest.said("warning") for line in lines(said))
        yield from (f"{names.NOTE}{line}" for said in self.digest.notes for line in lines(said))
        if self.failure is not None:
            yield from lines(self.failure)
        if self.failure is None or self.digest.counts:
            outcome = "" if self.failure is None else "the preview failed; until then: "
            yield f"{self.project}/{self.stack}: {outcome}{preview_report.counts(self.digest)}"


def run(folder: Path, stack: str, arguments: Sequence[str], tell: Callable[[str], None]) -> Preview:
    """Preview a stack of the project in a folder; `tell` gets what pulumi says meanwhile.

    Raises:
        FleetError: there is no project or no pulumi, or an argument would show secrets.
    """
    if any(argument.startswith("--show-secrets") for argument in arguments):
        raise CannotRunError("--show-secrets would put secrets into the report: use pulumi preview itself")
    project = runner.project_name(folder)
    done = runner.run(folder, "preview", "--json", "--stack", stack, *arguments, tell=tell)
    try:
        digest = Digest.model_validate_json(done.stdout)
    except pydantic.ValidationError:
        return Preview(project, stack, done.code or 1, Digest(), _without_digest(done))
    if done.code == 0:
        return Preview(project, stack, 0, digest, None)
    failure = "\n".join((*digest.said("error"), done.stderr.strip())).strip()
    return Preview(project, stack, done.code, digest, failure or f"pulumi ended with exit code {done.code}")


def _without_digest(done: Done) -> str:
    """What pulumi said in place of a preview. The start of a preview that was cut off has config and outputs in it."""
    said = "\n".join((done.stderr, "" if done.stdout.lstrip().startswith("{") else done.stdout)).strip()
    return "\n".join((f"pulumi ended with exit code {done.code} and printed no preview", said)).strip()
