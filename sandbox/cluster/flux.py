"""Flux on the sandbox's cluster, as somebody who watches a commit sees it: asked to look now, and what it says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import yaml

from common.errors import FleetError
from common.kubernetes import api, objects
from common.kubernetes.api import Cluster
from sandbox.cluster import git_host

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from common.kubernetes.api import Kind
    from sandbox.cluster.layout import Layout

NAMESPACE = "flux-system"
MANAGER = "flux"
PAUSE = 0.3
"""Seconds between two looks."""


def cluster(layout: Layout) -> Cluster:
    """The cluster, as an administrator."""
    return Cluster(yaml.safe_load(layout.kubeconfig.read_text()))


def repository(layout: Layout) -> Path:
    """The one bare repository of the Git host."""
    (found,) = layout.repositories.glob("*/*.git")
    return found


def head(layout: Layout) -> str:
    """The commit that main is at on the Git host. Raises FleetError: it has no main."""
    found = git_host.revision(repository(layout), git_host.MAIN)
    if found is None:
        raise FleetError(f"{repository(layout)} has no branch {git_host.MAIN}")
    return found


def reconcile(of: Cluster, kind: Kind, name: str, namespace: str = NAMESPACE) -> None:
    """Ask a controller to look now, as `flux reconcile` does."""
    now = {"reconcile.fluxcd.io/requestedAt": f"{time.time_ns()}"}
    of.merge(kind, {"metadata": {"name": name, "namespace": namespace, "annotations": now}}, MANAGER)


def ready(of: Cluster, kind: Kind, name: str, namespace: str = NAMESPACE) -> str:
    """What an object's condition Ready says; its revision if it is ready and has one."""
    found = of.get(kind, name, namespace) or {}
    condition = objects.condition(found, "Ready")
    revision = objects.text(found, "status", "artifact", "revision") or objects.text(
        found, "status", "lastAppliedRevision"
    )
    return revision if condition.get("status") == "True" and revision else objects.text(condition, "message")


def sync(of: Cluster, layout: Layout, longest: float) -> None:
    """Have Flux fetch main now and apply it, in place of waiting for its intervals; only the fetch is waited for.

    Raises:
        FleetError: it is not fetched within `longest` seconds.
    """
    reconcile(of, api.GIT_REPOSITORY, NAMESPACE)
    until("Flux fetches main", lambda: ready(of, api.GIT_REPOSITORY, NAMESPACE).endswith(head(layout)) or None, longest)
    for kustomization in of.list(api.KUSTOMIZATION, NAMESPACE):
        reconcile(of, api.KUSTOMIZATION, objects.text(kustomization, "metadata", "name"))


def follow(of: Cluster, layout: Layout, longest: float) -> None:
    """Have main applied as fast as its Kustomizations can be: each is asked again once those that it depends on are.

    By itself a Kustomization looks at its dependencies every now and then (kustomize-controller,
    `--requeue-dependency`).

    Raises:
        FleetError: they are not all at main's commit within `longest` seconds.
    """
    sync(of, layout, longest)
    asked: set[str] = set()

    def are_all() -> bool:
        things = {objects.text(thing, "metadata", "name"): thing for thing in of.list(api.KUSTOMIZATION, NAMESPACE)}
        commit = head(layout)
        there = {
            name
            for name, thing in things.items()
            if objects.is_ready(thing) and objects.text(thing, "status", "lastAppliedRevision").endswith(commit)
        }
        for name, thing in things.items():
            needs = {objects.text(each, "name") for each in objects.mappings(thing, "spec", "dependsOn")}
            if needs and needs <= there and name not in there | asked:
                reconcile(of, api.KUSTOMIZATION, name)
                asked.add(name)
        return len(there) == len(things)

    until("Flux applies main", are_all, longest)


def until(what: str, probe: Callable[[], Any], longest: float) -> Any:
    """What a probe gives, once it gives anything.

    Args:
        what: happens then, for the error.
        probe: may raise FleetError: it is asked again.
        longest: seconds.

    Raises:
        FleetError: it gave nothing in time.
    """
    deadline = time.monotonic() + longest
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = found = probe()
        except FleetError as error:
            last, found = error, None
        if found:
            return found
        time.sleep(PAUSE)
    raise FleetError(f"{what}: not within {longest:g} s; the last look gave {last!r}")
