"""The EKS control plane, who may use it, and the identity provider that its ServiceAccounts come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import roles, trust
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.network import Network
    from infra.settings import Settings

CLUSTER_POLICY = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
CLUSTER_ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


class Cluster(pulumi.ComponentResource):
    """An EKS cluster with API authentication and explicit access entries.

    It waits for subnets and its role, not for NAT, which is built beneath it. Its log group belongs to the permanent
    layer, so that last night's audit log can be read; EKS would make one without retention.

    Attributes:
        resource: the cluster itself, for `deleted_with`.
        name: the cluster's name as an output, so that what takes it is replaced with the cluster.
        issuer: the OIDC issuer, with its `https://`.
        oidc_provider: the IAM identity provider of the issuer.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        network: Network,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{names.PROJECT}:index:Cluster", "cluster", None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = roles.make(
            "cluster", settings, trust=trust.service_trust("eks.amazonaws.com", tag_session=True), opts=child
        )
        attachment = roles.attach("cluster", role, CLUSTER_POLICY, opts=child)
        public = settings.endpoint_access == "public"
        self.resource = aws.eks.Cluster(
            "cluster",
            name=settings.cluster_name,
            version=settings.kubernetes_version,
            role_arn=role.arn,
            access_config=aws.eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            bootstrap_self_managed_addons=False,
            enabled_cluster_log_types=list(settings.control_plane_logs),
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            deletion_protection=settings.deletion_protection,
            kubernetes_network_config=aws.eks.ClusterKubernetesNetworkConfigArgs(
                service_ipv4_cidr=str(settings.service_cidr)
            ),
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                subnet_ids=list(network.private_subnet_ids),
                endpoint_private_access=True,
                endpoint_public_access=public,
                public_access_cidrs=[str(cidr) for cidr in settings.endpoint_public_cidrs] if public else None,
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[attachment],
                # AWS moves no cluster to another VPC, and has one of a name.
                replace_with=[network.vpc],
                delete_before_replace=True,
                # A destroy then fails in its preview, before anything is gone: AWS would refuse it half way.
                protect=settings.deletion_protection,
                custom_timeouts=pulumi.CustomTimeouts(create="30m", update="60m", delete="20m"),
            ),
        )
        self.name = self.resource.name
        self.issuer = self.resource.identities.apply(_issuer)
        self.oidc_provider = aws.iam.OpenIdConnectProvider(
            "oidc", url=self.issuer, client_id_lists=["sts.amazonaws.com"], opts=child
        )
        for arn in (names.role_arn(settings.account_id, names.DEPLOY_ROLE), *settings.cluster_admins):
            self._admit(names.role_name(arn), arn)
        self.register_outputs({"name": self.name})

    def _admit(self, name: str, role_arn: str) -> None:
        """Make a role an administrator of the cluster. The entry vanishes with it."""
        with_cluster = pulumi.ResourceOptions(parent=self, deleted_with=self.resource)
        entry = aws.eks.AccessEntry(
            name, cluster_name=self.name, principal_arn=role_arn, type="STANDARD", opts=with_cluster
        )
        aws.eks.AccessPolicyAssociation(
            name,
            cluster_name=self.name,
            principal_arn=entry.principal_arn,
            policy_arn=CLUSTER_ADMIN,
            access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            opts=with_cluster,
        )


def _issuer(identities: Sequence[aws.eks.outputs.ClusterIdentity]) -> str:
    """The one issuer of a cluster; EKS gives it inside two lists.

    Raises:
        ValueError: the cluster has none, which no cluster that is ACTIVE does.
    """
    for identity in identities:
        for oidc in identity.oidcs or ():
            if oidc.issuer:
                return oidc.issuer
    raise ValueError(f"the cluster has no OIDC issuer: {identities!r}")
