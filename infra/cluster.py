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
POLICIES = "arn:aws:eks::aws:cluster-access-policy"
CLUSTER_ADMIN = f"{POLICIES}/AmazonEKSClusterAdminPolicy"
VIEW, EDIT = f"{POLICIES}/AmazonEKSViewPolicy", f"{POLICIES}/AmazonEKSEditPolicy"
"""EKS user guide, "Review access policy permissions"."""


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
        deploy = names.role_arn(settings.account_id, names.DEPLOY_ROLE)
        entries = {arn: self._entry(arn) for arn in (deploy, *settings.people)}
        for arn in (deploy, *settings.cluster_admins):
            self._allow(names.role_name(arn), entries[arn], CLUSTER_ADMIN)
        for kind, policy, accesses in (
            ("view", VIEW, settings.cluster_viewers),
            ("edit", EDIT, settings.cluster_editors),
        ):
            for access in accesses:
                # A colon is in no role's path or name.
                name = f"{names.role_name(access.role)}:{kind}"
                self._allow(name, entries[access.role], policy, access.namespaces)
        self.register_outputs({"name": self.name})

    def _entry(self, role_arn: str) -> aws.eks.AccessEntry:
        """Make a role known to the cluster. A principal has one entry, which vanishes with the cluster."""
        return aws.eks.AccessEntry(
            names.role_name(role_arn),
            cluster_name=self.name,
            principal_arn=role_arn,
            type="STANDARD",
            opts=pulumi.ResourceOptions(parent=self, deleted_with=self.resource),
        )

    def _allow(self, name: str, entry: aws.eks.AccessEntry, policy_arn: str, namespaces: Sequence[str] = ()) -> None:
        """Associate an access policy with an entry, in some namespaces or in the whole cluster."""
        aws.eks.AccessPolicyAssociation(
            name,
            cluster_name=self.name,
            principal_arn=entry.principal_arn,
            policy_arn=policy_arn,
            access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(
                type="namespace" if namespaces else "cluster", namespaces=list(namespaces) or None
            ),
            # Another scope is a replacement, and an entry has one association of a policy: made first, it would be the
            # one that is then deleted.
            opts=pulumi.ResourceOptions(parent=self, deleted_with=self.resource, delete_before_replace=True),
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
