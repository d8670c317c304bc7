"""`fleet sandbox rehearse`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common.console import Console, Line, Sign, give_json, tell
from common.errors import INTERRUPTED, CannotRunError
from fleet.options import HERE, STACK, Cwd, Json, Stack
from sandbox.checkout import Checkout
from sandbox.day import choice, faults, first_run, guard, marks, outcome
from sandbox.day.home import NAME, Home, Memory
from sandbox.day.run import Run
from sandbox.day.step import Outcome
from sandbox.day.steps import DAY, steps
from sandbox.day.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.day.faults import Fault
    from sandbox.day.step import Step

console = Console()

NAMES = ", ".join(step.name for step in DAY)

HELP = f"""Run a whole day of the platform on this machine, and say what it proves.

Without AWS and without credentials: from an empty embedded account to an empty account. Begin with --no-cluster: it \
leaves out Kubernetes, and needs no tool but Pulumi. The first run with the cluster builds Kubernetes and Flux.

The steps: {NAMES}.

It works in a folder of its own. Your own sandbox account stays as it is. Exits 0 only if every step held.
"""


def rehearse(
    cwd: Cwd = HERE,
    stack: Stack = STACK,
    no_cluster: Annotated[
        bool, typer.Option("--no-cluster", help="Leave out Kubernetes, Flux and Git: one minute, not four.")
    ] = False,
    only: Annotated[
        str, typer.Option("--only", metavar="STEP[,STEP...]", help="Run these steps, and the steps that they need.")
    ] = "",
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="STEP",
            help="Begin at this step. What it needs runs first, unless a rehearsal that was kept has it.",
        ),
    ] = "",
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Leave the platform standing: no last night, and a step that fails is not cleared away."
        ),
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Inject random faults that the day must survive; the same seed repeats them."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="The folder of the rehearsal.", show_default=f"{NAME} in the checkout"),
    ] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Also write the table as SVG to this file.")] = None,
    *,
    as_json: Json = False,
    forget: Annotated[bool, typer.Option("--forget", help="End the platform that --keep has left, and exit.")] = False,
) -> None:
    """Run the day, as HELP says."""
    home = Home((folder or Path(cwd) / NAME).resolve())
    if picture and not picture.parent.is_dir():
        raise CannotRunError(f"--picture {picture}: there is no folder {picture.parent}")
    with home.held(_say) as lock, guard.guarded(home.root, lock), marks.marked(home.root):
        if forget:
            _say(f"{'ended what' if home.empty() else 'nothing'} was kept")
            return
        asked = _Asked(Checkout(cwd), stack, not no_cluster, _names_in(only), start, keep, seed)
        run = _prepared(home, asked)
        done = run.run()
    _report(done, as_json=as_json)
    if not keep:
        _say("everything that it started has ended")
    for line in _next(done, home, asked.again(folder), keep=keep):
        console.print(line)
    if picture:
        outcome.draw(done, picture)
        _say(f"the table is drawn in {picture}")
    if isinstance(run.interruption, SystemExit):
        raise run.interruption
    raise typer.Exit(INTERRUPTED if run.interruption else 0 if done.is_good else 1)


@dataclass(frozen=True)
class _Asked:
    """What a person asked for."""

    checkout: Checkout
    stack: str
    has_cluster: bool
    only: Sequence[str]
    start: str
    keep: bool
    seed: int | None

    def again(self, folder: Path | None) -> str:
        """The command of such a rehearsal, whatever its steps."""
        options = [
            *([] if self.stack == STACK else [f"--stack {self.stack}"]),
            *([] if self.has_cluster else ["--no-cluster"]),
            *([] if self.seed is None else [f"--seed {self.seed}"]),
            *([f"--folder {folder}"] if folder else []),
        ]
        return " ".join(["fleet sandbox rehearse", *options])


def _prepared(home: Home, asked: _Asked) -> Run:
    """Choose the steps and the faults, say so, and build what they need.

    Raises:
        FleetError: there is no such step, or a tool cannot be built.
    """
    memory = home.read()
    is_other = memory.has_cluster != asked.has_cluster
    is_fresh = not (asked.only or asked.start) or not memory.account or is_other
    if is_fresh:
        memory = Memory(has_cluster=asked.has_cluster)
    day = steps(has_cluster=asked.has_cluster)
    chosen = choice.choose(day, DAY, only=asked.only, start=asked.start, there=memory.there, keep=asked.keep)
    if is_fresh and home.empty():
        _say("what an earlier rehearsal left was ended")
    memory.seed = asked.seed
    given = [] if asked.seed is None else [each for each in faults.of_seed(asked.seed) if each.step in _names(chosen)]
    _announce(chosen, given, asked.seed)
    tools = first_run.missing(home.sandbox, has_cluster=asked.has_cluster)
    for line in first_run.lines(tools, has_cluster=asked.has_cluster):
        _say(line)
    first_run.prepare(tools, _say)
    view = View(console, len(chosen))
    return Run(home, asked.checkout, asked.stack, chosen, memory, view, asked.keep, given)


def _report(done: outcome.Day, *, as_json: bool) -> None:
    """Print the result."""
    if as_json:
        give_json(done.document)
    tell(outcome.table(done), beside_json=as_json)
    tell(done.verdict, beside_json=as_json)


def _announce(chosen: Sequence[Step], given: Sequence[Fault], seed: int | None) -> None:
    """Say what will run, and what will fail on the way."""
    _say(f"{len(chosen)} steps: {', '.join(_names(chosen))}")
    if seed is not None:
        _say(f"faults of seed {seed}, which the day must survive{'' if given else ': none in these steps'}")
        for fault in given:
            _say(f"  {fault.step}: {fault.text}")


def _next(done: outcome.Day, home: Home, again: str, *, keep: bool) -> list[Line]:
    """What to type next; `again` is the command with the options that were given."""
    failed = done.first_failure
    found: list[str] = []
    if failed and failed.outcome is Outcome.FAILED:
        found.append(f"less {failed.log}")
    if keep:
        where = f"--folder {home.sandbox.root}"
        has_cluster = any(each.step.needs_cluster for each in done.results)
        found += [f"fleet sandbox cluster kubectl {where} -- get pods -A"] if has_cluster else []
        found += [f"fleet sandbox outputs {where}", f"{again} --from {failed.step.name if failed else DAY[-1].name}"]
    elif failed and failed.outcome is Outcome.FAILED:
        found.append(f"{again} --from {failed.step.name} --keep   # stops there, for you to look at")
    elif failed:
        found.append(f"{again} --from {failed.step.name}")
    elif done.is_good:
        found.append(f"{again} --keep   # leaves the platform standing, for you to look at")
    return [Line(Sign.NEXT, each) for each in found]


def _names(chosen: Sequence[Step]) -> list[str]:
    return [step.name for step in chosen]


def _names_in(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _say(line: str) -> None:
    console.print(f"rehearse: {line}")
