"""AWS identities of workloads: IRSA where a manifest or add-on names the role, Pod Identity where Flux owns the pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import policy_documents, roles
from infra.contract import names
from infra.trust import irsa_trust, pod_identity_trust

if TYPE_CHECKING:
    from infra.cluster import Cluster
    from infra.settings import Settings

CNI_POLICY = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
EBS_CSI_POLICY = "arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicyV2"


class Identity(pulumi.ComponentResource):
    """The roles of the ServiceAccounts that call AWS.

    Attributes:
        cni, ebs_csi: for the add-ons.
        grants: the attachments of all of them; what they serve runs on nodes, so nodes drain before they go.
        load_balancer_controller_role_arn: for the manifest, by way of the ConfigMap.
    """

    def __init__(self, settings: Settings, *, cluster: Cluster, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{names.PROJECT}:index:Identity", "identity", None, opts)
        self._settings = settings
        self._cluster = cluster
        self._child = pulumi.ResourceOptions(parent=self)

        self.grants: list[pulumi.Resource] = []
        self.cni = self._aws_managed("vpc-cni", "aws-node", CNI_POLICY)
        self.ebs_csi = self._aws_managed("ebs-csi", "ebs-csi-controller-sa", EBS_CSI_POLICY)
        controller = self._irsa_role("load-balancer-controller", "kube-system", "aws-load-balancer-controller")
        own = cluster.name.apply(lambda name: policy_documents.document("load-balancer-controller", cluster=name))
        self._grant("load-balancer-controller", controller, own)
        self.load_balancer_controller_role_arn = controller.arn
        self._image_reflector()
        self.register_outputs({})

    def _image_reflector(self) -> None:
        """Let Flux scan the named repositories. Its ServiceAccount comes from Flux's own manifests: no annotation."""
        settings, name = self._settings, "image-reflector-controller"
        trust = self._cluster.name.apply(
            lambda cluster: pod_identity_trust(settings.account_id, cluster, "flux-system", name)
        )
        role = roles.make(name, settings, trust=trust, opts=self._child)
        arns = [
            names.ecr_repository_arn(settings.account_id, settings.region, repository)
            for repository in names.IMAGE_REPOSITORIES
        ]
        self._grant(name, role, policy_documents.document(name, repositories=arns))
        aws.eks.PodIdentityAssociation(
            name,
            cluster_name=self._cluster.name,
            namespace="flux-system",
            service_account=name,
            role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, deleted_with=self._cluster.resource),
        )

    def _aws_managed(self, name: str, service_account: str, policy_arn: str) -> roles.WorkloadRole:
        role = self._irsa_role(name, "kube-system", service_account)
        self.grants.append(roles.attach(name, role, policy_arn, opts=self._child))
        return roles.WorkloadRole(role.arn, self.grants[-1])

    def _irsa_role(self, name: str, namespace: str, service_account: str) -> aws.iam.Role:
        provider = self._cluster.oidc_provider
        trust = pulumi.Output.all(provider.arn, provider.url).apply(
            lambda known: irsa_trust(known[0], known[1], namespace, service_account)
        )
        return roles.make(name, self._settings, trust=trust, opts=self._child)

    def _grant(self, name: str, role: aws.iam.Role, document: pulumi.Input[str]) -> None:
        path = names.iam_path(self._settings.cluster_name)
        policy = aws.iam.Policy(name, path=path, policy=document, opts=self._child)
        self.grants.append(roles.attach(name, role, policy.arn, opts=self._child))
