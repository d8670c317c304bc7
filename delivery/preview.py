"""Previews a stack, and takes in what pulumi says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydantic

from common.errors import CannotRunError
from common.pulumi import runner
from delivery.preview_steps import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
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


def run(
    folder: Path,
    stack: str,
    arguments: Sequence[str],
    tell: Callable[[str], None],
    *,
    environment: Mapping[str, str] | None = None,
) -> Preview:
    """Preview a stack of the project in a folder; `tell` gets what pulumi says meanwhile.

    Args:
        folder: of the project.
        stack: the stack's name.
        arguments: what else goes to pulumi.
        tell: gets each line of stderr as it comes.
        environment: instead of this process' own, whole.

    Raises:
        FleetError: there is no project or no pulumi, or an argument would show secrets.
    """
    if any(argument.startswith("--show-secrets") for argument in arguments):
        raise CannotRunError("--show-secrets would put secrets into the report: use pulumi preview itself")
    project = runner.project_name(folder)
    # With what stays the same: what hangs on a resource, and what a stack costs, is in it.
    command = ("preview", "--json", "--show-sames", "--stack", stack, *arguments)
    done = runner.run(folder, *command, tell=tell, environment=environment)
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
