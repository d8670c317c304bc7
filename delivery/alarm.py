"""One issue a stack while a workflow fails for it: what the jobs of a run came to, told or taken back.

The result of a matrix is one for all its stacks, so that of each stack is read from the jobs of the run.
Sources: GitHub Actions, contexts (`needs.<job>.result`); GitHub REST reference, "List jobs for a workflow run".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydantic

from common import summary
from common.alarm import REMEDIES, Alarm
from common.errors import CannotRunError, FleetError
from common.github import of_run, refusals, run_url
from common.text import LINE, markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUCCESS, SKIPPED = "success", "skipped"


class Need(pydantic.BaseModel):
    """What the context `needs` says of a job."""

    result: str


NEEDS = pydantic.TypeAdapter(dict[str, Need])


@dataclass(frozen=True)
class Outcome:
    """What a run came to for one stack.

    Attributes:
        stack: its name; empty where no stack is known.
        failed: job → its result, of those that ended neither well nor skipped.
        has_succeeded: whether the job of the stack did what it is for.
    """

    stack: str
    failed: Mapping[str, str]
    has_succeeded: bool


def report(workflow: str, job: str, stacks: Sequence[str], needs: str) -> list[str]:
    """Open, update or close the issue of each stack; what was done, a line each.

    Args:
        workflow: its name.
        job: the job that does the work for each stack; "<job> <stack>" or "<job>, <stack>" is its name in a run.
        stacks: the stacks of the run.
        needs: the context `needs`, as JSON.

    Raises:
        FleetError: something is not set, GitHub refuses, or issues are off; every stack was tried before.
        UnknownError: GitHub does not answer.
    """
    lines: list[str] = []
    problems: list[str] = []
    for outcome in outcomes(job, stacks, needs):
        try:
            lines.append(_report(workflow, outcome))
        except FleetError as error:
            problems.append(str(error))
    if problems:
        raise FleetError("\n".join([*lines, *problems]))
    return lines


def outcomes(job: str, stacks: Sequence[str], needs: str) -> list[Outcome]:
    """What the run came to for each stack, and, where it says something about all, for the empty one.

    Raises:
        FleetError: the context is none.
        UnknownError: GitHub does not say what became of a stack's job.
    """
    try:
        results = {name: need.result for name, need in NEEDS.validate_json(needs).items()}
    except pydantic.ValidationError:
        raise CannotRunError(f"NEEDS is {needs[:80]!r}: expected the context `needs` of a job, as JSON") from None
    others = {name: result for name, result in results.items() if name != job and result not in (SUCCESS, SKIPPED)}
    if others:
        return [Outcome("", others, has_succeeded=False)]
    everything = Outcome("", {}, has_succeeded=results.get(job) != SKIPPED)  # what comes before the stacks is well
    own = {stack: results.get(job, SKIPPED) for stack in stacks}
    if results.get(job) not in (SUCCESS, SKIPPED):
        own = _of_jobs(job, stacks)
    return [everything, *(_outcome(job, stack, result) for stack, result in own.items())]


def _outcome(job: str, stack: str, result: str) -> Outcome:
    failed = {} if result in (SUCCESS, SKIPPED) else {job: result}
    return Outcome(stack, failed, has_succeeded=result == SUCCESS)


def _of_jobs(job: str, stacks: Sequence[str]) -> dict[str, str]:
    """Stack → the conclusion of its job; one that is not in the run has not succeeded."""
    name, repository = of_run()
    with refusals(name, {**REMEDIES, 403: "GITHUB_TOKEN may not read runs: it needs `actions: read`"}):
        run = repository.get_workflow_run(int(os.environ.get("GITHUB_RUN_ID", "0")))
        ended = {each.name: each.conclusion or "unknown" for each in run.jobs()}
    return {stack: ended.get(f"{job} {stack}") or ended.get(f"{job}, {stack}", "unknown") for stack in stacks}


def _report(workflow: str, outcome: Outcome) -> str:
    of_stack = f" of {outcome.stack}" if outcome.stack else ""
    alarm = Alarm(" ".join(filter(None, (workflow, outcome.stack))), f"{workflow}{of_stack} failed", workflow)
    done = alarm.sound(_body(workflow, outcome)) if outcome.failed else alarm.clear(has_succeeded=outcome.has_succeeded)
    return f"{workflow}{of_stack}: {done}"


def _body(workflow: str, outcome: Outcome) -> str:
    run = os.environ.get("GITHUB_RUN_ID", "")
    jobs = [f"{job}: {result}" for job, result in outcome.failed.items()]
    of_stack = f" of {markdown(outcome.stack, LINE)}" if outcome.stack else ""
    return "\n".join(
        [
            f"`{workflow}`{of_stack} failed: {run_url()}",
            "",
            *summary.bullets("Jobs that failed:", jobs, LINE),
            "## What to do",
            "",
            f"    gh run view {run} --log-failed      # why",
            f"    gh run rerun {run} --failed         # again, once the cause is fixed",
            "",
            f"The next run{of_stack} that succeeds closes this issue.",
        ]
    )
