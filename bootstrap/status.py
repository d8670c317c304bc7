"""What is wrong first, of any cluster in any state, none at all included."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bootstrap import access, config_map, expectations, github, guard, report
from bootstrap import outputs as reading
from bootstrap import settings as configuration
from bootstrap.errors import BootstrapError
from bootstrap.kubernetes import Cluster
from bootstrap.run import Watch
from bootstrap.verify import Wanted

if TYPE_CHECKING:
    from pathlib import Path

    from bootstrap.preflight import Options
    from bootstrap.report import Report

SOON_DAYS = 14


@dataclass(frozen=True)
class State:
    """What is known, with a line each beside the report."""

    report: Report
    notes: list[str]


def look(options: Options) -> State:
    """Look at the stack, its cluster and the token, whatever there is of them.

    Raises:
        BootstrapError: the settings are wrong.
    """
    guard.refuse_other_world()
    settings = configuration.load(options.settings)
    expected = expectations.load(options.expect)
    notes = [_token(settings)]
    try:
        outputs = reading.read(options.outputs, stack=options.stack, project=options.project)
    except BootstrapError as error:
        since = last_update(options.stack, options.project) if options.outputs is None else None
        down = f"the stack {options.stack} is down, since {since}" if since else str(error)
        return State(report.Report(title=down, good=False, failure=down), notes)
    with access.private_kubeconfig(outputs, options.kubeconfig) as (_path, config):
        seen = Watch()
        try:
            cluster = Cluster(config)
            verdict = seen.once(cluster, Wanted.of(settings, None, expected.not_reconciled))
            notes += [f"ConfigMap: {change}" for change in config_map.diff(config_map.current(cluster), outputs)]
        except BootstrapError as error:
            title = f"the cluster {outputs.cluster_name} cannot be asked"
            return State(report.Report(title=title, good=False, failure=str(error)), notes)
    if not seen.snapshot.has_outputs:
        notes.append("ConfigMap terraform-outputs is missing: `python -m bootstrap configmap` makes it again")
    title = f"the cluster {outputs.cluster_name}"
    return State(report.of_verdict(title, verdict, seen.snapshot), [note for note in notes if note])


def last_update(stack: str, project: Path) -> str | None:
    """When a stack that has nothing in it was changed last, as Pulumi says; None if it has something, or is none."""
    command = ["pulumi", "stack", "ls", "--json", "--non-interactive"]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=project, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        stacks: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    except (OSError, ValueError):
        return None
    for each in stacks:
        if str(each.get("name", "")).rpartition("/")[2] == stack and not each.get("resourceCount"):
            return each.get("lastUpdate")
    return None


def _token(settings: configuration.Settings) -> str:
    """What is known of the token's expiry."""
    try:
        host = github.Host(settings, github.token(os.environ))
        host.refuse_unseen()
    except BootstrapError as error:
        return f"token: {error}"
    if host.expires is None:
        return ""
    days = (host.expires - datetime.now(UTC)).days
    soon = ": make a new one now" if days < SOON_DAYS else ""
    return f"token: expires on {host.expires:%Y-%m-%d}, in {days} days{soon}"
