"""Volumes that outlive the cluster on purpose: what its PersistentVolumes say, and how that is remembered.

Source: Kubernetes, "Persistent Volumes" (reclaim policy; CSI and in-tree EBS volumes); Amazon EBS CSI driver,
docs/tagging.md.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from common.errors import FleetError, UnknownError
from common.kubernetes.api import Kind
from common.kubernetes.objects import text
from infra.contract import names
from teardown import capture
from teardown.claim import Claim
from teardown.kinds import network
from teardown.target import RETAIN, PersistentVolume

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from common.kubernetes.api import Cluster, Manifest
    from common.target import Proven
    from teardown.target import Target

PERSISTENT_VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)
DRIVER = "ebs.csi.aws.com"
VOLUME_ID = re.compile(r"vol-[0-9a-f]+")


def read(cluster: Cluster) -> list[PersistentVolume]:
    """The PersistentVolumes that an EBS volume is behind.

    Raises:
        UnknownError: the API server does not say.
    """
    try:
        manifests = cluster.list(PERSISTENT_VOLUME)
    except FleetError as error:
        raise UnknownError(f"which volumes are to be retained is unknown: {error}") from None
    return [volume for each in manifests if (volume := parse(each))]


def parse(manifest: Manifest) -> PersistentVolume | None:
    """Read a PersistentVolume; None if no EBS volume is behind it."""
    is_ebs = text(manifest, "spec", "csi", "driver") == DRIVER
    handle = text(manifest, "spec", "csi", "volumeHandle") if is_ebs else ""
    handle = handle or text(manifest, "spec", "awsElasticBlockStore", "volumeID")
    volume_id = handle.rpartition("/")[2]  # in-tree: aws://<zone>/<id>, or the id alone
    if not VOLUME_ID.fullmatch(volume_id):
        return None
    policy = text(manifest, "spec", "persistentVolumeReclaimPolicy") or RETAIN  # the API's default
    return PersistentVolume(text(manifest, "metadata", "name"), volume_id, policy == RETAIN)


def retained(target: Target, volumes: Iterable[PersistentVolume]) -> Target:
    """The target, with those of the volumes that say Retain added to those that are known."""
    return _with(target, (each for each in volumes if each.is_retained))


def learn(aws: Proven, target: Target, cluster: Cluster, path: Path) -> tuple[Target, list[str]]:
    """Ask the cluster which volumes are retained, and remember them: the target that knows them, and what failed.

    Raises:
        UnknownError: the API server does not say.
        FleetError: the captured file cannot be written.
    """
    target = retained(target, read(cluster))
    return target, remember(aws, target, path)


def of_living(aws: Proven, target: Target, path: Path, *, write: bool) -> tuple[Target, list[str]]:
    """The target of a sweep alone, in which a cluster may live on, and what could not be tagged.

    A volume that a PersistentVolume of the cluster has is not deleted, attached or not: a pod may want it again. Where
    the cluster does not say, that holds for all volumes.

    Args:
        aws: whose cluster is asked.
        target: what is to go.
        path: the captured file.
        write: whether what is retained is remembered.

    Raises:
        FleetError: the API server answers, but does not say; or the captured file cannot be written.
    """
    cluster, why = aws.cluster()
    if cluster:
        volumes = read(cluster)
        target = retained(target, volumes)
        return _with(target, volumes), remember(aws, target, path) if write else []
    return replace(target, volumes_held=f"it may be in use: {why}" if aws.is_alive else ""), []


def remember(aws: Proven, target: Target, path: Path) -> list[str]:
    """Write down which volumes are retained: into the captured file, and as a tag onto each volume of the cluster.

    Gives what could not be tagged, with the command that does it: the next run may be on another machine.

    Raises:
        FleetError: the file cannot be written.
    """
    kept = {each.volume_id: each for each in target.persistent_volumes if each.is_retained}
    if not kept:
        return []
    capture.write(path, replace(target, persistent_volumes=tuple(kept.values())))
    try:
        found = list(network.volumes(aws, target))
    except UnknownError as error:
        return [_untagged(volume_id, error) for volume_id in kept]
    failed: list[str] = []
    for each in found:
        if each.id in kept and each.claim is Claim.OURS and each.tags.get(names.RECLAIM_POLICY_TAG) != RETAIN:
            try:
                network.mark_retained(aws, each.id)
            except UnknownError as error:
                failed.append(_untagged(each.id, error))
    return failed


def _untagged(volume_id: str, why: FleetError) -> str:
    tag = f"Key={names.RECLAIM_POLICY_TAG},Value={RETAIN}"
    return (
        f"{volume_id} is kept by this run, but its tag cannot be written, so the next run may delete it: {why}; "
        f"aws ec2 create-tags --resources {volume_id} --tags {tag}"
    )


def _with(target: Target, volumes: Iterable[PersistentVolume]) -> Target:
    added = {each.volume_id: each for each in (*target.persistent_volumes, *volumes)}
    return replace(target, persistent_volumes=tuple(added.values()))
