"""Whether main is applied: the run of `infra-apply` that main's head needs has succeeded.

That run is of the push with main's newest change of the programs. Runs before it are superseded. Runs after it, such as
those of Flux's commits to k8s/, apply nothing: their success says nothing about it.

Sources: GitHub REST reference, "List workflow runs for a workflow" and "List jobs for a workflow run" (a job whose
condition is false has the conclusion `skipped`, and the run of such a job alone ends with `success`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.console import Look
from common.github import of_run, refusals
from delivery import scope

if TYPE_CHECKING:
    from pathlib import Path

    from github.Repository import Repository
    from github.WorkflowRun import WorkflowRun

    from common.console import Progress

WORKFLOW = "infra-apply.yml"
JOB = "apply"
"""Begins the name of each job that applies a stack."""

WAIT = 1800.0
"""Seconds: an update takes up to half an hour."""

PAUSE = 15.0
"""Seconds between two looks: a workflow's token has 1,000 calls an hour (GitHub Docs, rate limits)."""

REMEDIES = {
    401: "GITHUB_TOKEN is not valid: set a new one",
    403: "GITHUB_TOKEN may not read runs: it needs `actions: read`",
    404: f"{WORKFLOW} is not a workflow of the repository, or GITHUB_TOKEN may not read runs (`actions: read`)",
}
"""HTTP status → what it means here."""


@dataclass(frozen=True)
class Verdict:
    """What the runs say of main's head."""

    line: str
    has_passed: bool = False
    has_failed: bool = False
    """Neither: it is not known yet."""


@dataclass(frozen=True)
class Needed:
    """The commits whose run decides.

    Attributes:
        covering: from the newest change of the programs to main's head, oldest first.
        superseded: those before.
    """

    covering: tuple[str, ...]
    superseded: frozenset[str]

    @classmethod
    def of(cls, folder: Path) -> Needed:
        """Read a clone of main. Raises FleetError: it has not the whole history."""
        covering, superseded = scope.since_infra(folder)
        return cls(tuple(covering), frozenset(superseded))


def check(folder: Path, progress: Progress, *, wait: float = WAIT, pause: float = PAUSE) -> str:
    """Wait for the run to end; the line that says that it has succeeded.

    Args:
        folder: a clone of main, at the commit that is to be built.
        progress: shows what is waited for.
        wait: seconds after which a run that has not ended is a failure.
        pause: seconds between two looks.

    Raises:
        FleetError: it has not succeeded, or not in time.
        UnknownError: GitHub does not answer.
    """
    needed = Needed.of(folder)
    seen = Verdict("")

    def look() -> Look:
        nonlocal seen
        with refusals(WORKFLOW, REMEDIES):
            seen = judge(of_run()[1], needed)
        return Look([] if seen.has_passed else [seen.line], seen.line if seen.has_failed else "")

    progress.wait(f"{WORKFLOW} of main", wait, look, pause)
    return seen.line


def judge(repository: Repository, needed: Needed) -> Verdict:
    """What the runs say at this moment. Raises GithubException."""
    commit = needed.covering[0]
    run = _run(repository, needed)
    if run is None:
        return Verdict(f"{WORKFLOW} has no run for {commit[:12]}, main's newest change of the programs")
    if run.status != "completed":
        return Verdict(f"run {run.run_number} of {WORKFLOW} is {run.status}: {run.html_url}")
    if run.conclusion != "success":
        line = (
            f"run {run.run_number} of {WORKFLOW}, which main needs, ended with {run.conclusion}: {run.html_url}. "
            f"Fix the cause, then `gh run rerun {run.id}`; --force skips this check"
        )
        return Verdict(line, has_failed=True)
    if not any(job.name.startswith(JOB) and job.conclusion == "success" for job in run.jobs()):
        line = (
            f"run {run.run_number} of {WORKFLOW} has applied nothing: {run.html_url}. "
            f"Set the variables of docs/day-zero.md, then `gh run rerun {run.id}`; --force skips this check"
        )
        return Verdict(line, has_failed=True)
    since = f"; nothing of the programs changed in the {len(needed.covering) - 1} commits since"
    more = since if needed.covering[1:] else ""
    return Verdict(f"main is applied by run {run.run_number} of {WORKFLOW}: {run.html_url}{more}", has_passed=True)


def _run(repository: Repository, needed: Needed) -> WorkflowRun | None:
    """The newest run of the push that brought the change; a push has the run of its last commit."""
    found: dict[str, WorkflowRun] = {}
    for run in repository.get_workflow(WORKFLOW).get_runs(branch="main", event="push"):
        if run.head_sha in needed.superseded:
            break
        if run.head_sha in needed.covering:
            found.setdefault(run.head_sha, run)
    return next((found[commit] for commit in needed.covering if commit in found), None)
