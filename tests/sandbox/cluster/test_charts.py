"""The stand-in charts make what the real ones make under our values, as far as the order of things can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks import chart_facts
from infra.contract import versions
from sandbox.cluster import charts
from tests.k8s.chart_facts import facts, releases, render
from tools import build
from tools.catalogue import HELM

if TYPE_CHECKING:
    from pathlib import Path

    from checks.chart_facts import ChartFacts

ADMISSION = charts.Admission(12345, b"an authority")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charts")
    charts.package(folder, build.find(HELM, print), ADMISSION, print)
    return folder


@pytest.mark.parametrize("chart", versions.CHARTS)
def test_a_stand_in_is_made_from_the_facts(chart: str, served: Path) -> None:
    (package,) = served.rglob(f"{chart}-{versions.CHARTS[chart]}.tgz")
    documents = render(releases()[chart], str(package))
    made, real = facts(releases()[chart], documents), chart_facts.read(chart)
    assert workloads(made) == workloads(real)
    assert made.disruption_budgets == real.disruption_budgets
    assert made.secrets == real.secrets
    assert {role: made.bindings[role] for role in made.secrets} == {role: real.bindings[role] for role in real.secrets}
    assert list(made.webhooks) == [each for each in real.webhooks if not each.is_opt_in]
    assert {(each.group, each.kind) for each in made.definitions} == {
        (each.group, each.kind) for each in real.definitions
    }
    for kind in ("IngressClass", "IngressClassParams"):
        key = next((key for key in real.kinds if key.endswith(f"/{kind}")), "")
        assert made.kinds.get(key) == real.kinds.get(key)
    urls = {each["clientConfig"]["url"] for document in documents if document for each in document.get("webhooks", ())}
    assert urls <= {"https://127.0.0.1:12345/"}


def kinds(known: ChartFacts) -> set[tuple[str, str]]:
    """Those of its CRDs."""
    return {(each.group, each.kind) for each in known.definitions}


def workloads(known: ChartFacts) -> dict[str, object]:
    """By name: what the operator would make of a Prometheus, the stand-in makes itself."""
    return {
        f"prometheus-{each.name}" if each.kind == "Prometheus" else each.name: (
            each.replicas,
            each.service_account,
            each.containers,
        )
        for each in known.workloads
    }
