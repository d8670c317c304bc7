"""What a first rehearsal builds, said before it is built: how long it takes, and how much of the disk it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.engine import pulumi
from tools import build, catalogue
from tools.catalogue import PULUMI

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.folder import Folder
    from tools.build import GoTool

MEGABYTES: Mapping[str, int] = {
    "pulumi": 117,
    "etcd": 26,
    "kube-apiserver": 101,
    "kube-controller-manager": 92,
    "kube-scheduler": 70,
    "kwok": 61,
    "kubectl": 57,
    "source-controller": 97,
    "kustomize-controller": 82,
    "helm-controller": 75,
    "helm": 62,
    "flux-bootstrap": 54,
    "kustomize": 16,
}
"""Tool → what its build keeps, measured on linux/amd64 in November 2026."""

OF_THE_CLUSTER = tuple(catalogue.TOOLS[name] for name in MEGABYTES if name != PULUMI.name)
GO_CACHE_GB = 6
"""What Go's own caches grow to meanwhile, at most."""


def missing(folder: Folder, *, has_cluster: bool) -> list[GoTool]:
    """The tools that a rehearsal would build. Raises FleetError: Go is missing or too old."""
    engine = [] if pulumi.is_there(folder) else [PULUMI]
    return engine + [tool for tool in OF_THE_CLUSTER if has_cluster and not build.is_there(tool)]


def lines(tools: Sequence[GoTool], *, has_cluster: bool) -> list[str]:
    """What to say of tools that are to be built; nothing if there are none."""
    if not tools:
        return []
    minutes = sum(tool.minutes for tool in tools)
    kept = sum(MEGABYTES[tool.name] for tool in tools)
    named = ", ".join(tool.name for tool in tools)
    first = (
        f"first run: {named} {'is' if len(tools) == 1 else 'are'} built from source, once: about {minutes:.0f} min on "
        f"two cores; {kept} MB are kept, and up to {GO_CACHE_GB} GB of Go caches that `go clean -cache -modcache` frees"
    )
    said = [first]
    if has_cluster:
        without = "needs no build" if PULUMI not in tools else f"builds pulumi alone, in about {PULUMI.minutes:.0f} min"
        said.append(f"Ctrl-C and --no-cluster, if that is too long: a rehearsal without Kubernetes {without}")
    return said


def prepare(tools: Sequence[GoTool], say: Callable[[str], None]) -> None:
    """Build tools. Raises FleetError: one cannot be built."""
    for tool in tools:
        build.ensure(tool, say)
