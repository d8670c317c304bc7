"""Runs a workflow as GitHub would: the jobs and steps that its conditions let through, each `run` in a real shell.

An action is not run but noted, and must be one of ACTIONS; one of this repository is its steps. What the runner does
not know of is an error, never passed over. Jobs run one after the other, and nothing cancels them.
"""

from __future__ import annotations

import fnmatch
import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import yaml

from tests.support.expressions import condition, interpolate, to_string

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.support.expressions import Value

Result = Literal["success", "failure", "skipped"]

ACTIONS = frozenset(
    {
        "actions/cache",
        "actions/cache/restore",
        "actions/cache/save",
        "actions/checkout",
        "actions/setup-go",
        "actions/setup-python",
        "actions/upload-artifact",
        "anchore/scan-action",
        "aws-actions/amazon-ecr-login",
        "aws-actions/configure-aws-credentials",
        "docker/build-push-action",
        "docker/setup-buildx-action",
        "docker/setup-qemu-action",
        "fluxcd/flux2/action",
        "pulumi/actions",
    }
)
"""The actions that make a machine ready, which the machine of a test is, or keep what it made."""

INSTALLED: Mapping[str, str] = {
    ".ci/packages": "true",
    "make .venv/.dev": "true",
    "make .venv/.checks": "true",
    "make .venv/.sandbox": "true",
    "make .venv-load-harness/.done": "true",
    "python -m venv .venv": "true",
    ".venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt": "true",
    ".venv/bin/python -m pip install --quiet --disable-pip-version-check "
    "--no-index --no-deps --no-build-isolation -e .": "true",
}
"""To replace the commands that install what the machine of a test has."""

_WORKFLOW_KEYS = {"name", "run-name", "on", "permissions", "concurrency", "jobs"}
_JOB_KEYS = {
    *("name", "needs", "if", "strategy", "runs-on", "timeout-minutes", "permissions", "environment", "concurrency"),
    *("env", "outputs", "steps", "uses", "with"),
}
_STEP_KEYS = {"id", "name", "if", "uses", "with", "run", "env", "shell", "continue-on-error"}

Document = dict[str, Any]
"""A YAML mapping of which only the keys are checked."""


class WorkflowError(Exception):
    """A workflow that this module cannot run, or that GitHub would not start."""


@dataclass(frozen=True)
class Event:
    """What starts a workflow."""

    name: str
    """Such as pull_request."""
    payload: Mapping[str, Any]
    """As GitHub sends it; `repository.full_name` must be there."""
    sha: str = "0" * 40
    ref: str = "refs/heads/main"

    @property
    def context(self) -> dict[str, Value]:
        """The context `github`."""
        return {
            "event_name": self.name,
            "event": cast("Value", json.loads(json.dumps(self.payload), parse_int=float)),
            "repository": self.payload["repository"]["full_name"],
            "sha": self.sha,
            "ref": self.ref,
            "run_attempt": "1",
            "run_id": "101",
            "ref_name": self.ref.split("/", 2)[-1],
            "token": "a-token",
        }

    @property
    def branch(self) -> str:
        """The branch that a trigger's filter is about: of a pull request the one that it would be merged into."""
        pull_request = self.payload.get("pull_request")
        return pull_request["base"]["ref"] if pull_request else self.ref.removeprefix("refs/heads/")


@dataclass(frozen=True)
class Step:
    """A step that was let through."""

    command: str
    """As the workflow has it; of an action its name without the version."""
    exit_code: int
    output: str
    """What it printed to both streams."""
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of an action: its `with`."""


@dataclass(frozen=True)
class Leg:
    """One run of a job: one combination of its matrix."""

    matrix: Mapping[str, Value]
    result: Result
    steps: tuple[Step, ...]
    outputs: Mapping[str, str]
    summary: str
    group: str
    """Its concurrency group; empty without one."""
    environment: str
    """Its GitHub environment; empty without one."""
    called: Mapping[str, Job] = field(default_factory=dict[str, "Job"])
    """The jobs of the workflow that it calls."""

    @property
    def commands(self) -> list[str]:
        """The commands that were run, actions aside, in order."""
        return [step.command for step in self.steps if step.command not in ACTIONS]

    @property
    def output(self) -> str:
        """All that its steps printed."""
        return "".join(step.output for step in self.steps)


@dataclass(frozen=True)
class Job:
    """A job, with a leg for each combination of its matrix; skipped, it has none."""

    result: Result
    outputs: Mapping[str, str]
    legs: tuple[Leg, ...]

    @property
    def leg(self) -> Leg:
        """The leg of a job that has one."""
        (leg,) = self.legs
        return leg


def load(path: Path) -> Document:
    """A workflow or an action. YAML takes its key `on` for true: here it is `on`."""
    document = cast("Document", yaml.safe_load(path.read_text("utf-8")))
    return {"on" if key is cast("str", True) else key: value for key, value in document.items()}


@dataclass(frozen=True)
class Run:
    """A workflow and all that its outcome depends on."""

    workflow: str
    """Its file's name in .github/workflows."""
    event: Event
    repository: Path
    """The working copy, in which each command runs."""
    environ: Mapping[str, str]
    """The whole environment of each command, before what GitHub and the workflow add."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of the GitHub repository."""
    replace: Mapping[str, str] = field(default_factory=dict[str, str])
    """Command of the workflow -> the one to run instead."""

    def jobs(self) -> dict[str, Job]:
        """Run all; gives the jobs by their id.

        Raises:
            WorkflowError: the event starts no run, or the workflow has a key, an action or a filter not known here.
            ExpressionError: so has an expression.
        """
        document = load(self.repository / ".github" / "workflows" / self.workflow)
        self._check_trigger(document["on"])
        return self._all(document, cast("Value", self.event.payload.get("inputs", {})))

    def _all(self, document: Document, inputs: Value) -> dict[str, Job]:
        """Run the jobs of a workflow, which another one may have called."""
        _known(document, _WORKFLOW_KEYS, self.workflow)
        done: dict[str, Job] = {}
        jobs = cast("dict[str, Document]", document["jobs"])
        while len(done) < len(jobs):
            ready = [name for name in jobs if name not in done and set(_needs(jobs[name])) <= done.keys()]
            if not ready:
                raise WorkflowError(f"{self.workflow}: needs that cannot be met of {jobs.keys() - done.keys()}")
            for name in ready:
                _known(jobs[name], _JOB_KEYS, f"job {name}")
                done[name] = self._job(jobs, name, done, inputs)
        return done

    def _check_trigger(self, triggers: Mapping[str, Any]) -> None:
        if self.event.name not in triggers:
            raise WorkflowError(f"{self.workflow} is not started by {self.event.name}")
        if self.event.name == "schedule":
            if {"cron": self.event.payload["schedule"]} not in triggers["schedule"]:
                raise WorkflowError(f"{self.workflow} is not started at {self.event.payload['schedule']}")
            return
        trigger = cast("Document", triggers[self.event.name] or {})
        _known(trigger, {"branches", "inputs", "tags"}, f"trigger {self.event.name}")
        if "branches" in trigger and self.event.branch not in trigger["branches"]:
            raise WorkflowError(f"{self.workflow} is not started by {self.event.name} on {self.event.branch}")
        tag = self.event.ref.removeprefix("refs/tags/")
        if "tags" in trigger and not any(fnmatch.fnmatchcase(tag, pattern) for pattern in trigger["tags"]):
            raise WorkflowError(f"{self.workflow} is not started by {self.event.name} of {self.event.ref}")
        for name, definition in trigger.get("inputs", {}).items():
            if definition.get("required") and not self.event.payload.get("inputs", {}).get(name):
                raise WorkflowError(f"{self.workflow} is not started without its input {name}")

    def _job(self, jobs: Mapping[str, Document], name: str, done: Mapping[str, Job], inputs: Value) -> Job:
        job = jobs[name]
        before = [done[needed].result for needed in _ancestors(jobs, name)]
        contexts = self._contexts(job, done, inputs)
        functions = {
            "always": lambda: True,
            "cancelled": lambda: False,
            "success": lambda: all(result == "success" for result in before),
            "failure": lambda: "failure" in before,
        }
        if not condition(job.get("if"), contexts, functions):
            return Job("skipped", {}, ())
        leg = self._call if "uses" in job else self._leg
        legs = tuple(leg(job, contexts, matrix) for matrix in _combinations(job, contexts))
        result: Result = "failure" if any(leg.result == "failure" for leg in legs) else "success"
        return Job(result, {key: value for leg in legs for key, value in leg.outputs.items()}, legs)

    def _contexts(self, job: Document, done: Mapping[str, Job], inputs: Value) -> dict[str, Value]:
        return {
            "github": self.event.context,
            "vars": dict(self.variables),
            "secrets": {"FLUX_GITHUB_TOKEN": "a secret"},
            "inputs": inputs,
            "needs": {
                needed: {"result": done[needed].result, "outputs": dict(done[needed].outputs)} for needed in _needs(job)
            },
            "runner": {"os": "Linux"},
        }

    def _call(self, job: Document, contexts: Mapping[str, Value], matrix: Mapping[str, Value]) -> Leg:
        """Run the workflow that a job calls; its result is the job's."""
        document = load(self.repository / job["uses"])
        _known(document["on"], {"workflow_call"}, job["uses"])
        known = document["on"]["workflow_call"]["inputs"]
        ours = {**contexts, "matrix": matrix}
        given = {
            name: interpolate(value, ours) if isinstance(value, str) else value for name, value in job["with"].items()
        }
        _known(given, set(known), job["uses"])
        for name, definition in known.items():
            kind = {"string": str, "boolean": bool}[definition["type"]]
            if not isinstance(given.get(name), kind) or given[name] == "":
                raise WorkflowError(
                    f"{job['uses']}: its input {name} is {given.get(name)!r}, not a {definition['type']}"
                )
        if not _rights(document["jobs"].values()) <= set(job["permissions"].items()):
            raise WorkflowError(f"{job['uses']}: its jobs ask for more than {job['permissions']}")
        jobs = self._all(document, given)
        result: Result = "failure" if any(each.result == "failure" for each in jobs.values()) else "success"
        return Leg(matrix, result, (), {}, "", "", "", jobs)

    def _leg(self, job: Document, contexts: Mapping[str, Value], matrix: Mapping[str, Value]) -> Leg:
        ours = {**contexts, "matrix": matrix}
        env = _texts(job.get("env", {}), ours)
        group = cast("Document", job.get("concurrency", {})).get("group", "")
        with tempfile.TemporaryDirectory() as folder:
            machine = _Machine(self, Path(folder), env, {**ours, "env": cast("Value", env)})
            for step in job["steps"]:
                machine.step(step)
            outputs = _texts(job.get("outputs", {}), {**ours, "steps": machine.outcomes})
        return Leg(
            matrix=matrix,
            result="failure" if machine.failed else "success",
            steps=tuple(machine.steps),
            outputs=outputs,
            summary=machine.summary,
            group=_text(group, ours),
            environment=_text(job.get("environment", ""), ours),
        )


class _Machine:
    """The machine of one leg, which its steps change one after the other."""

    def __init__(self, run: Run, folder: Path, env: Mapping[str, str], contexts: Mapping[str, Value]) -> None:
        self.failed = False
        self.steps: list[Step] = []
        self.outcomes: dict[str, Value] = {}
        """The context `steps`."""
        self.summary = ""
        self._run = run
        self._folder = folder
        self._env = env
        self._contexts = contexts

    def step(self, step: Document) -> None:
        _known(step, _STEP_KEYS, "step")
        contexts = {**self._contexts, "steps": self.outcomes}
        functions = {
            "always": lambda: True,
            "cancelled": lambda: False,
            "success": lambda: not self.failed,
            "failure": lambda: self.failed,
        }
        if "continue-on-error" in step and "uses" not in step:
            raise WorkflowError("a command of ours that may fail unseen")
        outcome: Result = "skipped"
        outputs: dict[str, str] = {}
        if condition(step.get("if"), contexts, functions):
            if "uses" in step:
                self._use(step, contexts)
            else:
                outputs = self._shell(step, contexts)
            outcome = "failure" if self.steps and self.steps[-1].exit_code else "success"
        if "id" in step:
            self.outcomes[step["id"]] = {"outcome": outcome, "conclusion": outcome, "outputs": cast("Value", outputs)}

    def _use(self, step: Document, contexts: Mapping[str, Value]) -> None:
        action, _, _version = step["uses"].partition("@")
        if action.startswith("./"):
            document = load(self._run.repository / action / "action.yml")
            given = _inputs(action, document.get("inputs", {}), _texts(step.get("with", {}), contexts))
            outside, self._contexts = self._contexts, {**self._contexts, "inputs": given}
            for inner in document["runs"]["steps"]:
                self.step(inner)
            self._contexts = outside
            return
        if action not in ACTIONS:
            raise WorkflowError(f"{action} is none of the actions that make a machine ready")
        self.steps.append(Step(action, 0, "", _texts(step.get("with", {}), contexts)))

    def _shell(self, step: Document, contexts: Mapping[str, Value]) -> dict[str, str]:
        command = step["run"].strip()
        if "${{" in command:
            raise WorkflowError(f"an expression inside a shell command: {command}")
        files = {name: self._folder / f"{len(self.steps)}.{name}" for name in ("output", "summary")}
        for path in files.values():
            path.touch()
        event_file = self._folder / "event.json"
        event_file.write_text(json.dumps(self._run.event.payload))
        event = self._run.event
        github = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(event_file),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_REF": event.ref,
            "GITHUB_REPOSITORY": event.payload["repository"]["full_name"],
            "GITHUB_RUN_ID": "101",
            "GITHUB_SHA": event.sha,
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "GITHUB_WORKSPACE": str(self._run.repository),
        }
        done = subprocess.run(
            ["bash", "-e", "-c", self._run.replace.get(command, command)],
            cwd=self._run.repository,
            env={**self._run.environ, **github, **self._env, **_texts(step.get("env", {}), contexts)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.steps.append(Step(command, done.returncode, done.stdout))
        self.summary += files["summary"].read_text("utf-8")
        self.failed = self.failed or done.returncode != 0
        return parse_outputs(files["output"].read_text("utf-8"))


def parse_outputs(text: str) -> dict[str, str]:
    """What a step wrote into the file GITHUB_OUTPUT: name=value, or name<<MARK, lines and MARK.

    Raises:
        WorkflowError: a line that GitHub would refuse.
    """
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, separator, rest = line.partition("=")
        if "<<" in name:
            name, _, mark = line.partition("<<")
            found[name] = "\n".join(_until(mark, lines))
        elif separator:
            found[name] = rest
        elif line:
            raise WorkflowError(f"GITHUB_OUTPUT has a line that is not name=value: {line}")
    return found


def _inputs(action: str, known: Mapping[str, Document], given: Mapping[str, str]) -> dict[str, Value]:
    """What an action of ours is given, with its defaults."""
    _known(given, set(known), action)
    missing = [name for name, each in known.items() if each.get("required") and not given.get(name)]
    if missing:
        raise WorkflowError(f"{action}: not given: {', '.join(missing)}")
    return {name: given.get(name, each.get("default", "")) for name, each in known.items()}


def _until(mark: str, lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == mark:
            return
        yield line
    raise WorkflowError(f"GITHUB_OUTPUT ends before {mark}")


def _known(document: Mapping[str, Any], keys: set[str], where: str) -> None:
    unknown = document.keys() - keys
    if unknown:
        raise WorkflowError(f"{where}: not known here: {', '.join(sorted(unknown))}")


def _rights(jobs: Iterable[Document]) -> set[tuple[str, str]]:
    """All that jobs ask for: a called workflow that asks for more than its caller has is not started."""
    return {right for job in jobs for right in job.get("permissions", {}).items()}


def _needs(job: Document) -> list[str]:
    needs: str | list[str] = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def _ancestors(jobs: Mapping[str, Document], name: str) -> set[str]:
    """All that a job needs, and what those need: success() asks for every one."""
    direct = _needs(jobs[name])
    return {*direct, *(further for needed in direct for further in _ancestors(jobs, needed))}


def _combinations(job: Document, contexts: Mapping[str, Value]) -> list[dict[str, Value]]:
    """The matrix of a job: each with each, then what `include` adds to those it agrees with, or as one more."""
    strategy = cast("Document", job.get("strategy", {}))
    _known(strategy, {"fail-fast", "matrix"}, "strategy")
    matrix: dict[str, list[Value]] = {}
    for name, values in cast("Document", strategy.get("matrix", {})).items():
        value = interpolate(values, contexts) if isinstance(values, str) else values
        if not isinstance(value, list):
            raise WorkflowError(f"matrix.{name} is {value!r}, expected an array")
        matrix[name] = cast("list[Value]", value)
    include = cast("list[dict[str, Value]]", matrix.pop("include", []))
    if include and not matrix:
        raise WorkflowError("a matrix of `include` alone is not known here")
    combinations: list[dict[str, Value]] = [{}]
    for name, elements in matrix.items():
        combinations = [{**made, name: element} for made in combinations for element in elements]
    for extra in include:
        agreeing = [made for made in combinations if all(made.get(key, value) == value for key, value in extra.items())]
        for made in agreeing:
            made.update(extra)
        if not agreeing:
            combinations.append(dict(extra))
    return combinations


def _text(value: object, contexts: Mapping[str, Value]) -> str:
    if isinstance(value, str):
        return to_string(interpolate(value, contexts))
    return to_string(float(value) if isinstance(value, int) and not isinstance(value, bool) else cast("Value", value))


def _texts(values: Mapping[str, object], contexts: Mapping[str, Value]) -> dict[str, str]:
    return {name: _text(value, contexts) for name, value in values.items()}
