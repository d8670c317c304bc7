"""BASE, built in an embedded account: its permanent layer and its stacks, by its own programs and settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common import summary
from common.errors import FleetError
from common.pulumi import runner
from common.text import lines
from delivery.report import Remark
from infra.config import file_name
from infra.contract import versions
from sandbox import permanent_layer, rehearsal
from sandbox.account import process
from sandbox.checkout import Checkout
from sandbox.diff import environments, places, revisions, store
from sandbox.engine.provider_plugin import install_plugin
from sandbox.folder import CODE, Folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.diff.environments import Environment
    from sandbox.diff.revisions import Range
    from tools.build import Say

MADE_FROM = ("__main__.py", "Pulumi.yaml", "common", "fleet", "infra", "permanent", environments.LOCK)
"""What the programs of a commit are made from, and what applies its permanent layer."""

RAISED = re.compile(r"[\w.]+(Error|Exception): ")

ERRORS = 3
"""How many lines of an error are repeated."""


@dataclass(frozen=True)
class Base:
    """BASE as it is in the account."""

    ground: rehearsal.Ground
    kept: store.Kept

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What has to be known of it."""
        return (Remark(environments.DIFFERENT, self.kept.packages),) if self.kept.packages else ()


def bring_up(
    folder_of: Path, root: Path, found: Range, head: Path, own: Environment, stacks: Sequence[str], say: Say
) -> Base:
    """Build BASE, or find it as an earlier run has built it.

    Args:
        folder_of: the store.
        root: the checkout.
        found: what is compared.
        head: HEAD's files.
        own: HEAD's environment.
        stacks: those of BASE to build.
        say: told each step.

    Raises:
        FleetError: neither BASE's permanent layer nor HEAD's can be applied, or a part of the sandbox is not there.
    """
    files = (*MADE_FROM, *(file_name(stack) for stack in revisions.stacks(root, found.base)))
    locks = (sorted(environments.pins(head).items()), own.python)
    folder = Folder(folder_of / store.key((revisions.contents(root, found.base, files), versions.PULUMI, str(locks))))
    account, kept = process.find(folder), store.read(folder)
    is_there = account is not None and kept is not None and kept.account == store.life(account)
    if account and kept and is_there and not set(stacks) - kept.stacks.keys():
        say(f"BASE {found.base[: revisions.SHORT]} is there, as an earlier run has built it")
        ground = rehearsal.start(folder, account.account_id, account.region, _quiet)
        return Base(ground, kept)
    store.forget(folder_of)
    with revisions.files(root, found.base) as tree:
        environment = environments.of_base(tree, head, own, say)
        return _built(folder, tree, head, environment, stacks, say)


def _built(folder: Folder, tree: Path, head: Path, environment: Environment, stacks: Sequence[str], say: Say) -> Base:
    why = ""
    try:
        ground = layer_of(folder, tree, environment, say)
    except FleetError as error:
        why = _shortened(str(error))
        say(f"BASE's permanent layer cannot be applied, HEAD's is: {why}")
        rehearsal.reset(folder)
        ground = layer_of(folder, head, environments.own(head), say)
    built = {stack: _stack(ground, tree, stack, environment, say) for stack in stacks}
    kept = store.Kept(account=store.life(ground.account), stacks=built, packages=environment.missing, layer=why)
    store.write(folder, kept)
    return Base(ground, kept)


def layer_of(folder: Folder, tree: Path, environment: Environment, say: Say) -> rehearsal.Ground:
    """The account of a checkout's permanent layer, which is applied by its own command. Raises FleetError."""
    checkout, place = Checkout(tree), places.of_layer(tree)
    ground = rehearsal.start(folder, place.account_id, place.region, say)
    if environment.provider:
        install_plugin(folder, environment.provider)
    permanent_layer.ensure(
        folder,
        checkout,
        ground.account,
        # What that command has to say of an embedded account is not of the job's summary.
        {name: value for name, value in ground.environment.items() if name != summary.SUMMARY_VARIABLE},
        checkout.permanent_file,
        say,
        code=tree if (tree / "fleet" / "groups.py").exists() else CODE,
        python=environment.python,
    )
    return ground


def _stack(ground: rehearsal.Ground, tree: Path, stack: str, environment: Environment, say: Say) -> str:
    """Build a stack of BASE; why it could not be, or nothing."""
    say(f"building {stack} as BASE has it")
    try:
        place = places.of_stack(tree, stack)
        ready = rehearsal.enter(
            ground, Checkout(tree), stack, tree / file_name(stack), place.people, python=environment.python
        )
        return built_by(ready)
    except FleetError as error:
        return _shortened(str(error))


def built_by(ready: rehearsal.Rehearsal) -> str:
    """Build a stack; what the engine said where it could not be, and then there is none."""
    project, environ = ready.folder.project, ready.environment
    up = ("up", "--yes", "--skip-preview", "--stack", ready.stack)
    done = runner.run(project, *up, environment=environ, together=True)
    if done.code == 0:
        return ""
    # What was made before the failure would be compared with: nothing is better than a half.
    runner.run(project, "stack", "rm", "--yes", "--force", "--stack", ready.stack, environment=environ)
    return _shortened(_said(done.stderr)) or f"pulumi up ended with exit code {done.code}"


def _said(output: str) -> str:
    """The errors in what pulumi prints, those apart that only say that there were others."""
    found = [line.strip() for line in lines(output)]
    errors = [line for line in found if line.startswith("error:") and "update failed" not in line]
    raised = [line for line in found if RAISED.match(line)]  # the last line of a program's traceback
    return "\n".join((*errors, *raised[-1:]) if errors else found[-ERRORS:])


def _shortened(text: str) -> str:
    return " ".join(" ".join(lines(text)[:ERRORS]).split())


def _quiet(_line: str) -> None:
    """Say nothing: it was said when BASE was built."""
