"""EKS add-ons, pinned: those that nodes need to become ready, and those that need nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.cluster import Cluster
    from infra.roles import WorkloadRole
    from infra.settings import Settings

SPREAD_OVER = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
"""Node and zone, in their well-known labels: names are resolved while one of them is gone."""


@dataclass(frozen=True)
class Addon:
    """An add-on, its configuration (`configurationValues`) and, where it calls AWS, the role of its ServiceAccount."""

    name: str
    configuration: Mapping[str, pulumi.Input[object]] = field(default_factory=dict[str, pulumi.Input[object]])
    role: WorkloadRole | None = None


def before_nodes(*, cni: WorkloadRole) -> list[Addon]:
    """What a node needs to become ready. The CNI's configuration schema takes strings only."""
    configuration = {
        "enableNetworkPolicy": "true",
        "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"},
    }
    return [Addon("vpc-cni", configuration, cni), Addon("kube-proxy"), Addon("eks-pod-identity-agent")]


def after_nodes(cluster: Cluster, *, ebs_csi: WorkloadRole) -> list[Addon]:
    """What runs on nodes; made earlier, it would be DEGRADED until they come.

    The tag id puts the cluster's name on every volume, so that one that is left behind can be attributed.
    """
    configuration = {"controller": {"k8sTagClusterId": cluster.name}, "defaultStorageClass": {"enabled": True}}
    return [
        Addon("coredns", {"replicaCount": 2, "topologySpreadConstraints": [_spread(key) for key in SPREAD_OVER]}),
        Addon("aws-ebs-csi-driver", configuration, ebs_csi),
        Addon("metrics-server", {"replicas": 1}),
    ]


def _spread(topology_key: str) -> dict[str, object]:
    """Spread CoreDNS's pods, or schedule them anyway: on one node the second would wait for ever.

    Source: EKS user guide, "Manage CoreDNS for DNS in Amazon EKS clusters", default topologySpreadConstraints.
    """
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }


class Addons(pulumi.ComponentResource):
    """Some add-ons of a cluster, side by side. They vanish with it."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        addons: Sequence[Addon],
        *,
        cluster: Cluster,
        depends_on: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{names.PROJECT}:index:Addons", name, None, opts)
        self.resources: list[pulumi.Resource] = [
            aws.eks.Addon(
                addon.name,
                cluster_name=cluster.name,
                addon_name=addon.name,
                addon_version=settings.addon_version(addon.name),
                configuration_values=pulumi.Output.json_dumps(addon.configuration) if addon.configuration else None,
                service_account_role_arn=addon.role.arn if addon.role else None,
                resolve_conflicts_on_create="OVERWRITE",
                resolve_conflicts_on_update="OVERWRITE",
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=[*depends_on, *([addon.role.granted] if addon.role else [])],
                    deleted_with=cluster.resource,
                    custom_timeouts=pulumi.CustomTimeouts(create="10m", update="10m", delete="10m"),
                ),
            )
            for addon in addons
        ]
        self.register_outputs({})
