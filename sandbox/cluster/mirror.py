"""What AWS does to a cluster: its nodes come and go with the node groups' instances, its add-ons as they are ACTIVE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.kubernetes.api import DAEMON_SET, DEPLOYMENT, NAMESPACE, NODE, Kind
from infra.contract.versions import KUBERNETES_SANDBOX
from sandbox import node_sizes
from sandbox.account.clients import client
from sandbox.cluster import access, addons
from sandbox.cluster.access import Entry, Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from common.kubernetes.api import Cluster, Manifest
    from sandbox.account.process import Account

MANAGER = addons.MANAGER
NODEGROUP = "eks.amazonaws.com/nodegroup"

ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE_BINDING = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
OF_ADDONS = (SERVICE_ACCOUNT, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, DAEMON_SET, DEPLOYMENT)
OF_ACCESS = (ROLE_BINDING, CLUSTER_ROLE_BINDING)
KINDS = {kind.kind: kind for kind in (*OF_ADDONS, *OF_ACCESS)}


@dataclass(frozen=True)
class Eks:
    """The account's EKS, as far as one cluster is concerned. Raises botocore's errors."""

    account: Account
    name: str

    def describe(self) -> dict[str, Any] | None:
        """The cluster; None if the account has none of that name."""
        eks = self._client("eks")
        try:
            return eks.describe_cluster(name=self.name)["cluster"]
        except eks.exceptions.ResourceNotFoundException:
            return None

    def instances(self) -> list[dict[str, Any]]:
        """The running instances of its node groups."""
        filters = [
            {"Name": "tag:eks:cluster-name", "Values": [self.name]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        found = self._client("ec2").describe_instances(Filters=filters)
        return [instance for reservation in found["Reservations"] for instance in reservation["Instances"]]

    def addons(self) -> dict[str, tuple[str, str]]:
        """Its add-ons that are ACTIVE, with their versions and the ARNs of their roles, empty if they have none."""
        eks = self._client("eks")
        found: dict[str, tuple[str, str]] = {}
        for name in eks.list_addons(clusterName=self.name)["addons"]:
            addon = eks.describe_addon(clusterName=self.name, addonName=name)["addon"]
            if addon["status"] == "ACTIVE":
                found[name] = addon["addonVersion"], addon.get("serviceAccountRoleArn", "")
        return found

    def entries(self) -> list[Entry]:
        """Its access entries."""
        eks = self._client("eks")
        entries: list[Entry] = []
        for arn in eks.list_access_entries(clusterName=self.name)["accessEntries"]:
            entry = eks.describe_access_entry(clusterName=self.name, principalArn=arn)["accessEntry"]
            found = eks.list_associated_access_policies(clusterName=self.name, principalArn=arn)
            policies = [
                Policy(each["policyArn"].rpartition("/")[2], tuple(each["accessScope"].get("namespaces") or ()))
                for each in found["associatedAccessPolicies"]
            ]
            entries.append(Entry(arn, entry["username"], entry["kubernetesGroups"], policies))
        return entries

    def _client(self, service: str) -> Any:
        return client(service, endpoint=self.account.endpoint, region=self.account.region)


@dataclass(frozen=True)
class Mirror:
    """Makes a cluster what its account has of it."""

    eks: Eks
    cluster: Cluster
    log: Callable[[str], None]

    def step(self) -> None:
        """Bring nodes, add-ons and bindings of access policies up to date."""
        self._nodes(self.eks.instances())
        region = self.eks.account.region
        self._apply(
            "addons",
            [
                made
                for name, (version, role) in self.eks.addons().items()
                for made in addons.manifests(name, version, self.eks.name, region, role)
            ],
        )
        namespaces = {each["metadata"]["name"] for each in self.cluster.list(NAMESPACE)}
        self._apply("access", access.bindings(self.eks.entries(), namespaces))

    def _nodes(self, instances: Sequence[dict[str, Any]]) -> None:
        wanted = {instance["PrivateDnsName"]: instance for instance in instances}
        there = {node["metadata"]["name"] for node in self.cluster.list(NODE)}
        for name in wanted.keys() - there:
            self.cluster.create(NODE, node(wanted[name], self.eks.account.region))
            self.log(f"node {name} has joined")
        for name in there - wanted.keys():
            self.cluster.delete(NODE, name)
            self.log(f"node {name} is gone")

    def _apply(self, what: str, wanted: Sequence[Manifest]) -> None:
        label = {"sandbox.infra-fleet/of": what}
        kinds = {"addons": OF_ADDONS, "access": OF_ACCESS}[what]
        there = {_key(each): each for kind in kinds for each in self.cluster.list(kind, labels=label)}
        for manifest in wanted:
            labelled = {**manifest, "metadata": {**manifest["metadata"]}}
            labelled["metadata"]["labels"] = {**manifest["metadata"].get("labels", {}), **label}
            if _key(manifest) not in there or _images(there[_key(manifest)]) != _images(manifest):
                self.cluster.apply(KINDS[manifest["kind"]], labelled, MANAGER, force=True)
                self.log(f"{'/'.join(_key(manifest))} is applied")
        for key in there.keys() - {_key(manifest) for manifest in wanted}:
            kind, namespace, name = key
            self.cluster.delete(KINDS[kind], name, namespace or None)
            self.log(f"{'/'.join(key)} is removed")


def node(instance: dict[str, Any], region: str) -> Manifest:
    """The Node that an instance's kubelet registers."""
    name, kind = instance["PrivateDnsName"], instance["InstanceType"]
    zone = instance["Placement"]["AvailabilityZone"]
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())}
    size = node_sizes.of(kind)
    fixed = {"pods": str(size.pods), "ephemeral-storage": "20Gi"}
    capacity = {"cpu": str(size.cpus), "memory": f"{size.shown_memory}Mi", **fixed}
    allocatable = {"cpu": f"{size.allocatable_cpu}m", "memory": f"{size.allocatable_memory}Mi", **fixed}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": kind,
                "topology.kubernetes.io/region": region,
                "topology.kubernetes.io/zone": zone,
                NODEGROUP: tags.get("eks:nodegroup-name", ""),
                "eks.amazonaws.com/capacityType": "SPOT"
                if instance.get("InstanceLifecycle") == "spot"
                else "ON_DEMAND",
            },
        },
        "spec": {"providerID": f"aws:///{zone}/{instance['InstanceId']}"},
        "status": {
            "capacity": capacity,
            "allocatable": allocatable,
            "addresses": [
                {"type": "InternalIP", "address": instance["PrivateIpAddress"]},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kubeletVersion": f"v{KUBERNETES_SANDBOX}",
                "kubeProxyVersion": f"v{KUBERNETES_SANDBOX}",
                "containerRuntimeVersion": "kwok",
                "kernelVersion": "",
                "osImage": "kwok",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
        },
    }


def _key(manifest: Manifest) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def _images(manifest: Manifest) -> list[str]:
    pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
    return [container["image"] for container in pod.get("containers", ())]
