"""What Flux says after it was asked, told from what it said before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bootstrap import reconcile, verify
from common.errors import FleetError
from tests.bootstrap.test_verify import flux

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.kubernetes.api import Kind


class Cluster:
    """Two objects of Flux, whose controllers answer a request by the condition that is true now."""

    def __init__(self, *things: dict[str, Any], now: Mapping[str, str] | None = None) -> None:
        self.things = {thing["kind"]: thing for thing in things}
        self.now: Mapping[str, str] = now or {}
        """Kind → what its controller says when it is asked; empty: that all is well."""
        self.asked: list[str] = []

    def get(self, kind: Kind, name: str, namespace: str) -> dict[str, Any] | None:
        return self.things.get(kind.kind)

    def merge(self, kind: Kind, manifest: dict[str, Any], manager: str) -> None:
        self.asked.append(kind.kind)
        thing = self.things[kind.kind]
        stamp = manifest["metadata"]["annotations"][verify.REQUESTED]
        thing["metadata"]["annotations"] = {verify.REQUESTED: stamp}
        if kind.kind in self.now:
            fresh = flux(kind.kind, "flux-system", self.now[kind.kind])
            thing["status"] = {**fresh["status"], "lastHandledReconcileAt": stamp}


STALE = "authentication required"
WELL = {"GitRepository": "", "Kustomization": ""}


def root(message: str = "", **spec: Any) -> list[dict[str, Any]]:
    return [flux("GitRepository", "flux-system", message, **spec), flux("Kustomization", "flux-system", message)]


def refreshed(cluster: Any) -> bool:
    return reconcile.refresh_root(cluster, 0.05)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "PAUSE", 0)


def test_a_failure_from_before_is_not_believed() -> None:
    cluster = Cluster(*root(STALE), now=WELL)
    assert refreshed(cluster)
    assert cluster.asked == ["GitRepository", "Kustomization"]


def test_a_failure_of_now_is_told_with_its_remedy() -> None:
    with pytest.raises(FleetError) as caught:
        refreshed(Cluster(*root(STALE), now={**WELL, "GitRepository": STALE}))
    assert str(caught.value).startswith(f"GitRepository flux-system/flux-system: {STALE}: the token in Secret")


def test_one_that_is_suspended_is_named_and_one_that_never_answers_is_not_waited_for_for_ever() -> None:
    with pytest.raises(FleetError, match="it is suspended: flux resume source git flux-system"):
        refreshed(Cluster(*root(STALE, suspend=True)))
    assert not refreshed(Cluster(*root(STALE)))
    assert not refreshed(Cluster())


def test_what_has_failed_is_asked_again_and_what_goes_on_is_left() -> None:
    bad, going, held = (flux("Kustomization", name, "x") for name in ("bad", "going", "held"))
    going["status"]["conditions"][0]["status"] = "Unknown"
    held["spec"]["suspend"] = True
    cluster: Any = Cluster(bad)
    reconcile.request_failed(cluster, [None, bad, going, held, {"kind": "Pod", "metadata": {"name": "x"}}])
    assert cluster.asked == ["Kustomization"]
