"""The day on the real account: up, bootstrap, and the night, which comes whatever happens before it."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from common.aws import explain, said
from common.errors import FleetError, UnknownError
from common.pulumi import foreground
from common.pulumi.runner import BACKEND_VARIABLE, Stack
from infra.contract import names
from sandbox.acceptance import child, engine_events
from sandbox.acceptance.engine_events import Run
from sandbox.folder import CODE

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from types import FrameType

    from common.target import Proven
    from sandbox.acceptance.child import Done
    from sandbox.acceptance.plan import Plan
    from tools.build import Say

PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
DEBUG_COMMANDS = "PULUMI_DEBUG_COMMANDS"
"""What makes the engine's CLI take --event-log (pkg/cmd/pulumi of 3.274)."""

NOT_BUILT = "the stack is not built"
SESSION = "fleet-acceptance"


@dataclass(frozen=True)
class Step:
    """A step of the day."""

    name: str
    outcome: str
    """done, failed or skipped."""
    seconds: float = 0.0
    why: str = ""


@dataclass
class Day:
    """What the day came to."""

    roles: set[str] = field(default_factory=set[str])
    """Those that were assumed. Else whoever runs it had permissions of their own, which say nothing of the roles."""
    steps: list[Step] = field(default_factory=list[Step])
    state: str = ""
    """As pulumi exports it; empty where there was none."""
    up: Run = field(default_factory=Run)
    night: tuple[engine_events.Timed, ...] = ()
    texts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """All that the engine and our own commands said, each with the role that it is of."""
    left: tuple[tuple[str, str], ...] | None = None
    """Kind and id of what was left after the night; None: it is not known."""
    unknown: list[str] = field(default_factory=list[str])
    secrets: set[str] = field(default_factory=set[str])
    """Of the sessions that were opened: no report may hold them."""
    signals: list[int] = field(default_factory=list[int])

    @property
    def is_clean(self) -> bool:
        """Whether the night has verified that nothing is left."""
        return self.left == () and not self.unknown


def run(plan: Plan, aws: Proven, arguments: Sequence[str], say: Say) -> Day:
    """Build, bootstrap, and take down. Signals end the build, and the night still comes; a second one ends the night.

    Args:
        plan: what is built.
        aws: proves the account.
        arguments: more, of `fleet teardown run`.
        say: told each step.
    """
    day = Day()

    def tell(line: str) -> None:
        with suppress(OSError):  # the terminal may be gone, and the night still comes
            say(line)

    with _noted(day.signals):
        try:
            with _failing(day, "build"):
                _build(plan, aws, day, tell)
        finally:
            with _failing(day, "night"):
                _night(plan, aws, day, arguments, tell)
    return day


def exists(aws: Proven, plan: Plan) -> bool:
    """Whether the backend has a state of the stack. Raises UnknownError: it does not say."""
    bucket = names.state_bucket(plan.settings.account_id, plan.settings.region)
    with said("s3", "list_objects_v2"):
        key = f".pulumi/stacks/{names.PROJECT}/{plan.stack}.json"
        # A stack that was removed leaves a copy, whose name is longer.
        found = aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", ())
        return any(each["Key"] == key for each in found)


def _build(plan: Plan, aws: Proven, day: Day, say: Say) -> None:
    environment = _environment(plan, aws, day)
    stack = Stack(plan.project, plan.stack, environment)
    stack.init(names.secrets_provider(plan.settings.region))
    say(f"pulumi up, as {names.DEPLOY_ROLE if names.DEPLOY_ROLE in day.roles else 'whoever runs this'}")
    with tempfile.TemporaryDirectory(dir=plan.root) as folder, _step(day, "up") as end:
        log = Path(folder) / "events.jsonl"
        options = ["--yes", "--skip-preview", "--continue-on-error", "--suppress-outputs", "--non-interactive"]
        command = ["pulumi", "up", *options, "--event-log", str(log), "--stack", plan.stack]
        done = child.run(command, {**environment, DEBUG_COMMANDS: "true"}, plan.project, together=True)
        day.signals += done.signals
        day.up = engine_events.parse(log.read_text("utf-8", "replace") if log.exists() else "")
        day.texts += [(names.DEPLOY_ROLE, text) for text in day.up.texts]
        end(done.code, "" if done.code == 0 else "see what was refused, and what is missing")
    day.state = stack.export() or ""
    _preview(plan, aws, day, say)
    _bootstrap(plan, aws, day, say)


def _preview(plan: Plan, aws: Proven, day: Day, say: Say) -> None:
    """What a pull request runs, by the role that it has: nothing is to change right after an update."""
    if day.signals or day.steps[-1].outcome != "done":
        day.steps.append(Step("preview", "skipped", why=NOT_BUILT))
        return
    say("pulumi preview, which must find no changes")
    with _step(day, "preview") as end:
        environment = _environment(plan, aws, day, names.PREVIEW_ROLE)
        command = ["pulumi", "preview", "--expect-no-changes", "--non-interactive", "--stack", plan.stack]
        done = child.run(command, environment, plan.project, together=True)
        day.signals += done.signals
        day.texts.append((names.PREVIEW_ROLE, done.stderr))
        changes = "; ".join(engine_events.changes(done.stderr))
        end(done.code, "" if done.code == 0 else f"right after the update it would change: {changes or 'unknown'}")


def _bootstrap(plan: Plan, aws: Proven, day: Day, say: Say) -> None:
    why = ""
    if not plan.is_bootstrapped:
        why = "no token of GitHub"
    elif day.signals or any(step.name == "up" and step.outcome == "failed" for step in day.steps):
        why = NOT_BUILT
    if why:
        day.steps.append(Step("bootstrap", "skipped", why=why))
        return
    say("fleet bootstrap run")
    with _step(day, "bootstrap") as end:
        given = [f"--cwd={plan.project}", f"--stack={plan.stack}", f"--settings={plan.checkout.bootstrap_file}"]
        done = _fleet("bootstrap", ["run", *given, "--json"], _environment(plan, aws, day), day)
        end(done.code, str(_document(done).get("failure") or ""))


def _night(plan: Plan, aws: Proven, day: Day, arguments: Sequence[str], say: Say) -> None:
    say(f"the night: fleet teardown run --stack {plan.stack}")
    environment = _environment(plan, aws, day)
    with _step(day, "night") as end:
        given = ["run", f"--cwd={plan.project}", f"--stack={plan.stack}", "--yes", "--recover", "--json", *arguments]
        done = _fleet("teardown", given, environment, day)
        document = _document(done)
        day.night = engine_events.deleted(done.stderr)
        day.unknown += document.get("unknown", [])
        if document.get("steps") and any(each["name"] == "verify" for each in document["steps"]):
            rows = [(row["kind"], row["id"]) for row in (*document["left"], *document["blocking"])]
            day.left = tuple(rows or [("in the state alone", each) for each in document["in_state"]])
        end(done.code, str(document.get("failure") or ""))
    if done.code == 0 and day.is_clean:
        # Else the next run would take it for somebody's stack.
        removed = Stack(plan.project, plan.stack, environment).run("stack", "rm", "--yes")
        if removed.code != 0:
            say(f"the empty stack was not removed: {removed.line}. Run: {plan.forget}")


def _fleet(group: str, arguments: Sequence[str], environment: Mapping[str, str], day: Day) -> Done:
    done = child.run([sys.executable, "-m", "fleet", group, *arguments], environment, CODE)
    day.signals += done.signals
    day.texts += [(names.DEPLOY_ROLE, done.stderr), (names.DEPLOY_ROLE, done.stdout)]
    return done


def _document(done: Done) -> dict[str, Any]:
    """What a command gave with --json; nothing where it ended before."""
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {}


def _environment(plan: Plan, aws: Proven, day: Day, role: str = names.DEPLOY_ROLE) -> dict[str, str]:
    """That of this process with the state's backend, and a session of a role where it may be assumed.

    Raises:
        UnknownError: AWS does not say whose credentials these are.
    """
    found = {**os.environ, BACKEND_VARIABLE: plan.backend}
    sts = aws.client("sts")
    with said("sts", "get_caller_identity"):
        caller: str = sts.get_caller_identity()["Arn"]
    if f":assumed-role/{role}/" in caller:
        day.roles.add(role)
        return found
    arn = names.role_arn(plan.settings.account_id, role)
    try:
        given = sts.assume_role(RoleArn=arn, RoleSessionName=SESSION)["Credentials"]
    except ClientError as error:
        name = f"assume {role}"
        if all(step.name != name for step in day.steps):
            day.steps.append(Step(name, "skipped", why=explain(error)))
        return found
    except BotoCoreError as error:
        raise UnknownError(f"sts:AssumeRole: AWS cannot be asked: {error}") from None
    day.roles.add(role)
    session = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    day.secrets |= set(session.values())
    return {key: value for key, value in found.items() if key not in PROFILES} | session


@contextmanager
def _failing(day: Day, name: str) -> Generator[None]:
    """What fails within is a step of the report."""
    try:
        yield
    except FleetError as error:
        day.steps.append(Step(name, "failed", why=str(error)))
        day.texts.append((names.DEPLOY_ROLE, str(error)))


@contextmanager
def _step(day: Day, name: str) -> Generator[Any]:
    """Time a step; the block says how it ended."""
    began, ended = time.monotonic(), ("failed", "")

    def end(code: int, why: str) -> None:
        nonlocal ended
        ended = ("done" if code == 0 else "failed", why)

    try:
        yield end
    except UnknownError as error:
        ended = ("failed", str(error))
        raise
    finally:
        day.steps.append(Step(name, ended[0], time.monotonic() - began, ended[1]))


@contextmanager
def _noted(signals: list[int]) -> Generator[None]:
    """Within, a signal is noted and ends nothing of this process: the night is still to come."""

    def note(number: int, _frame: FrameType | None) -> None:
        signals.append(number)

    handlers = {number: signal.signal(number, note) for number in foreground.SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
