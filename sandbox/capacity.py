"""Do the workloads fit on the nodes, and on one node less? Requests of all that runs, against what nodes have to give.

What runs: the objects of `k8s/` as Flux builds them, what the charts make of our values (`checks/facts/`), Flux's own
controllers with the patches of `k8s/`, and EKS' add-ons.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from lightkube.utils.quantity import parse_quantity

import checks.config
from bootstrap import flux_settings
from checks import binaries, chart_facts, tree
from common.console import Grid
from common.errors import FleetError
from sandbox import node_sizes
from sandbox.cluster import addons, bases

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from infra.settings import Settings
    from sandbox.checkout import Checkout
    from sandbox.node_sizes import Size
    from tools.build import Say

MEBI = 2**20
WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")
GOTK = ("gotk-components.yaml", "gotk-sync.yaml")


@dataclass(frozen=True)
class Pods:
    """The pods of one workload."""

    name: str
    """namespace/name."""
    cpu: int
    """What each asks for, in thousandths of a core."""
    memory: int
    """The same in MiB."""
    replicas: int
    """0: one on each node."""
    most: int
    """As many as an autoscaler may make of it."""


@dataclass(frozen=True)
class Fit:
    """Workloads against some nodes."""

    nodes: tuple[Size, ...]
    cpu: int
    memory: int
    pods: int

    @property
    def offered(self) -> tuple[int, int, int]:
        """CPU, memory and pods of all nodes."""
        return (
            sum(node.allocatable_cpu for node in self.nodes),
            sum(node.allocatable_memory for node in self.nodes),
            sum(node.pods for node in self.nodes),
        )

    @property
    def is_good(self) -> bool:
        """Whether nothing is asked for beyond what is there. Of several nodes it says nothing about gaps."""
        return all(
            asked <= there for asked, there in zip((self.cpu, self.memory, self.pods), self.offered, strict=True)
        )


def fit(pods: Sequence[Pods], nodes: Sequence[Size], *, at_most: bool = False, agents: int | None = None) -> Fit:
    """What some pods ask of some nodes.

    Args:
        pods: the workloads.
        nodes: what they run on.
        at_most: whether autoscalers have scaled up.
        agents: on how many nodes a DaemonSet is counted; None: on each of `nodes`. The alert KubeCPUOvercommit counts
            those of the node that is lost as well.
    """
    each = len(nodes) if agents is None else agents
    counts = [(one, (one.most if at_most else one.replicas) or each) for one in pods]
    return Fit(
        tuple(nodes),
        sum(one.cpu * count for one, count in counts),
        sum(one.memory * count for one, count in counts),
        sum(count for _, count in counts),
    )


def nodes(settings: Settings) -> list[Size]:
    """The nodes of a stack's groups, at their desired sizes: each of the smallest of its group's types.

    Raises:
        CannotRunError: an instance type is not known.
    """
    found: list[Size] = []
    for group in settings.node_groups.values():
        sizes = [node_sizes.of(kind) for kind in group.instance_types]
        cpus, memory = min(size.cpus for size in sizes), min(size.memory for size in sizes)
        smallest = node_sizes.Size(" or ".join(group.instance_types), cpus, memory, min(size.pods for size in sizes))
        found += [smallest] * group.desired_size
    return found


def workloads(checkout: Checkout, say: Say) -> list[Pods]:
    """All that runs on the nodes of a reconciled cluster.

    Raises:
        FleetError: a tool cannot be had, or the manifests cannot be built.
    """
    kustomize = binaries.kustomize()
    built = tree.build(tree.read(checkout.root, checks.config.load(checkout.root)), kustomize)
    objects = [each.manifest for each in built.objects]
    found = list(_of_objects(objects))
    for each in objects:
        if each["kind"] == "HelmRelease":
            found += _of_chart(each["spec"]["chart"]["spec"]["chart"])
    found += _of_objects(_flux(checkout, kustomize, say))
    found += [
        Pods(f"{addons.NAMESPACE}/{each.name}", each.cpu, each.memory, each.replicas, each.replicas)
        for several in addons.WORKLOADS.values()
        for each in several
    ]
    return sorted(found, key=lambda pods: pods.name)


def _of_objects(objects: Sequence[Mapping[str, Any]]) -> Iterator[Pods]:
    scaled = {
        (each["metadata"].get("namespace"), each["spec"]["scaleTargetRef"]["name"]): each["spec"]
        for each in objects
        if each["kind"] == "HorizontalPodAutoscaler"
    }
    for each in objects:
        if each["kind"] not in WORKLOADS:
            continue
        namespace, name = each["metadata"].get("namespace"), each["metadata"]["name"]
        replicas = 0 if each["kind"] == "DaemonSet" else each["spec"].get("replicas", 1)
        scale = scaled.get((namespace, name), {})
        requests = [
            container.get("resources", {}).get("requests", {})
            for container in each["spec"]["template"]["spec"]["containers"]
        ]
        least, most = scale.get("minReplicas", replicas), scale.get("maxReplicas", replicas)
        yield Pods(f"{namespace}/{name}", *_sum(requests), least, most)


def _of_chart(chart: str) -> Iterator[Pods]:
    for each in chart_facts.read(chart).workloads:
        requests = [container.requests for container in each.containers]
        yield Pods(f"{each.namespace}/{each.name}", *_sum(requests), each.replicas, each.replicas)


def _sum(requests: Sequence[Mapping[str, str]]) -> tuple[int, int]:
    """Thousandths of a core, and MiB."""
    cpu = sum(parse_quantity(each.get("cpu", "0")) or 0 for each in requests)
    memory = sum(parse_quantity(each.get("memory", "0")) or 0 for each in requests)
    return int(cpu * 1000), int(memory / MEBI)


def _flux(checkout: Checkout, kustomize: Path, say: Say) -> list[dict[str, Any]]:
    """Flux's own controllers, with the patches that are in the tree."""
    settings = flux_settings.load(checkout.bootstrap_file)
    components = bases.assemble(say)
    folder = checkout.root / settings.path / flux_settings.NAMESPACE
    with tempfile.TemporaryDirectory(prefix="capacity-") as made:
        work = Path(made)
        for path in folder.glob("*.yaml"):
            if path.name not in GOTK:
                (work / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": flux_settings.NAMESPACE}}
        parts = [(components / f"{name}.yaml").read_text() for name in settings.all_components]
        (work / GOTK[0]).write_text("\n---\n".join([yaml.safe_dump(namespace), *parts]))
        (work / GOTK[1]).write_text("# nothing\n")
        done = subprocess.run(  # noqa: S603 our own arguments
            [kustomize, "build", work], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise FleetError(f"{folder} cannot be built with Flux's controllers: {' '.join(done.stderr.split())}")
    objects = [each for each in yaml.safe_load_all(done.stdout) if each and each["kind"] in WORKLOADS]
    for each in objects:
        each["metadata"]["namespace"] = flux_settings.NAMESPACE
    return objects


HEAD = ("workload", "pods", "cpu", "memory", "cpu of all", "memory of all")


def table(pods: Sequence[Pods], count: int) -> Grid:
    """The workloads on a number of nodes, those that ask for most first."""
    counted = [(one, one.replicas or count) for one in pods]
    counted.sort(key=lambda pair: (-pair[0].cpu * pair[1], pair[0].name))
    return Grid(
        HEAD,
        [
            (
                one.name,
                f"{number}{f' (to {one.most})' if one.most > one.replicas else ''}",
                f"{one.cpu}m",
                f"{one.memory}Mi",
                f"{one.cpu * number}m",
                f"{one.memory * number}Mi",
            )
            for one, number in counted
        ],
    )


@dataclass(frozen=True)
class Answer:
    """A question, and how it came out."""

    question: str
    fit: Fit

    @property
    def document(self) -> dict[str, Any]:
        """For programs."""
        names = ("cpu", "memory", "pods")
        asked = dict(zip(names, (self.fit.cpu, self.fit.memory, self.fit.pods), strict=True))
        offered = dict(zip(names, self.fit.offered, strict=True))
        return {"question": self.question, "good": self.fit.is_good, "asked": asked, "offered": offered}

    def __str__(self) -> str:
        """One line."""
        cpu, memory, pods = self.fit.offered
        asked = f"{self.fit.cpu}m of {cpu}m CPU, {self.fit.memory}Mi of {memory}Mi, {self.fit.pods} of {pods} pods"
        return f"{self.question}: {asked}"


def answers(pods: Sequence[Pods], there: Sequence[Size]) -> list[Answer]:
    """The questions, for a stack's nodes. A stack of one node has none to lose."""
    smaller = sorted(there, key=lambda size: (size.allocatable_cpu, size.allocatable_memory))[:-1]
    found = [
        Answer(f"{len(there)} nodes", fit(pods, there)),
        Answer(f"{len(there)} nodes, autoscaled", fit(pods, there, at_most=True)),
    ]
    if smaller:
        found += [
            Answer("one node less", fit(pods, smaller)),
            Answer("one node less, as KubeCPUOvercommit counts", fit(pods, smaller, agents=len(there))),
        ]
    return found
