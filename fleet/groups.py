"""What `fleet` can do: each group by its name, and as text where its Typer app is, loaded when it is called."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer


@dataclass(frozen=True)
class Group:
    """A command of `fleet`, or a group of them."""

    name: str
    module: str
    """Has a Typer app called `app`."""
    help: str
    """One line, for the list of groups: made without loading the module."""
    is_member: bool = False
    """Whether it is the command of this name in the app, which has others."""

    def load(self) -> Any:
        """The command, whose module is imported only now."""
        app = import_module(self.module).app
        app.rich_markup_mode = None  # as the app's own: one look of all helps, in a terminal and in docs/commands.md
        command: Any = typer.main.get_command(app)
        return _dressed(command.commands[self.name] if self.is_member else command)


def _dressed(command: Any) -> Any:
    """Give a command, and those beneath it, what each help has; a list of commands has whole sentences."""
    command.epilog = "Everywhere: -q for results and errors alone; NO_COLOR=1 for no colours."
    command.short_help = command.short_help or (command.help or "").partition(". ")[0].partition("\n\n")[0].rstrip(".")
    for each in getattr(command, "commands", {}).values():
        _dressed(each)
    return command


DELIVERY = "delivery.fleet_delivery"

GROUPS = (
    Group("configure", DELIVERY, "Write the settings of a stack, of the account, of the bootstrap.", is_member=True),
    Group("account", "permanent.fleet_account", "Check the account, apply its resources, print what GitHub needs."),
    Group("check", "checks.fleet_check", "Find what Flux would reject."),
    Group("scope", DELIVERY, "Report which parts of the repository a change touches.", is_member=True),
    Group("stacks", DELIVERY, "List the stacks that a scheduled workflow works on.", is_member=True),
    Group("support", DELIVERY, "Fail when a stack's Kubernetes version is about to leave support.", is_member=True),
    Group("versions", "delivery.fleet_versions", "Show what is pinned, its support, and what is newer."),
    Group("state", DELIVERY, "Report whether a stack is up, and what a merge would do.", is_member=True),
    Group("gate", DELIVERY, "Check that main is applied, before a rebuild.", is_member=True),
    Group("diff", "sandbox.diff.fleet_diff", "Report what a change would do, whatever is up."),
    Group("cost", DELIVERY, "Report what a stack costs, by its file alone.", is_member=True),
    Group("preview", DELIVERY, "Preview a stack and report what an update would do.", is_member=True),
    Group("comment", DELIVERY, "Post reports to their pull request.", is_member=True),
    Group("alarm", DELIVERY, "Keep one issue open while a workflow fails.", is_member=True),
    Group("lock", DELIVERY, "Show who holds a stack's lock, and release it.", is_member=True),
    Group("release", "delivery.fleet_release", "Tell whether an image is still to be pushed; list what is scanned."),
    Group("bootstrap", "bootstrap.fleet_bootstrap", "Install Flux on a fresh cluster, and verify it."),
    Group("teardown", "teardown.fleet_teardown", "Destroy a stack, and verify that nothing is left in AWS."),
    Group("acceptance", "sandbox.acceptance.fleet_acceptance", "Run the day on a real account; report what differs."),
    Group("timeline", "delivery.timeline.fleet_timeline", "Show where the minutes of a rebuild and a night go."),
    Group("sandbox", "sandbox.fleet_sandbox", "Run the whole lifecycle on this machine, without AWS."),
    Group("tools", "tools.fleet_tools", "Print the path of a pinned tool; build it first if needed."),
)
"""In the order of their first use."""
