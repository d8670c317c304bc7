"""The bootstrap, one step after another; each can be done again, and is quick when nothing is left to do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bootstrap import (
    access,
    cluster_health,
    config_map,
    flux_cli,
    preflight,
    reconcile,
    report,
    run_folder,
    secrets,
    snapshot,
    verify,
)
from bootstrap.newer_commits import Commits
from common.console import Interrupted, Look, Progress
from common.errors import FleetError
from common.kubernetes.api import Cluster, UnansweredError, UnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bootstrap.preflight import Options, Ready
    from bootstrap.report import Report
    from bootstrap.snapshot import Snapshot
    from bootstrap.verify import Verdict
    from infra.contract.outputs import StackOutputs

GAVE_UP = 3
"""How often in a row a controller must say that it has given up, before we stop waiting."""


def run(options: Options, progress: Progress) -> Report:
    """Take a cluster that has nothing in it to one that Flux owns and has reconciled.

    What goes wrong is in the report: its `failure` is one line.
    """
    seen = Watch()
    try:
        with progress.step("outputs", "read the stack's outputs, run preflight checks") as step:
            outputs, ready = preflight.check(options)
            step.said = f"cluster {outputs.cluster_name}, {ready.settings.repository}, {ready.cli.name}"
        with access.private_kubeconfig(outputs, options.kubeconfig) as (path, config):
            cluster = Cluster(config)
            _install(outputs, ready, cluster, path, progress)
            with progress.step("verify", "wait for everything to reconcile") as step:
                commits = Commits(ready.host, [ready.host.head()])
                wanted = verify.Wanted.of(ready.settings, commits.good, ready.expectations.not_reconciled)
                seen.until(cluster, wanted, progress, ready.settings.deadlines.verify, commits)
                step.said = f"all at {commits.good[-1][:12]}"
    except Interrupted as stop:
        return _failed(progress, seen, str(stop))
    except FleetError as error:
        return _failed(progress, seen, str(error))
    return report.of_verdict("Flux owns the cluster", seen.verdict, seen.snapshot, steps=progress.steps)


def _install(outputs: StackOutputs, ready: Ready, cluster: Cluster, path: Path, progress: Progress) -> None:
    """Steps 2 to 5."""
    deadlines = ready.settings.deadlines
    with progress.step("access", "connect to the cluster") as step:
        access.await_answer(cluster, progress, deadlines.api)
        preflight.refuse_cluster(cluster, ready.settings)
        step.said = f"{cluster.server} answers"
    with progress.step("health", "wait for nodes, CoreDNS and the pod identity agent"):
        desired = cluster_health.desired_nodes(outputs)
        progress.wait("the cluster", deadlines.nodes, lambda: _patient(lambda: cluster_health.look(cluster, desired)))
    with progress.step("config", "write ConfigMap terraform-outputs and the secrets") as step:
        changes = config_map.apply(cluster, outputs)
        for change in changes:
            progress.say(str(change))
        made = secrets.apply(cluster, ready.secrets)
        step.said = f"{len(changes)} keys changed; secrets written: {', '.join(made) or 'none'}"
    with (
        progress.step("flux", f"run flux bootstrap github, {ready.settings.repository}"),
        run_folder.private() as scratch,
    ):
        flux = flux_cli.Invocation(ready.cli, ready.settings, ready.token, path, scratch)
        flux_cli.bootstrap(flux, progress.say, lambda seconds: reconcile.refresh_root(cluster, seconds))


@dataclass
class Watch:
    """Looks at a cluster, and remembers what it saw last."""

    snapshot: Snapshot = field(default_factory=lambda: snapshot.Snapshot())
    verdict: Verdict = field(default_factory=lambda: verify.Verdict((), (), None))
    looked: bool = False
    refreshed: bool = False
    final: int = 0

    def once(self, cluster: Cluster, wanted: verify.Wanted) -> Verdict:
        """One look. Raises UnansweredError."""
        self.snapshot = snapshot.take(cluster)
        self.verdict = verify.judge(self.snapshot, wanted)
        self.looked = True
        return self.verdict

    def until(
        self,
        cluster: Cluster,
        wanted: verify.Wanted,
        progress: Progress,
        deadline: float,
        commits: Commits | None = None,
    ) -> None:
        """Look until all is well.

        Args:
            cluster: where.
            wanted: what is required of it.
            progress: shows what is waited for.
            deadline: seconds from now.
            commits: which commits are good, where that may change; then what has failed is asked to look again first.

        Raises:
            FleetError: it is not at the deadline, or a controller has given up; the first cause is named.
        """

        def look() -> Look:
            now = replace(wanted, revisions=tuple(commits.good)) if commits else wanted
            verdict = self.once(cluster, now)
            if commits and commits.take(self.snapshot.revision):
                verdict = self.once(cluster, replace(wanted, revisions=tuple(commits.good)))
            if commits and not self.refreshed:
                reconcile.request_failed(cluster, [self.snapshot.things.get(each.key) for each in verdict.problems])
                self.refreshed = True
            self.final = self.final + 1 if verdict.final else 0
            if self.final >= GAVE_UP and verdict.first:
                return Look((), f"{verdict.first.key}: {verdict.first.message}")
            return Look([f"{problem.key}: {problem.message}" for problem in verdict.problems])

        progress.wait("everything to reconcile", deadline, lambda: _patient(look))


def _patient(look: Callable[[], Look]) -> Look:
    """A look that an API server which is away for a moment does not end."""
    try:
        return look()
    except UnauthorizedError as error:
        return Look((), str(error))
    except UnansweredError as error:
        return Look((str(error),))


def _failed(progress: Progress, seen: Watch, failure: str) -> Report:
    title = "the bootstrap failed"
    if not seen.looked:
        return report.Report(title=title, good=False, steps=progress.steps, failure=failure)
    told = report.of_verdict(title, seen.verdict, seen.snapshot, steps=progress.steps, failure=failure)
    return told if not told.good else report.Report(title=title, good=False, steps=progress.steps, failure=failure)
