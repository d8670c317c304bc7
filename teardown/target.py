"""What to delete: account, region, VPC, cluster; and what the stack's state still lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common import target
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Mapping

RETAIN = "Retain"


@dataclass(frozen=True)
class PersistentVolume:
    """A PersistentVolume of the cluster, and the EBS volume behind it."""

    name: str
    volume_id: str
    is_retained: bool
    """Whether its reclaim policy is Retain."""


@dataclass(frozen=True)
class Target(target.Target):
    """The one cluster, where it is, and what is known of what it leaves."""

    vpc_id: str = ""
    """Empty if nobody knows it any more: then nothing that is bound to a VPC is deleted."""

    persistent_volumes: tuple[PersistentVolume, ...] = ()
    """Those whose EBS volume is not to be deleted: of Retain, or in use while the cluster lives."""
    volumes_held: str = ""
    """Why no volume may be deleted: the cluster lives, and does not say what its PersistentVolumes use."""

    def has(self, vpc_id: str | None) -> bool:
        """Whether a VPC is known to be the cluster's."""
        return bool(vpc_id) and vpc_id == self.vpc_id

    def may_have(self, vpc_id: str | None) -> bool:
        """Whether a VPC may be the cluster's: any may be, where nobody knows the cluster's."""
        return not self.vpc_id or self.has(vpc_id)

    def why_kept(self, volume_id: str, tags: Mapping[str, str]) -> str:
        """Why a volume outlives the cluster on purpose; empty if it does not."""
        found = [each.name for each in self.persistent_volumes if each.volume_id == volume_id and each.is_retained]
        if found:
            return f"the PersistentVolume {found[0]} says {RETAIN}"
        tagged = tags.get(names.RECLAIM_POLICY_TAG) == RETAIN
        return f"its PersistentVolume said {RETAIN}, says its tag {names.RECLAIM_POLICY_TAG}" if tagged else ""

    def why_held(self, volume_id: str) -> str:
        """Why a volume that is attached to nothing cannot be deleted yet; empty if it can."""
        found = [each.name for each in self.persistent_volumes if each.volume_id == volume_id]
        return f"the PersistentVolume {found[0]} of the living cluster uses it" if found else self.volumes_held
