"""The steps on a cluster: it starts, Flux owns it, commits reach it, and a rebuilt one converges by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bootstrap import release_images
from common.errors import FleetError
from common.kubernetes import api, objects
from common.kubernetes.api import Kind
from sandbox import permanent_layer
from sandbox.account.leftovers import Maker, place_of
from sandbox.cluster import flux, life, rehearsed_bootstrap
from sandbox.cluster.fleet_sandbox_cluster import git_environment
from sandbox.cluster.image_automation import Automation, RefusedError
from sandbox.day import stack_steps
from sandbox.day.day import expect, parsed

if TYPE_CHECKING:
    from pathlib import Path

    from common.kubernetes.api import Manifest
    from sandbox.day.day import Day

APPLICATION, NAMESPACE = "load-harness", "applications"
FOLDER = f"k8s/applications/{APPLICATION}"
NOTE = """apiVersion: v1
kind: ConfigMap
metadata:
  name: rehearsal
  namespace: applications
data:
  text: after {}
"""
FLUX = "k8s/flux-system/flux-system/"
"""Where `flux bootstrap` writes its files."""

RECONCILED = (api.GIT_REPOSITORY, api.HELM_REPOSITORY, api.HELM_CHART, api.KUSTOMIZATION, api.HELM_RELEASE)
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
MANAGER = "rehearsal"
BALANCED: Manifest = {
    "metadata": {"name": "rehearsal", "namespace": "default"},
    "spec": {
        "type": "LoadBalancer",
        "loadBalancerClass": "service.k8s.aws/nlb",
        "selector": {"app": "rehearsal"},
        "ports": [{"port": 80}],
    },
}
CLAIMED: Manifest = {
    "metadata": {"name": "rehearsal", "namespace": "default"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
VERSION = re.compile(r"v(?P<major>\d+)[.](?P<minor>\d+)[.](?P<patch>\d+)")


def cluster(day: Day) -> str:
    """Start the API server behind the account's EKS, and wait for its nodes."""
    repository = permanent_layer.read_settings(day.checkout.permanent_file, day.settings).github_repository
    expect(bool(day.ready), "")
    life.up(day.home.sandbox, day.checkout.root, day.settings.cluster_name, repository, day.commands.say)
    rehearsed_bootstrap.push_images(day.account, day.checkout, day.commands.say)
    wanted = sum(group.desired_size for group in day.settings.node_groups.values())

    def nodes() -> list[Manifest] | None:
        found = [node for node in day.cluster.list(api.NODE) if objects.is_ready(node)]
        return found if len(found) >= wanted else None

    found = day.until(f"{wanted} nodes are ready", nodes)
    return f"the API server answers; {len(found)} nodes are ready"


def bootstrap(day: Day) -> str:
    """Bootstrap Flux, and look at what it has pushed."""
    before = flux.head(day.layout)
    said = parsed(day.bootstrap("run", "--json"))
    expect(said["good"], f"not everything is ready: {_undone(said)}")
    pushed = day.git("diff", "--name-only", before, flux.head(day.layout), cwd=flux.repository(day.layout)).splitlines()
    others = [name for name in pushed if not name.startswith(FLUX)]
    expect(not others, f"the bootstrap pushed more than Flux's own files: {', '.join(others)}")
    return f"{len(said['checks'])} checks passed; {len(pushed)} files pushed"


def reconciled(day: Day) -> str:
    """Read from the cluster whether all of Flux's objects are ready, at the commit of the Git host."""
    day.until("all of Flux's objects are ready", lambda: not _unready(day))
    things = [thing for kind in RECONCILED for thing in day.cluster.list(kind)]
    deployment = day.cluster.get(api.DEPLOYMENT, APPLICATION, NAMESPACE) or {}
    expect(objects.is_available(deployment), f"the Deployment {NAMESPACE}/{APPLICATION} is not available")
    ingress = day.cluster.get(api.INGRESS, APPLICATION, NAMESPACE) or {}
    address = objects.text((objects.mappings(ingress, "status", "loadBalancer", "ingress") or [{}])[0], "hostname")
    balancers = day.aws("elbv2").describe_load_balancers()["LoadBalancers"]
    expect(address in {each["DNSName"] for each in balancers}, f"the account has no load balancer {address or '?'}")
    return f"{len(things)} objects ready at {flux.head(day.layout)[:12]}; 1 load balancer"


def change(day: Day) -> str:
    """Push a ConfigMap to main that says where main was, and see it in the cluster."""
    before = flux.head(day.layout)[:12]

    def add(clone: Path) -> None:
        file = clone / FOLDER / "kustomization.yaml"
        text = file.read_text("utf-8")
        expect("resources:\n" in text, f"{FOLDER}/kustomization.yaml has no list of resources")
        (clone / FOLDER / "rehearsal.yaml").write_text(NOTE.format(before), "utf-8")
        if "- rehearsal.yaml\n" not in text:
            file.write_text(text.replace("resources:\n", "resources:\n  - rehearsal.yaml\n", 1), "utf-8")

    commit = day.push(add, "Add a note")
    day.sync()

    def is_there() -> bool:
        found = day.cluster.get(api.CONFIG_MAP, "rehearsal", NAMESPACE) or {}
        return objects.text(found, "data", "text") == f"after {before}"

    day.until("the cluster has the ConfigMap", is_there)
    return f"commit {commit[:12]} is in the cluster"


def release(day: Day) -> str:
    """Put the image of a new release into ECR, commit its tag as image automation does, and see the pods roll."""
    (image,) = [each for each in release_images.named(day.checkout.manifests) if each.repository == APPLICATION]
    ecr = day.aws("ecr")
    tag = following([each.get("imageTag", "") for each in _images(ecr, image.repository)] + [image.tag])
    rehearsed_bootstrap.put_image(ecr, image.repository, tag)

    def scan(repository: str) -> list[str]:
        return [each["imageTag"] for each in _images(ecr, repository) if "imageTag" in each]

    before = flux.head(day.layout)
    try:
        commit = Automation(day.url, {**git_environment(day.layout)}, scan).run()
    except RefusedError as error:
        raise FleetError(f"the Git host takes no commit of the tag: {error}") from None
    if commit is None:
        raise FleetError(f"no commit was made for {tag}: the policy takes another tag")
    bare = flux.repository(day.layout)
    lines = day.git("diff", "--numstat", before, commit, cwd=bare).split()
    expect(lines == ["1", "1", f"{FOLDER}/kustomization.yaml"], f"the commit changes more than the tag: {lines}")
    day.sync()
    day.until(f"the pods run {tag}", lambda: _has_rolled(day, tag))
    return f"{APPLICATION}:{tag} committed and rolled out"


def bootstrap_again(day: Day) -> str:
    """Bootstrap once more, and compare where main is."""
    before = flux.head(day.layout)
    said = parsed(day.bootstrap("run", "--json"))
    expect(said["good"], f"not everything is ready: {_undone(said)}")
    now = flux.head(day.layout)
    expect(now == before, f"main moved from {before[:12]} to {now[:12]}")
    return f"main is at {now[:12]}, as before"


def leftovers(day: Day) -> str:
    """Have the controllers make a load balancer and a volume, and leave a network interface as the VPC CNI does."""
    if not day.has_cluster:
        return stack_steps.leftovers(day)
    before = day.census()
    day.cluster.apply(api.SERVICE, BALANCED, MANAGER)
    day.cluster.apply(CLAIM, CLAIMED, MANAGER)
    name = day.settings.cluster_name
    maker = Maker(day.account, day.seed or 0)
    cni = {"cluster.k8s.amazonaws.com/name": name}
    maker.interface(place_of(maker, name), maker.unique("aws-K8S-i"), cni, [])

    def made() -> dict[str, int]:
        now = day.census()
        more = {kind: len(now[kind]) - len(before[kind]) for kind in now if len(now[kind]) > len(before[kind])}
        return more if {"load balancer", "volume", "network interface"} <= more.keys() else {}

    more = day.until("the controllers make a load balancer and a volume", made)
    return ", ".join(f"{kind}: {count}" for kind, count in more.items())


def rebuild(day: Day) -> str:
    """Build the stack again, and let Flux do the rest."""
    said = stack_steps.up(day)
    if not day.has_cluster:
        return said
    cluster(day)
    before = flux.head(day.layout)
    report = parsed(day.bootstrap("run", "--json"))
    expect(report["good"], f"it did not converge the first time: {_undone(report)}")
    now = flux.head(day.layout)
    expect(now == before, f"the rebuild pushed: main moved from {before[:12]} to {now[:12]}")
    found = reconciled(day)
    return f"{found}; nothing pushed"


def following(tags: list[str]) -> str:
    """The release after the highest of some tags. Raises FleetError: none of them is a release."""
    versions = [VERSION.fullmatch(tag) for tag in tags]
    numbers = [(int(each["major"]), int(each["minor"]), int(each["patch"])) for each in versions if each]
    if not numbers:
        raise FleetError(f"none of the tags is a release: {', '.join(tags)}")
    major, minor, patch = max(numbers)
    return f"v{major}.{minor}.{patch + 1}"


def _images(ecr: Any, repository: str) -> list[dict[str, str]]:
    pages = ecr.get_paginator("list_images").paginate(repositoryName=repository)
    return [image for page in pages for image in page["imageIds"]]


def _undone(said: dict[str, Any]) -> str:
    names = [check["title"] for check in said.get("checks", []) if not check["done"]]
    return ", ".join(names) or "the report does not say what"


def _unready(day: Day) -> list[str]:
    """Flux's objects that are not ready, and Kustomizations of another commit than main's."""
    cluster, head = day.cluster, flux.head(day.layout)
    things = [thing for kind in RECONCILED for thing in cluster.list(kind)]
    waiting = [objects.name_of(thing) for thing in things if not objects.is_ready(thing)]
    late = [
        objects.name_of(thing)
        for thing in things
        if thing["kind"] == "Kustomization" and not objects.text(thing, "status", "lastAppliedRevision").endswith(head)
    ]
    return [*waiting, *late, *([] if things else ["Flux"])]


def _has_rolled(day: Day, tag: str) -> bool:
    """Whether all pods of the application's Deployment are of a tag, and available."""
    found = day.cluster.get(api.DEPLOYMENT, APPLICATION, NAMESPACE) or {}
    containers = objects.mappings(found, "spec", "template", "spec", "containers")
    # The API leaves out what is zero, as in the midst of a rollout.
    counts = {objects.number(found, "status", name) for name in ("replicas", "updatedReplicas", "availableReplicas")}
    is_observed = objects.number(found, "status", "observedGeneration") == objects.number(
        found, "metadata", "generation"
    )
    is_tagged = any(objects.text(each, "image").endswith(f"/{APPLICATION}:{tag}") for each in containers)
    return is_tagged and is_observed and len(counts) == 1 and counts != {0}
