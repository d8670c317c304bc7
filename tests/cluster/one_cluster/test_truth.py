"""The truth of the checks: what they refuse, Flux does not get through, and the other way round.

Trees by seed are judged by both. Refused means that what a controller says is the cause that a rule names, on two
attempts running, while nothing else in the tree moves.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from common.kubernetes import api
from sandbox.cluster.charts import HOSTS
from tests.cluster import random_trees, truth
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clusters import Town

BATCH = 20
SAMPLE = (*range(13), 17, 20, 34, 54, 119, 137, 163)
"""Seeds of which each rule of ORDERED finds something, and of which some are accepted in spite of E12."""

ORDERED = {"E1", "E2", "E7", "E8", "E12", "E13"}
"""The rules about who installs what a Kustomization or a HelmRelease needs."""

KUSTOMIZATION = "k8s/flux-system/flux-system/kustomization.yaml"
HELM = """  - target:
      kind: Deployment
      name: helm-controller
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/args/-
        value: --concurrent=40
      - op: add
        path: /spec/template/spec/containers/0/args/-
        value: --requeue-dependency=5s
"""


@pytest.fixture(scope="module")
def wide(bootstrapped: Town) -> Town:
    """A town whose controllers work on many objects at a time: what waits holds a worker."""
    text = (REPOSITORY / KUSTOMIZATION).read_text()
    assert "--concurrent=10" in text
    bootstrapped.commit({KUSTOMIZATION: text.replace("--concurrent=10", "--concurrent=80") + HELM})
    bootstrapped.sync()
    bootstrapped.until(lambda: _is_wide(bootstrapped))
    return bootstrapped


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(SAMPLE, id="sample"),
        *(
            pytest.param(tuple(range(n, n + BATCH)), id=f"seeds {n} to {n + BATCH - 1}", marks=pytest.mark.long)
            for n in range(0, 300, BATCH)
        ),
    ],
)
def test_checks_and_controllers_say_the_same(
    wide: Town, seeds: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = [random_trees.tree(seed, wide.url, HOSTS[-1]) for seed in seeds]
    judgements = {made.name: truth.judge(made, tmp_path / made.name, monkeypatch) for made in trees}
    trials = truth.on_the_cluster(wide, trees)
    verdicts = Counter(trial.verdict for trial in trials.values())
    rules = Counter(rule for each in judgements.values() for rule in {finding.rule for finding in each.errors})
    print(f"{dict(verdicts)}; refused for {dict(sorted(rules.items()))}")  # noqa: T201  # the test's figures
    found = [truth.disagreement(trial, judgements[name]) for name, trial in trials.items()]
    assert not any(found), "\n".join(filter(None, found))
    assert verdicts["accepted"]
    assert verdicts["refused"]
    if seeds == SAMPLE:
        found_by = {finding.rule for each in judgements.values() for finding in each.findings}
        assert found_by >= ORDERED
        assert any(trial.verdict == "accepted" and trial.tree.too_short for trial in trials.values())
        assert any(trial.tree.failing for trial in trials.values())


def _is_wide(town: Town) -> bool:
    flags = {"kustomize-controller": "--concurrent=80", "helm-controller": "--concurrent=40"}
    pods = {app: town.cluster.list(api.POD, "flux-system", labels={"app": app}) for app in flags}
    wide = all(flags[app] in pod["spec"]["containers"][0]["args"] for app, found in pods.items() for pod in found)
    return wide and town.ready(api.KUSTOMIZATION, "flux-system").endswith(town.head)
