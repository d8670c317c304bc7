"""The commands of a pull request, a merge and a rebuild: each a thin wrapper."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.prompt import Confirm, Prompt

from common import summary
from common.console import Console, Line, Progress, Sign, give, give_json, tell
from common.errors import CannotRunError, FleetError
from common.pulumi import runner
from common.pulumi.locks import locks_of
from common.text import LINE, markdown
from delivery import (
    alarm,
    comment,
    configure,
    gate,
    markdown_parts,
    preview,
    report,
    report_lines,
    report_markdown,
    scope,
    stack_cost,
    stack_list,
    state,
    support,
    up_time,
)
from delivery.account_facts import AccountFacts
from fleet.options import HERE, STACK, Cwd, Json, Stack
from infra.config import file_name
from infra.settings import parse_file
from infra.stack_file import config_of

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()


@app.command("scope")
def say_scope(
    base: Annotated[str, typer.Option("--base", help="The commit to compare with.")],
    head: Annotated[str, typer.Option("--head", help="The commit with the change.")] = "HEAD",
    cwd: Cwd = HERE,
    *,
    as_json: Json = False,
) -> None:
    """Report which parts of the repository a change touches."""
    found, stacks = scope.find(cwd, base, head), scope.stacks(cwd)
    if as_json:
        touched = {"infra": found.infra, "permanent": found.permanent, "manifests": found.manifests}
        give_json({**touched, "stacks": stacks, "reason": found.reason})
    for part, touched in (("infra", found.infra), ("permanent", found.permanent), ("manifests", found.manifests)):
        tell(f"{part}: {'touched' if touched else 'untouched'}", beside_json=as_json)
    for line in (f"stacks: {', '.join(stacks)}", found.reason):
        tell(line, beside_json=as_json)
    summary.outputs(
        infra=_flag(found.infra),
        permanent=_flag(found.permanent),
        manifests=_flag(found.manifests),
        stacks=json.dumps(stacks),
    )


@app.command("stacks")
def list_stacks(
    cwd: Cwd = HERE,
    only: Annotated[str, typer.Option("--only", help="These alone, with commas between.")] = "",
    *,
    nightly: Annotated[bool, typer.Option("--nightly", help="Leave out stacks without a nightly teardown.")] = False,
) -> None:
    """List the stacks, for the matrix of a scheduled workflow."""
    chosen = stack_list.choose(cwd, only=only, nightly=nightly)
    _tell([f"stacks: {', '.join(chosen.names) or 'none'}", *chosen.notices], beside_json=False)
    summary.outputs(stacks=json.dumps(chosen.names))


@app.command("support")
def check_support(
    cwd: Cwd = HERE,
    *,
    issue: Annotated[
        bool, typer.Option("--issue", help="Open, update or close one issue about it, with the token in GITHUB_TOKEN.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fail when the Kubernetes version of a stack has few days of standard support left."""
    notices = support.notices(cwd, datetime.now(UTC).date())
    if as_json:
        give_json({"notices": list(notices)})
    for line in notices or [f"no Kubernetes version of a stack leaves support within {support.FAIL_DAYS} days"]:
        tell(Line(Sign.of(not notices), line), beside_json=as_json)
    if issue:
        tell(Line(Sign.DONE, support.report(notices)), beside_json=as_json)
    raise typer.Exit(1 if notices else 0)


@app.command("state")
def say_state(
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    when_down: Annotated[
        state.Operation,
        typer.Option("--when-down", envvar="WHEN_DOWN", help="What a merge does to a stack that is down."),
    ] = state.Operation.PREVIEW,
    *,
    as_json: Json = False,
) -> None:
    """Report whether a stack is up, down or unknown, and what a merge would do. Exits 1 if a merge would do nothing."""
    verdict = state.find(cwd, stack, when_down)
    summary.outputs(state=verdict.state, operation=verdict.operation or "none")
    summary.write(markdown(verdict.line, LINE))
    if as_json:
        give_json(verdict.json)
    if verdict.operation is None:
        raise FleetError(verdict.line)
    if not as_json:
        give(verdict.line)


@app.command("gate")
def check_gate(
    cwd: Cwd = HERE,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a run that has not ended.")] = gate.WAIT,
    *,
    force: Annotated[bool, typer.Option("--force", envvar="FORCE", help="Continue whatever the runs say.")] = False,
) -> None:
    """Check that main is applied: that the run of infra-apply which main's head needs has succeeded."""
    if force:
        _tell(["main is not checked: --force"], beside_json=False)
        return
    _tell([gate.check(cwd, Progress(console), wait=wait)], beside_json=False)


@app.command("preview")
def show_preview(
    more: Annotated[
        list[str] | None, typer.Argument(help="What goes to pulumi, after --.", metavar="[-- ARGS...]")
    ] = None,
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    report_file: Annotated[Path | None, typer.Option("--report", help="Where the Markdown report goes.")] = None,
    commit: Annotated[
        str | None, typer.Option("--commit", envvar="COMMIT", help="What is previewed, for the report's head.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Preview a stack and report what an update would do. The exit code is pulumi's."""
    console.print(f"previewing {stack}")
    done = preview.run(cwd, stack, more or (), lambda line: console.print(line))
    up, today = up_time.of(done.project, stack, cwd), datetime.now(UTC).date()
    found = report.of(report.Kind.PREVIEW, done, up, today, subject=commit or "")
    if as_json:
        give_json(found.document)
    for line in report_lines.of(found):
        tell(line, beside_json=as_json)
    markdown_text = report_markdown.render(found)
    if report_file:
        markdown_parts.write(report_file, markdown_text)
    summary.write(markdown_text)
    raise typer.Exit(done.code)


@app.command("cost")
def show_cost(stack: Stack = STACK, cwd: Cwd = HERE, *, as_json: Json = False) -> None:
    """Report what a stack costs by its file alone, an hour and a month. A price that is not known is said, not zero."""
    settings = parse_file(config_of(cwd / file_name(stack)), stack)
    costs = stack_cost.of(settings, datetime.now(UTC).date())
    money = report.Money(costs, costs, up_time.of_settings(settings))
    if as_json:
        give_json({"stack": stack, "region": settings.region, **money.document})
    for line in report_lines.of_stack(stack, settings.region, money):
        tell(line, beside_json=as_json)


@app.command("comment")
def post_comment(
    report_files: Annotated[
        list[Path], typer.Argument(help="What `preview --report` or `diff --reports` wrote.", metavar="REPORT...")
    ],
    repository: Annotated[
        str | None, typer.Option("--repository", help="<owner>/<name>, as GITHUB_REPOSITORY has it.")
    ] = None,
    number: Annotated[int | None, typer.Option("--number", help="The pull request, by default the event's.")] = None,
) -> None:
    """Post reports to their pull request, with the token in GITHUB_TOKEN. Each has one comment, which is rewritten."""
    for report_file in report_files:
        give(comment.post(report_file, repository, number))


@app.command("alarm")
def sound_alarm(
    workflow: Annotated[str, typer.Option("--workflow", help="The name of the workflow.")],
    job: Annotated[str, typer.Option("--job", help="The job that does the work for each stack.")],
    stacks: Annotated[str, typer.Option("--stacks", help="The stacks of the run, a JSON array.")],
    needs: Annotated[str, typer.Option("--needs", envvar="NEEDS", help="The context `needs`, as JSON.")],
) -> None:
    """Open or update one issue a stack when a workflow fails; close it after a run that succeeds."""
    give(*alarm.report(workflow, job, _array(stacks), needs))


@app.command("lock")
def show_lock(
    stack: Stack = STACK,
    cwd: Cwd = HERE,
    *,
    free: Annotated[
        bool,
        typer.Option("--free", help="Release the lock. This does not stop the run that holds it: cancel that first."),
    ] = False,
    expect: Annotated[
        str | None, typer.Option("--expect", help="With --free: who holds it, as the step's output `holder` had it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show who holds a stack's lock, since when; and free it when told to."""
    held = runner.Stack(cwd, stack)
    locks = locks_of(held)
    holder = " and ".join(lock.holder for lock in locks)
    if free and expect is not None and holder not in ("", expect):
        raise FleetError(f"{stack} is locked by {holder}, and what was to be freed is the lock of {expect}: look again")
    now = datetime.now(UTC)
    lines = [f"{stack} is locked by {lock.holder}, for {lock.age(now)}" for lock in locks] or [f"{stack} is not locked"]
    if as_json:
        give_json([{"holder": lock.holder, "age": lock.age(now)} for lock in locks])
    _tell(lines, beside_json=as_json)
    summary.outputs(locked=_flag(bool(locks)), holder=holder)
    if locks and free:
        held.free()
        _tell([f"{stack} is free: its lock was removed"], beside_json=as_json)


def _array(text: str) -> list[str]:
    try:
        found: object = json.loads(text or "[]")
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, list):
        raise CannotRunError(f"--stacks is {text!r}: expected a JSON array of names")
    return [str(each) for each in cast("list[object]", found)]


def _flag(value: object) -> str:
    return "true" if value else "false"


def _tell(lines: list[str], *, beside_json: bool) -> None:
    for line in lines:
        tell(line, beside_json=beside_json)
        summary.write(markdown(line, LINE) + "\n")


@app.command("configure")
def write_files(
    stack: Stack = STACK,
    account_id: Annotated[str | None, typer.Option(help="The AWS account, 12 digits.")] = None,
    region: Annotated[str | None, typer.Option(help="The AWS region.")] = None,
    github_repository: Annotated[str | None, typer.Option(help="<owner>/<repository>.")] = None,
    github_subject: Annotated[
        str | None,
        typer.Option(help="sub_claim_prefix of GitHub's API: repo:<owner>@<id>/<repository>@<id> where it is new."),
    ] = None,
    cluster_admin: Annotated[str | None, typer.Option(help="A role of the account, by name or ARN.")] = None,
    alarm_email: Annotated[str | None, typer.Option(help="E-mail address for AWS budget alerts.")] = None,
    cluster_name: Annotated[str | None, typer.Option(help="The EKS cluster.", show_default="the stack's name")] = None,
    vpc_cidr: Annotated[str | None, typer.Option(help="The VPC's addresses.", show_default="10.0.0.0/16")] = None,
    zones: Annotated[
        str | None, typer.Option(help="Availability zones, such as us-east-1a,us-east-1c.", show_default="a and b")
    ] = None,
    cwd: Cwd = HERE,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Change existing files without asking.")] = False,
) -> None:
    """Write the settings of a stack, of the account, of the bootstrap. Prompts for what no option says."""
    terminal = sys.stdin.isatty()
    answers = configure.Answers(
        account_id=account_id,
        region=region,
        github_repository=github_repository,
        cluster_admin=cluster_admin,
        alarm_email=alarm_email,
        github_subject=github_subject,
        cluster_name=cluster_name,
        vpc_cidr=vpc_cidr,
        zones=zones,
    )
    confirm = (lambda: True) if yes else _confirm if terminal else None
    ask = _ask if terminal else None
    configure.run(cwd, stack, answers, ask=ask, confirm=confirm, say=give, facts=AccountFacts())


def _ask(question: str, default: str | None) -> str:
    return Prompt.ask(question, default=default) or ""


def _confirm() -> bool:
    return Confirm.ask("Write this?", default=False)
