"""Nights of a reconciled cluster: all that it has in AWS ends, whatever of its controllers is still alive."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sandbox import rehearsal
from sandbox.account import census
from sandbox.account.leftovers import Maker, Place
from sandbox.checkout import Checkout
from sandbox.folder import Folder
from tests.support.checkout import REPOSITORY
from tests.support.clusters import Town

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = ("--deadline=20", "--settle=60", "--clear=60", "--reads=2", "--pause=0")
FOLDER = "k8s/applications/load-harness"
BACKEND = {"name": "load-harness", "port": {"name": "http"}}
CONTAINER = {"name": "one", "image": "example.com/one:1", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}
MORE = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "night"}},
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "second", "namespace": "night"},
        "spec": {
            "ingressClassName": "alb",
            "defaultBackend": {"service": {"name": "load-harness", "port": {"name": "http"}}},
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "outside", "namespace": "night"},
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": "service.k8s.aws/nlb",
            "selector": {"app": "outside"},
            "ports": [{"port": 80}],
        },
    },
    *(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": f"data-{number}", "namespace": "night"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        for number in range(3)
    ),
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "mounts", "namespace": "night"},
        "spec": {
            "containers": [
                {"name": "one", "image": "example.com/one:1", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}
            ],
            "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data-0"}}],
        },
    },
]
"""More than the application's: an Ingress, a Service with an NLB, three PVCs of which a pod mounts one; no quota."""

RETAINED = [
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "retained"},
        "provisioner": "ebs.csi.aws.com",
        "reclaimPolicy": "Retain",
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "precious", "namespace": "night"},
        "spec": {
            "storageClassName": "retained",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    },
]
"""A claim whose volume outlives the cluster."""


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    """The census of the account before anything was built."""
    return {}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, before: dict[str, Any]) -> Iterator[Town]:
    root = tmp_path_factory.mktemp("night")
    built = Town(Folder(root / "sandbox"), root / "clone")
    rehearsal.prepare(built.folder, Checkout(REPOSITORY), lambda _line: None)
    before.update(taken(built))
    yield built
    built.close()


def taken(town: Town) -> dict[str, Any]:
    """The census, images aside that stand for releases: the permanent layer's."""
    return dict(census.take(town.account.endpoint, town.account.region))


def morning(town: Town) -> None:
    """Up, a cluster, Flux, and what the applications want of AWS."""
    town.up()
    town.bootstrap("run")
    text = yaml.safe_dump_all(MORE)
    town.kubectl("apply", "-f", "-", text=text)
    elb = town.aws("elbv2")
    town.until(lambda: len(elb.describe_load_balancers()["LoadBalancers"]) == 3)
    town.until(lambda: len(volumes(town)) == 3)
    town.until(lambda: any(volume["Attachments"] for volume in volumes(town)))
    outputs = json.loads(town.sandbox("outputs", "--", "--json").partition("\n{")[2].join(["{", ""]))
    place = Place("staging", outputs["vpc_id"], outputs["private_subnet_ids"], f"{outputs['aws_region']}a")
    maker = Maker(town.account, outputs["vpc_id"])
    for number in range(2):
        maker.interface(place, f"aws-K8S-i-{number:017x}", {"cluster.k8s.amazonaws.com/name": "staging"}, [])


def volumes(town: Town) -> list[dict[str, Any]]:
    filters = [{"Name": "tag:ebs.csi.aws.com/cluster-name", "Values": ["staging"]}]
    return town.aws("ec2").describe_volumes(Filters=filters)["Volumes"]


def night(town: Town, *arguments: str, code: int = 0) -> str:
    said = town.sandbox("teardown", "--", "run", "--yes", *QUICK, *arguments, code=code)
    town.sandbox("cluster", "down")
    shutil.rmtree(town.layout.live, ignore_errors=True)
    return said


def test_a_reconciled_cluster_ends_without_a_trace_but_for_a_volume_to_be_retained(
    town: Town, before: dict[str, Any]
) -> None:
    """The teardown suspends all of Flux, and waits for finalizers and for AWS. The volume is listed every night."""
    morning(town)
    town.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(RETAINED))
    town.until(lambda: len(volumes(town)) == 4)
    (kept,) = [volume["VolumeId"] for volume in volumes(town) if "precious" in name_of(volume)]
    said = night(town)
    assert "objects of Flux" in said
    assert "deleted: Ingress applications/load-harness" in said
    assert "deleted: Service night/outside" in said
    assert "left for the sweep, because a pod mounts it: PersistentVolumeClaim night/data-0" in said
    assert "deleted: PersistentVolumeClaim night/data-2" in said
    assert "went with the sweep, because a pod mounted it: PersistentVolumeClaim night/data-0" in said
    assert "stuck: " not in said
    remedy = f"fleet sandbox exec -- aws ec2 delete-volume --volume-id {kept}"
    assert "deleted: PersistentVolumeClaim night/precious" in said
    assert "nothing of staging is left" in said
    assert remedy in said
    assert differing(taken(town), before) == {kept}

    assert remedy in town.sandbox("teardown", "--", "run", "--yes", *QUICK)
    assert differing(taken(town), before) == {kept}
    town.aws("ec2").delete_volume(VolumeId=kept)
    assert taken(town) == before


def name_of(volume: dict[str, Any]) -> str:
    """The claim that a volume was made for."""
    return next(tag["Value"] for tag in volume["Tags"] if tag["Key"] == "kubernetes.io/created-for/pvc/name")


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """What only one of two censuses has."""
    return {each for kind in one for each in set(one[kind]) ^ set(other[kind])}


def test_a_load_balancer_controller_that_is_stuck_is_reported_and_swept(town: Town, before: dict[str, Any]) -> None:
    morning(town)
    town.sandbox("cluster", "stick", "aws-load-balancer-controller")
    town.sandbox("cluster", "stick", "ebs-csi-controller")
    said = night(town, "--clear=5")
    town.sandbox("cluster", "stick", "aws-load-balancer-controller", "--off", code=0)
    town.sandbox("cluster", "stick", "ebs-csi-controller", "--off")
    assert "stuck: Ingress applications/load-harness is held by ingress.k8s.aws/resources" in said
    assert "deleted: load balancer arn:aws:elasticloadbalancing:" in said
    assert taken(town) == before


def test_a_dead_controller_and_a_flux_that_is_gone_are_no_obstacle(town: Town, before: dict[str, Any]) -> None:
    morning(town)
    town.kubectl("delete", "deployment", "-n", "flux-system", "--all")
    town.kubectl("scale", "deployment", "-n", "kube-system", "aws-load-balancer-controller", "--replicas=0")
    assert "nothing of staging is left" in night(town, "--clear=5")
    assert taken(town) == before


def test_a_cluster_that_cannot_be_reached_is_a_stated_outcome(town: Town, before: dict[str, Any]) -> None:
    morning(town)
    town.sandbox("cluster", "stop", "kube-apiserver")  # until the next cluster: this one ends with the account's
    town.until(town.is_silent)
    said = night(town)
    assert "the cluster cannot be reached: " in said
    assert "skipping the drain, the sweep deletes what controllers left" in said
    assert taken(town) == before
