"""A stand-in for the EBS CSI driver's controller: volumes of PersistentVolumeClaims in the account, with the real tags.

For claims whose StorageClass has the provisioner ebs.csi.aws.com, or that name none. It attaches a volume to the
instance of the node that a pod with it runs on. It makes no snapshots, resizes nothing, and knows no parameters.

Source: Amazon EBS CSI driver, docs/tagging.md and pkg/driver/constants.go; Kubernetes, "Persistent Volumes".
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions

from common.errors import FleetError
from common.kubernetes.api import NODE, POD, Kind
from common.kubernetes.objects import mappings, name_of, text
from sandbox.cluster import pod

if TYPE_CHECKING:
    from common.kubernetes.api import Cluster, Manifest

PROVISIONER = "ebs.csi.aws.com"
MANAGER = "ebs-csi-controller"
FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)
CLASS = Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False)
DEVICE = "/dev/xvdaa"
GIB = 1


@dataclass(frozen=True)
class Controller:
    """Reconciles claims and volumes."""

    cluster: Cluster
    name: str
    zone: str
    ec2: Any

    def step(self) -> None:
        """Provision what is claimed, attach what is mounted, and delete what is released."""
        classes = {
            each["metadata"]["name"]: text(each, "reclaimPolicy") or "Delete"
            for each in self.cluster.list(CLASS)
            if each["provisioner"] == PROVISIONER
        }
        volumes = [each for each in self.cluster.list(VOLUME) if text(each, "spec", "csi", "driver") == PROVISIONER]
        try:
            for claim in self.cluster.list(CLAIM):
                named = text(claim, "spec", "storageClassName")
                deleting = bool(claim["metadata"].get("deletionTimestamp"))
                if not text(claim, "spec", "volumeName") and not deleting and (not named or named in classes):
                    self._provision(
                        claim, classes.get(named, "Delete"), {text(each, "spec", "claimRef", "uid") for each in volumes}
                    )
            mounted = self._mounted()
            for volume in volumes:
                self._attach(volume, mounted.get(_claim_of(volume), ""))
                released = text(volume, "status", "phase") == "Released" or volume["metadata"].get("deletionTimestamp")
                is_retained = text(volume, "spec", "persistentVolumeReclaimPolicy") == "Retain"
                if released and not is_retained and not pod.is_stuck(MANAGER):
                    self._delete(volume)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            raise FleetError(f"AWS refuses: {error}") from None

    def _provision(self, claim: Manifest, policy: str, known: set[str]) -> None:
        uid = claim["metadata"]["uid"]
        if uid in known:
            return
        name = f"pvc-{uid}"
        tags = {
            "ebs.csi.aws.com/cluster": "true",
            "CSIVolumeName": name,
            "kubernetes.io/created-for/pvc/namespace": claim["metadata"]["namespace"],
            "kubernetes.io/created-for/pvc/name": claim["metadata"]["name"],
            "kubernetes.io/created-for/pv/name": name,
            f"kubernetes.io/cluster/{self.name}": "owned",
            "ebs.csi.aws.com/cluster-name": self.name,
            "KubernetesCluster": self.name,
            "Name": f"{self.name}-dynamic-{name}",
        }
        specification = {"ResourceType": "volume", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
        made = self.ec2.create_volume(
            Size=GIB, AvailabilityZone=self.zone, VolumeType="gp3", Encrypted=True, TagSpecifications=[specification]
        )["VolumeId"]
        reference = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "name": claim["metadata"]["name"],
            "namespace": claim["metadata"]["namespace"],
            "uid": uid,
        }
        spec = {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": reference,
            "csi": {"driver": PROVISIONER, "volumeHandle": made, "fsType": "ext4"},
            "persistentVolumeReclaimPolicy": policy,
            **({"storageClassName": named} if (named := text(claim, "spec", "storageClassName")) else {}),
        }
        metadata = {"name": name, "finalizers": [FINALIZER] if policy == "Delete" else []}
        self.cluster.apply(VOLUME, {"metadata": metadata, "spec": spec}, MANAGER, force=True)
        pod.say(f"{name_of(claim)} has {made}")

    def _mounted(self) -> dict[str, str]:
        """Claim → the instance of the node that a pod with it runs on."""
        instances = {
            each["metadata"]["name"]: text(each, "spec", "providerID").rpartition("/")[2]
            for each in self.cluster.list(NODE)
        }
        return {
            f"{each['metadata']['namespace']}/{text(volume, 'persistentVolumeClaim', 'claimName')}": instances[node]
            for each in self.cluster.list(POD)
            for volume in mappings(each, "spec", "volumes")
            if "persistentVolumeClaim" in volume and (node := text(each, "spec", "nodeName")) in instances
        }

    def _attach(self, volume: Manifest, instance: str) -> None:
        identity = volume["spec"]["csi"]["volumeHandle"]
        found = self.ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [identity]}])["Volumes"]
        attached = bool(found and found[0]["Attachments"])
        if instance and found and not attached:
            self.ec2.attach_volume(VolumeId=identity, InstanceId=instance, Device=DEVICE)
        elif attached and not instance:
            self.ec2.detach_volume(VolumeId=identity, InstanceId=found[0]["Attachments"][0]["InstanceId"])

    def _delete(self, volume: Manifest) -> None:
        identity, name = volume["spec"]["csi"]["volumeHandle"], volume["metadata"]["name"]
        try:
            self.ec2.delete_volume(VolumeId=identity)
        except botocore.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") != "InvalidVolume.NotFound":
                raise
        self.cluster.merge(VOLUME, {"metadata": {"name": name, "finalizers": None}}, MANAGER)
        self.cluster.delete(VOLUME, name)
        pod.say(f"{name} and {identity} are gone")


def _claim_of(volume: Manifest) -> str:
    return f"{text(volume, 'spec', 'claimRef', 'namespace')}/{text(volume, 'spec', 'claimRef', 'name')}"


def main() -> None:
    """Serve; the arguments are a pod's."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.cluster.ebs_csi_controller", description=__doc__)
    parser.add_argument("--k8s-tag-cluster-id", required=True, help="the EKS cluster")
    parser.add_argument("--region", required=True, help="its region")
    parser.add_argument("--http-endpoint", required=True, help="where probes are answered")
    arguments, _others = parser.parse_known_args()
    pod.serve_probes(arguments.http_endpoint)
    pod.say("a stand-in for ebs-csi-controller: see fleet sandbox cluster --help")
    ec2: Any = boto3.Session(region_name=arguments.region).client("ec2")  # pyright: ignore[reportUnknownMemberType]
    controller = Controller(pod.cluster(), arguments.k8s_tag_cluster_id, f"{arguments.region}a", ec2)
    pod.loop(pod.step_as_leader(MANAGER, controller.step))


if __name__ == "__main__":
    main()
