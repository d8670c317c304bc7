"""The runner of workflows, on small workflows: what GitHub would run is run, and what it does not know is an error."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.workflows import Event, Job, Run, WorkflowError, parse_outputs

if TYPE_CHECKING:
    from pathlib import Path

PAYLOAD: dict[str, Any] = {"repository": {"full_name": "o/r"}}
ENVIRON = {"PATH": os.environ["PATH"]}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    return tmp_path


def run(
    repository: Path, jobs: str, *, on: str = "push:", event: Event | None = None, **options: Any
) -> dict[str, Job]:
    text = f"on:\n  {on}\njobs:\n" + textwrap.indent(textwrap.dedent(jobs), "  ")
    (repository / ".github" / "workflows" / "w.yml").write_text(text)
    return Run("w.yml", event or Event("push", PAYLOAD), repository, ENVIRON, **options).jobs()


def test_a_command_sees_its_environment_and_the_working_copy_and_nothing_else(repository: Path) -> None:
    jobs = run(
        repository,
        """
        a:
          env: {A: "${{ vars.A }}", B: job}
          steps:
            - run: echo "$A $B $C ${D:-unset} $GITHUB_REPOSITORY $PWD" && test -s "$GITHUB_EVENT_PATH"
              env: {B: step, C: "${{ env.A }}!", E: "${{ github.sha }}"}
        """,
        variables={"A": "one"},
    )
    assert jobs["a"].leg.output == f"one step one! unset o/r {repository}\n"


def test_outputs_pass_from_step_to_step_and_from_job_to_job(repository: Path) -> None:
    jobs = run(
        repository,
        r"""
        b:
          needs: a
          if: needs.a.outputs.list != '[]'
          strategy: {matrix: {x: "${{ fromJSON(needs.a.outputs.list) }}", y: ["."], include: [{x: z, y: other}]}}
          concurrency: {group: "g-${{ matrix.x }}"}
          environment: "e-${{ matrix.y }}"
          steps:
            - run: echo "$X" >> "$GITHUB_STEP_SUMMARY"
              env: {X: "${{ matrix.x }} in ${{ matrix.y }}"}
        a:
          outputs: {list: "${{ steps.s.outputs.list }}", text: "${{ steps.s.outputs.text }}"}
          steps:
            - id: s
              run: printf 'list=["1","2"]\ntext<<END\na\nb=c\nEND\n' >> "$GITHUB_OUTPUT"
        """,
    )
    assert jobs["a"].outputs == {"list": '["1","2"]', "text": "a\nb=c"}
    assert [leg.summary for leg in jobs["b"].legs] == ["1 in .\n", "2 in .\n", "z in other\n"]
    assert [leg.group for leg in jobs["b"].legs] == ["g-1", "g-2", "g-z"]
    assert jobs["b"].legs[2].environment == "e-other"


def test_after_a_failure_only_what_asks_for_it_runs(repository: Path) -> None:
    jobs = run(
        repository,
        """
        a:
          steps:
            - run: echo first
            - {id: s, run: "false; echo never"}
            - run: echo skipped
            - {id: t, run: echo skipped, if: "vars.X == ''"}
            - {run: echo failed, if: "!cancelled() && steps.s.outcome == 'failure' && steps.t.outcome == 'skipped'"}
        b: {needs: a, steps: [{run: echo b}]}
        c: {needs: b, if: failure(), steps: [{run: echo c}]}
        d: {needs: b, if: always(), steps: [{run: echo d}]}
        e: {needs: d, steps: [{run: echo e}]}
        """,
    )
    assert jobs["a"].leg.commands == ["echo first", "false; echo never", "echo failed"]
    results = {name: job.result for name, job in jobs.items()}
    assert results == {"a": "failure", "b": "skipped", "c": "success", "d": "success", "e": "skipped"}


def test_a_command_is_replaced_and_noted_as_the_workflow_has_it(repository: Path) -> None:
    jobs = run(repository, "a: {steps: [{run: make test}]}", replace={"make test": "echo replaced; exit 3"})
    (step,) = jobs["a"].leg.steps
    assert (step.command, step.exit_code, step.output) == ("make test", 3, "replaced\n")


def test_an_action_is_noted_and_one_of_the_repository_is_its_steps(repository: Path) -> None:
    (repository / "own").mkdir()
    cache = "{uses: actions/cache@v1, with: {key: '${{ github.ref }}', flag: false, n: 2}}"
    action = f"runs: {{using: composite, steps: [{cache}, {{run: echo own, shell: bash}}]}}"
    (repository / "own" / "action.yml").write_text(action)
    leg = run(repository, "a: {steps: [{uses: ./own}, {run: echo after}]}")["a"].leg
    assert [step.command for step in leg.steps] == ["actions/cache", "echo own", "echo after"]
    assert leg.steps[0].inputs == {"key": "refs/heads/main", "flag": "false", "n": "2"}
    assert leg.commands == ["echo own", "echo after"]


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        ("a: {steps: [{uses: someone/else@v1}]}", "someone/else is none of the actions"),
        ("a: {steps: [{run: 'echo ${{ github.ref }}'}]}", "an expression inside a shell command"),
        ("a: {container: x, steps: []}", "job a: not known here: container"),
        ("a: {steps: [{run: x, continue-on-error: true}]}", "a command of ours that may fail unseen"),
        ("a: {strategy: {max-parallel: 1}, steps: []}", "strategy: not known here: max-parallel"),
        ("a: {strategy: {matrix: {x: text}}, steps: []}", "matrix.x is 'text', expected an array"),
        ("a: {needs: b, steps: []}", "needs that cannot be met"),
    ],
)
def test_what_the_runner_does_not_know_is_an_error(repository: Path, jobs: str, message: str) -> None:
    with pytest.raises(WorkflowError, match=message):
        run(repository, jobs)


@pytest.mark.parametrize(
    ("on", "event", "message"),
    [
        ("pull_request:", Event("push", PAYLOAD), "not started by push"),
        ("push: {branches: [main]}", Event("push", PAYLOAD, ref="refs/heads/x"), "push on x"),
        ("push: {paths: [x]}", Event("push", PAYLOAD), "trigger push: not known here: paths"),
        (
            "workflow_dispatch: {inputs: {s: {required: true}}}",
            Event("workflow_dispatch", {**PAYLOAD, "inputs": {}}),
            "without its input s",
        ),
    ],
)
def test_an_event_that_starts_nothing_is_an_error(repository: Path, on: str, event: Event, message: str) -> None:
    with pytest.raises(WorkflowError, match=message):
        run(repository, "a: {steps: []}", on=on, event=event)


def test_a_pull_request_is_about_the_branch_that_it_would_be_merged_into(repository: Path) -> None:
    event = Event("pull_request", {**PAYLOAD, "pull_request": {"base": {"ref": "main"}}}, ref="refs/pull/1/merge")
    assert (
        run(repository, "a: {steps: []}", on="pull_request: {branches: [main]}", event=event)["a"].result == "success"
    )


@pytest.mark.parametrize("text", ["no value", "a<<END\nb\n"])
def test_outputs_that_github_would_refuse_are_an_error(text: str) -> None:
    with pytest.raises(WorkflowError, match="GITHUB_OUTPUT"):
        parse_outputs(text)
