"""What the real controllers make of random trees, many at once, compared with what the checks say of them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from checks import charts, config, run
from checks.findings import Severity, Stage
from common.kubernetes import api, objects
from sandbox.cluster.charts import HOSTS
from tests.cluster import helm_charts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pytest

    from checks.findings import Finding
    from common.kubernetes.api import Kind, Manifest
    from tests.cluster.random_trees import RandomTree
    from tests.support.clusters import Town

LONGEST = 600.0
"""Seconds until all trees of a batch must be decided."""

QUIET = 40.0
"""Seconds without motion before attempts are counted: longer than any timeout, retry and look at dependencies here."""

ATTEMPTS = 2
JOB = api.Kind("batch", "v1", "Job", "jobs")
NOT_THE_TREES = re.compile(
    r"New reconciliation triggered|Client\.Timeout exceeded|net/http: (request canceled|TLS handshake timeout)"
    r"|etcdserver: request timed out"
)
"""What the controllers say when they are asked while they wait, or when the API server is slow: not of the tree."""

KINDS = {kind.kind: kind for kind in (api.KUSTOMIZATION, api.HELM_RELEASE)}
REQUESTED, RESET = (f"reconcile.fluxcd.io/{what}At" for what in ("requested", "reset"))

CAUSES = {
    **dict.fromkeys(("E1", "E2", "E4", "E7", "K2"), r'no matches for kind "{kind}"'),
    "E8": r"no matches for kind|custom resource definition is terminating",
    "E12": r"timeout waiting for",
    "E13": r"Helm (install|upgrade) failed.*no matches for kind",
    "E3": r"dependency '[^']+' (is not ready|not found)|unable to get '[^']+' dependency|timeout waiting",
    "E5": r'namespaces? "[^"]+" not found|namespace not specified',
    "E23": r'\.source\.toolkit\.fluxcd\.io "[^"]+" not found',
    "E25": r"timeout waiting|health check",
    "E26": r"dependency '[^']+' is not ready|timeout waiting|health check",
    "B6": r"is SOPS encrypted|\.sops: field not declared in schema",
    "K5": r"namespace not specified",
    "S1": r"variable substitution failed|envsubst",
    "S2": r"variable not set",
    "S5": r"substitute from '[^']+' error",
    **dict.fromkeys(("S7", "K1"), r"expected string|cannot unmarshal|failed to decode"),
}
"""Rule → what the controllers say where it is the cause."""

FOLLOWS = re.compile(
    r"dependency '[^']+' is not ready|timeout waiting|health check|HelmChart .* is not ready|uninstall remediation"
    r"|unable to get '[^']+' dependency|no matches for kind|namespaces? \"[^\"]+\" not found"
)
"""What the controllers say of what waits for something else: no cause of its own, once one is named."""

LETS_PASS = frozenset({"S3", "B8", "E12"})
"""Errors of what Flux gets through: a variable that stays, a namespace that is taken over, a wait that begins anew."""


@dataclass(frozen=True)
class Judgement:
    """What the checks say of a tree."""

    findings: tuple[Finding, ...]
    """Of all stages, although a person sees those of the first that has an error."""

    @property
    def errors(self) -> list[Finding]:
        """What they refuse it for; nothing makes there what they assume that somebody makes."""
        return [
            each
            for each in self.findings
            if (each.severity is Severity.ERROR or "assumed" in each.why)
            and each.rule not in LETS_PASS
            and "applied as SOPS wrote" not in each.why
        ]

    def has(self, rule: str, name: str) -> bool:
        """Whether a rule finds something in an object, `Kind namespace/name`."""
        return any((each.rule, each.object) == (rule, name) for each in self.findings)

    def explains(self, message: str, *, errors: bool = False) -> bool:
        """Whether a finding's cause is what a controller says."""
        return any(
            re.search(CAUSES[each.rule].format(kind=each.object.partition(" ")[0]), message)
            for each in (self.errors if errors else self.findings)
            if each.rule in CAUSES
        )


def judge(made: RandomTree, root: Path, monkeypatch: pytest.MonkeyPatch) -> Judgement:
    """Run the checks, each stage on its own, with the tree's charts known."""
    for name, content in made.files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    known = {**charts.CHARTS, **made.charts}
    with monkeypatch.context() as patched:
        patched.setattr(charts, "CHARTS", known)
        settings = config.load(root)
        reports = [run.run(root, settings, stages=[stage]) for stage in Stage if stage is not Stage.POLICY]
    return Judgement(tuple(finding for report in reports for finding in report.findings))


@dataclass
class Trial:
    """A tree on the cluster: accepted, or refused once two attempts went by in which nothing moved."""

    tree: RandomTree
    verdict: str = ""
    said: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Object → what its controller has said of why it is not ready, since anything moved."""
    got: dict[str, Any] = field(default_factory=dict[str, Any])
    """What is applied, and installed: it only ever grows."""
    since: float = 0.0
    """When that grew last."""
    asked: str = ""
    """The attempt that was asked for; one that nobody heard of is asked for again."""
    asked_at: float = 0.0
    attempts: int = 0
    """How many were made without any motion."""
    hooks: dict[str, int] = field(default_factory=dict[str, int])
    """Job of a release → how many of its pods have ever been done at a time."""
    heard: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """All that the controllers ever said of an object, by the events that they left."""

    def look(self, town: Town, there: dict[str, Manifest], jobs: Mapping[str, int]) -> None:
        """Take in how its objects are, and decide or ask for another attempt."""
        for name, each in there.items():
            ready = objects.condition(each, "Ready")
            if ready.get("status") == "False" and not NOT_THE_TREES.search(ready["message"]):
                self.said.setdefault(name, set()).add(ready["message"])
        wanted = {f"Kustomization {name}" for name in self.tree.kustomizations}
        wanted |= {f"HelmRelease {name}" for name in self.tree.releases}
        if all(name in there and _is_ready(there[name]) for name in wanted):
            self.verdict = "accepted"
            return
        got = {name: each.get("status", {}).get("lastAppliedRevision", _is_ready(each)) for name, each in there.items()}
        self.hooks |= {name: max(done, self.hooks.get(name, 0)) for name, done in jobs.items()}
        got |= self.hooks
        if got != self.got:
            self.got, self.since, self.attempts, self.asked = got, time.monotonic(), 0, ""
            self.said.clear()
        elif self.asked and all(
            _has_tried(each, self.asked) for each in there.values() if not each["spec"].get("suspend")
        ):
            self.attempts, self.asked = self.attempts + 1, ""
        if self.attempts == ATTEMPTS and self.said:
            self.verdict = "refused"
        elif time.monotonic() - (self.asked_at if self.asked else self.since) > QUIET:
            self._ask(town, there)

    def _ask(self, town: Town, there: dict[str, Manifest]) -> None:
        self.asked, self.asked_at = f"{time.time_ns()}", time.monotonic()
        for each in there.values():
            metadata = {"name": each["metadata"]["name"], "namespace": each["metadata"]["namespace"]}
            asked = {REQUESTED: self.asked}
            if NOT_THE_TREES.search(objects.text(objects.condition(each, "Ready"), "message")):
                asked[RESET] = self.asked  # a release may have given up
            annotated = {"metadata": {**metadata, "annotations": asked}}
            town.cluster.merge(KINDS[each["kind"]], annotated, "flux")


def on_the_cluster(town: Town, trees: Iterable[RandomTree]) -> dict[str, Trial]:
    """Hand trees to the controllers, side by side, and wait until each is decided; then take them away."""
    trials = {made.name: Trial(made) for made in trees}
    _push(town, [trial.tree for trial in trials.values()])
    secret = town.cluster.get(api.SECRET, "flux-system", "flux-system")
    assert secret
    for name, trial in trials.items():
        helm_charts.write(town.layout.charts / HOSTS[-1] / name, trial.tree.helm_charts)
        town.cluster.apply(api.NAMESPACE, {"metadata": {"name": name}}, "truth", force=True)
        metadata = {"name": "flux-system", "namespace": name}
        town.cluster.apply(api.SECRET, {"metadata": metadata, "data": secret["data"]}, "truth", force=True)
        values = {"metadata": {"name": "values", "namespace": name}, "data": {"COLOUR": "blue", "NUMBER": "42"}}
        town.cluster.apply(api.CONFIG_MAP, values, "truth", force=True)
        source, root = trial.tree.sync
        town.cluster.apply(api.GIT_REPOSITORY, source, "truth", force=True)
        town.cluster.apply(api.KUSTOMIZATION, root, "truth", force=True)
    deadline = time.monotonic() + LONGEST
    while undecided := [trial for trial in trials.values() if not trial.verdict]:
        assert time.monotonic() < deadline, [(trial.tree.name, trial.got, trial.said) for trial in undecided]
        everything = [(kind.kind, each) for kind in KINDS.values() for each in town.cluster.list(kind)]
        jobs = town.cluster.list(JOB)
        for trial in undecided:
            own = {
                f"{kind} {each['metadata']['name']}": {**each, "kind": kind}
                for kind, each in everything
                if each["metadata"]["namespace"] in trial.tree.namespaces
            }
            done = {
                f"Job {objects.name_of(each)}": objects.number(each, "status", "succeeded")
                for each in jobs
                if each["metadata"]["namespace"] in trial.tree.namespaces
            }
            trial.look(town, own, done)
        time.sleep(1)
    for trial in trials.values():
        trial.heard = [
            (f"{each['involvedObject']['kind']} {each['involvedObject']['name']}", each["message"])
            for each in town.cluster.list(api.EVENT, trial.tree.name)
        ]
        _take_away(town, trial.tree)
    return trials


def _push(town: Town, trees: list[RandomTree]) -> None:
    """Each tree is a branch of its own, without history."""
    folder = town.clone.parent / "trees"
    if not folder.exists():
        town.git("clone", "--quiet", town.url, str(folder), cwd=town.clone.parent)
    for made in trees:
        town.git("checkout", "--quiet", "--orphan", made.name, cwd=folder)
        town.git("rm", "-r", "--quiet", "--force", ".", cwd=folder)
        for name, content in made.files().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        town.git("add", "--all", cwd=folder)
        town.git("commit", "--quiet", "--message", made.name, cwd=folder)
    town.git("push", "--quiet", "--force", "origin", *(made.name for made in trees), cwd=folder)


def _take_away(town: Town, made: RandomTree) -> None:
    """End what a tree costs: its Flux objects and CRDs. Nothing is pruned or uninstalled."""

    def each_of(kind: Kind) -> list[Manifest]:
        return [each for namespace in made.namespaces for each in town.cluster.list(kind, namespace)]

    for each in each_of(api.HELM_RELEASE):
        metadata = {"name": each["metadata"]["name"], "namespace": each["metadata"]["namespace"]}
        town.cluster.merge(api.HELM_RELEASE, {"metadata": metadata, "spec": {"suspend": True}}, "truth")
    for kind in (api.KUSTOMIZATION, api.HELM_RELEASE, api.HELM_REPOSITORY, api.GIT_REPOSITORY):
        for each in each_of(kind):
            town.cluster.delete(kind, each["metadata"]["name"], each["metadata"]["namespace"])
    for kind in made.kinds:
        town.cluster.delete(api.CUSTOM_RESOURCE_DEFINITION, kind.definition["metadata"]["name"])


def disagreement(trial: Trial, judgement: Judgement) -> str:
    """Why the checks and the controllers do not say the same of a tree; empty if they do."""
    name, errors = trial.tree.name, [f"{each.rule} {each.object}: {each.why}" for each in judgement.errors]
    if trial.verdict == "accepted":
        if errors or trial.tree.failing:
            return f"{name}: Flux got through it, the checks refuse it: {errors}, or {trial.tree.failing}"
        return _on_the_way(trial, judgement)
    messages = {f"{of}: {message}" for of, said in trial.said.items() for message in said}
    failed = {each for each in messages if _fails(trial.tree, each)}
    if not errors and not failed:
        return f"{name}: the checks let it pass, Flux did not: {trial.said}"
    if not failed and not any(judgement.explains(message, errors=True) for message in messages):
        return f"{name}: refused for another reason: {errors}, {messages}"
    unexplained = {each for each in messages - failed if not judgement.explains(each) and not FOLLOWS.search(each)}
    return f"{name}: the checks have not found all: {unexplained}; {errors}" if unexplained else ""


def _on_the_way(trial: Trial, judgement: Judgement) -> str:
    """Why what failed at first is not what the checks warn of; empty if it is."""
    name = trial.tree.name
    surprises = {each for each in trial.heard if "no matches for kind" in each[1] and not judgement.explains(each[1])}
    if surprises:
        return f"{name}: the checks do not warn of what failed at first: {surprises}"
    given_up = {of for of, message in trial.heard if "timeout waiting for" in message}
    for part in trial.tree.too_short:
        if not judgement.has("E12", f"Kustomization {name}/{part}") or f"Kustomization {part}" not in given_up:
            return f"{name}: {part} is to give up first, and E12 to say so: {given_up}"
    return ""


def _fails(made: RandomTree, message: str) -> bool:
    """Whether a message is a failing chart's own."""
    return any(
        message.startswith(f"HelmRelease {name}: ") and re.search(says, message, re.DOTALL)
        for name, says in made.failing.items()
    )


def _is_ready(each: Manifest) -> bool:
    return objects.condition(each, "Ready").get("status") == "True" and _is_observed(each)


def _is_observed(each: Manifest) -> bool:
    return each.get("status", {}).get("observedGeneration") == each["metadata"]["generation"]


def _has_tried(each: Manifest, asked: str) -> bool:
    """Whether an attempt was made since it was asked for: ended, or begun since and at its wait for what is applied."""
    if objects.text(each, "status", "lastHandledReconcileAt") == asked:
        return True
    if {objects.condition(each, kind).get("status") for kind in ("Healthy", "Ready")} != {"Unknown"}:
        return False
    begun = datetime.fromisoformat(objects.condition(each, "Ready")["lastTransitionTime"])
    return begun.timestamp() >= int(asked) // 10**9  # of the same second, which is all that it tells
