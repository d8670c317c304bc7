"""One issue a stack while its nightly teardown fails: opened or updated by a failure, closed by the next success.

It says what is left, what that costs, why, and the command that works where it is read: on a machine with credentials
of the account. What it knows comes from the output `report` of the job that failed, since jobs share no files.
Source: GitHub REST API, issues (a body has at most 65,536 characters); GitHub Actions, contexts (`needs.<job>`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydantic

from common import summary
from common.alarm import Alarm
from common.github import run_url
from common.text import LINE, markdown
from teardown.reader import FLEET
from teardown.report import HEAD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from teardown.reader import Reader

SUCCESS, SKIPPED = "success", "skipped"

BODY = 60_000
"""Characters: what is longer is cut before the tables."""


class Told(pydantic.BaseModel):
    """The output `report` of a job: `teardown.report.Report.output`."""

    title: str = ""
    failure: str = ""
    again: str = ""
    """The command of the teardown that takes away what is left."""
    by_hand: list[str] = []
    left: list[list[str]] = []
    left_count: int = 0
    blocking: list[list[str]] = []
    unknown: list[str] = []
    recovered: list[str] = []


@dataclass(frozen=True)
class Night:
    """What the jobs came to."""

    stack: str
    failed: Mapping[str, str]
    """Job → its result, of those that did not end well."""
    ended_well: bool
    """Whether a teardown has run to its end: a run that was skipped, or a watchdog, proves nothing."""


def alarm(stack: str) -> Alarm:
    """The issue of a stack's nights."""
    return Alarm(f"nightly-destroy {stack}", f"Nightly teardown of {stack} failed", "The nightly teardown")


def is_bad(result: str) -> bool:
    """Whether a job failed, was cancelled, or is not known: only success and skipped are well."""
    return result not in (SUCCESS, SKIPPED)


def read(output: str) -> Told | None:
    """Read the output of a job; None if it was killed before it had one, or has written something else."""
    try:
        return Told.model_validate_json(output)
    except pydantic.ValidationError:
        return None


def report(night: Night, told: Told | None, reader: Reader) -> str:
    """Open, update or close the issue; what was done, in one line.

    Raises:
        FleetError: something is not set, GitHub refuses, or issues are off.
        UnknownError: GitHub does not answer.
    """
    if night.failed:
        return alarm(night.stack).sound(body(night, told, reader))
    return alarm(night.stack).clear(has_succeeded=night.ended_well)


def body(night: Night, told: Told | None, reader: Reader) -> str:
    """What the issue says."""
    jobs = ", ".join(f"{job}: {result}" for job, result in night.failed.items())
    head = [*_what(night, told), f"The last run: {run_url()} ({jobs})", ""]
    steps = ["## What to do", "", *_steps(night.stack, told, reader), "", "The next nightly teardown that succeeds"]
    end = [*steps[:-1], f"{steps[-1]} closes this issue."]
    tables = _tables(told) if told else []
    if len("\n".join([*head, *tables, *end])) > BODY:
        tables = ["The list of what is left is too long for an issue: see the run's summary.", ""]
    return "\n".join([*head, *tables, *end])


def _what(night: Night, told: Told | None) -> list[str]:
    """What is left and why, as far as it is known."""
    if told is None:
        was = "cancelled, or timed out" if "cancelled" in night.failed.values() else "stopped"
        return [f"What is left of `{night.stack}` is unknown: the job was {was} before it could report.", ""]
    lines = [markdown(told.title, LINE), ""]
    lines += [f"Cause: {markdown(told.failure, LINE)}", ""] if told.failure else []
    lines += summary.bullets("Unknown:", told.unknown, LINE)
    return lines + summary.bullets("Taken over from a killed run:", told.recovered, LINE)


def _tables(told: Told) -> list[str]:
    lines = summary.table(HEAD, told.left)
    if told.left_count > len(told.left):
        lines += [f"… and {told.left_count - len(told.left)} more: see the run's summary", ""]
    if told.blocking:
        lines += ["Not deleted, and blocks the VPC:", "", *summary.table(HEAD, told.blocking)]
    return lines


def _steps(stack: str, told: Told | None, reader: Reader) -> list[str]:
    """The commands, in their order, and what else helps."""
    again = told.again if told and told.again else f"run --stack {stack} --yes --recover"
    look = f"{FLEET} teardown verify --stack {stack}   # changes nothing"
    block = reader.block([look, f"{FLEET} teardown {again}", *(told.by_hand if told else [])])
    if "--take-lock" in again:
        return [
            "First ask the holder whether that run is under way: `--take-lock` takes the lock in any case.",
            "",
            *block,
            "The workflow `infra-unlock` frees the lock too, once a reviewer agrees. The next teardown does the rest.",
        ]
    return [*block, f"Without credentials of your own: `gh workflow run nightly-destroy.yml -f stack={stack}`"]
