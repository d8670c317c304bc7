"""What is wrong first, of any cluster in any state, none at all included."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bootstrap import (
    access,
    advice,
    config_map,
    expectations,
    flux_settings,
    github_repository,
    report,
    stack_outputs,
    verify,
)
from bootstrap.run import Watch
from bootstrap.stack_outputs import NotUpError
from bootstrap.verify import Wanted
from common import world
from common.errors import FleetError
from common.kubernetes.api import Cluster
from common.pulumi import runner

if TYPE_CHECKING:
    from pathlib import Path

    from bootstrap.preflight import Options
    from bootstrap.report import Report

SOON_DAYS = 14


@dataclass(frozen=True)
class State:
    """What is known, the report, and notes of a line each."""

    report: Report
    notes: list[str]


def look(options: Options) -> State:
    """Look at the stack, its cluster and the token, whatever there is of them.

    Raises:
        FleetError: the settings are wrong, or nobody says whether the stack is up.
    """
    world.refuse_other_world()
    settings = flux_settings.load(options.settings)
    expected = expectations.load(options.expect)
    notes = [note for note in [_token(settings)] if note]
    try:
        outputs = stack_outputs.read(options.outputs, stack=options.stack, project=options.project)
    except NotUpError as error:
        since = last_update(options.stack, options.project) if options.outputs is None else None
        down = f"the stack {options.stack} is down, since {since}" if since else str(error)
        return State(report.Report(title=down, good=False, failure=down), notes)
    with access.private_kubeconfig(outputs, options.kubeconfig) as (_path, config):
        seen = Watch()
        try:
            cluster = Cluster(config)
            verdict = seen.once(cluster, Wanted.of(settings, (), expected.not_reconciled))
            notes += [f"ConfigMap: {change}" for change in config_map.diff(config_map.current(cluster), outputs)]
        except FleetError as error:
            return State(unreached(outputs.cluster_name, error), notes)
    notes += [f"drifted: {line}" for line in verify.drifted(seen.snapshot)]
    if not seen.snapshot.has_outputs:
        notes.append("ConfigMap terraform-outputs is missing: `fleet bootstrap configmap` writes it again")
    title = f"{outputs.cluster_name} is {'healthy' if verdict.good else 'not healthy'}"
    return State(report.of_verdict(title, verdict, seen.snapshot), notes)


def unreached(name: str, error: FleetError) -> report.Report:
    """The report of a cluster that gives no answer, or refuses us."""
    case, remedy = advice.advise("Cluster", "", name, str(error))
    first = {"object": f"Cluster {name}", "message": str(error), "case": case, "advice": remedy}
    return report.Report(title=f"the cluster {name} cannot be reached", good=False, failure=str(error), first=first)


def last_update(stack: str, project: Path) -> str | None:
    """When a stack that has nothing in it was changed last, as Pulumi says; None if it has something, or is none."""
    try:
        done = runner.run(project, "stack", "ls", "--json")
        stacks: list[dict[str, Any]] = json.loads(done.stdout) if done.code == 0 else []
    except (FleetError, OSError, ValueError):
        return None
    for each in stacks:
        if str(each.get("name", "")).rpartition("/")[2] == stack and not each.get("resourceCount"):
            return each.get("lastUpdate")
    return None


def _token(settings: flux_settings.Settings) -> str:
    """What is known of the token's expiry."""
    try:
        host = github_repository.Repository(settings, github_repository.token(os.environ))
        host.refuse_unseen()
    except FleetError as error:
        return f"token: {error}"
    if host.expires is None:
        return ""
    days = (host.expires - datetime.now(UTC)).days
    soon = ": make a new one now" if days < SOON_DAYS else ""
    return f"token: expires on {host.expires:%Y-%m-%d}, in {days} days{soon}"
