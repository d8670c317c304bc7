"""The bootstrap, one step after another; each can be done again, and is quick when nothing is left to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bootstrap import access, cluster_health, config_map, flux_cli, preflight, report, secrets, snapshot, verify
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

GAVE_UP = 3
"""How often in a row a controller must say that it has given up, before we stop waiting."""


def run(options: Options, progress: Progress) -> Report:
    """Take a cluster that has nothing in it to one that Flux owns and has reconciled.

    What goes wrong is in the report: its `failure` is one line.
    """
    seen = Watch()
    try:
        with progress.step("outputs", "read the stack's outputs, run preflight checks") as step:
            ready = preflight.check(options)
            step.said = f"cluster {ready.outputs.cluster_name}, {ready.settings.repository}, {ready.cli.name}"
        with access.private_kubeconfig(ready.outputs, options.kubeconfig) as (path, config):
            cluster = Cluster(config)
            _install(ready, cluster, path, progress)
            with progress.step("verify", "wait for everything to reconcile") as step:
                revision = ready.host.branch().revision
                wanted = verify.Wanted.of(ready.settings, revision, ready.expectations.not_reconciled)
                seen.until(cluster, wanted, progress, ready.settings.deadlines.verify)
                step.said = f"all at {revision[:12]}"
    except Interrupted as stop:
        return _failed(progress, seen, str(stop))
    except FleetError as error:
        return _failed(progress, seen, str(error))
    return report.of_verdict("Flux owns the cluster", seen.verdict, seen.snapshot, steps=progress.steps)


def _install(ready: Ready, cluster: Cluster, path: Path, progress: Progress) -> None:
    """Steps 2 to 5."""
    deadlines = ready.settings.deadlines
    with progress.step("access", "connect to the cluster") as step:
        access.await_answer(cluster, progress, deadlines.api)
        step.said = f"{cluster.server} answers"
    with progress.step("health", "wait for nodes, CoreDNS and the pod identity agent"):
        desired = cluster_health.desired_nodes(ready.outputs)
        progress.wait("the cluster", deadlines.nodes, lambda: _patient(lambda: cluster_health.look(cluster, desired)))
    with progress.step("config", "write ConfigMap terraform-outputs and the secrets") as step:
        changes = config_map.apply(cluster, ready.outputs)
        for change in changes:
            progress.say(str(change))
        made = secrets.apply(cluster, ready.secrets)
        step.said = f"{len(changes)} keys changed; secrets written: {', '.join(made) or 'none'}"
    with progress.step("flux", f"run flux bootstrap github, {ready.settings.repository}"):
        flux_cli.bootstrap(ready.cli, ready.settings, token=ready.token, kubeconfig=path, say=progress.say)


@dataclass
class Watch:
    """Looks at a cluster, and remembers what it saw last."""

    snapshot: Snapshot = field(default_factory=lambda: snapshot.Snapshot())
    verdict: Verdict = field(default_factory=lambda: verify.Verdict((), (), None))
    looked: bool = False
    final: int = 0

    def once(self, cluster: Cluster, wanted: verify.Wanted) -> Verdict:
        """One look. Raises UnansweredError."""
        self.snapshot = snapshot.take(cluster)
        self.verdict = verify.judge(self.snapshot, wanted)
        self.looked = True
        return self.verdict

    def until(self, cluster: Cluster, wanted: verify.Wanted, progress: Progress, deadline: float) -> None:
        """Look until all is well.

        Raises:
            FleetError: it is not at the deadline, or a controller has given up; the first cause is named.
        """

        def look() -> Look:
            verdict = self.once(cluster, wanted)
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
