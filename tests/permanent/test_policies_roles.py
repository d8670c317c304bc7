"""What each role must not do, named one by one, and next to it what it must: a policy that denies all fails as well."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from infra.contract import names
from tests.permanent.example import ACCOUNT, BOUNDARY_ARN, DEPLOY, PREVIEW, PUSH, REGION
from tests.support.iam import Request, Value, allows
from tests.support.iam_reference import actions, arns_overlap, names_key

Deeds = Mapping[str, tuple[Request, ...]]
"""Name → the requests that IAM sees: one for each resource of each call."""

OTHER_ACCOUNT = "210987654321"
CLUSTER, FOREIGN_CLUSTER = "staging", "staging-3"

BUCKET = f"arn:aws:s3:::{names.state_bucket(ACCOUNT, REGION)}"
STACK_STATE = f"{BUCKET}/.pulumi/stacks/infra-fleet/staging.json"
PERMANENT_STATE = f"{BUCKET}/.pulumi/stacks/infra-fleet-permanent/account.json"
LOCK = f"{BUCKET}/.pulumi/locks/organization/infra-fleet/staging/1.json"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
STATE_KEY = {"kms:ResourceAliases": ["alias/infra-fleet-state"]}
OTHER_KEY = {"kms:ResourceAliases": ["alias/billing"]}
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/load-harness"
OTHER_REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/payments"
PERMANENT_LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{names.log_group(CLUSTER)}"
GITHUB_PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
EKS_PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.{REGION}.amazonaws.com/id/A"
PUBLIC_IMAGES = f"arn:aws:ssm:{REGION}::parameter/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"

OWN = {"aws:ResourceTag/project": "infra-fleet"}
OTHERS = {"aws:ResourceTag/project": "payments"}
NEW = {"aws:RequestTag/project": "infra-fleet"}
OF_CLUSTER = {"aws:ResourceTag/ebs.csi.aws.com/cluster-name": CLUSTER}
RETAINED = {"aws:TagKeys": [names.RECLAIM_POLICY_TAG]}
BOUNDED = {"iam:PermissionsBoundary": BOUNDARY_ARN}
FROM_TEMPLATE = {"ec2:LaunchTemplate": f"arn:aws:ec2:{REGION}:{ACCOUNT}:launch-template/lt-1"}


def one(action: str, resource: str = "*", context: Mapping[str, Value] | None = None) -> tuple[Request, ...]:
    return (Request(action, resource, context or {}),)


def parameter(name: str) -> str:
    return f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"


def ec2(kind: str) -> str:
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/{kind}-1"


def load_balancer(kind: str = "loadbalancer/app/k8s/1") -> str:
    return f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:{kind}"


def eks(kind: str, cluster: str = CLUSTER) -> str:
    tail = {"cluster": "", "access-entry": f"/role/{ACCOUNT}/x/1", "podidentityassociation": "/a-1"}.get(kind, "/x/1")
    return f"arn:aws:eks:{REGION}:{ACCOUNT}:{kind}/{cluster}{tail}"


def role(name: str = "node-1", cluster: str = CLUSTER) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/infra-fleet/{cluster}/{name}"


def policy(name: str = "reads", cluster: str = CLUSTER) -> str:
    return f"arn:aws:iam::{ACCOUNT}:policy/infra-fleet/{cluster}/{name}"


def profile(cluster: str = CLUSTER) -> str:
    return f"arn:aws:iam::{ACCOUNT}:instance-profile/infra-fleet/{cluster}/jump-box-1"


def permanent_role(name: str) -> str:
    return names.role_arn(ACCOUNT, name)


def linked_role(service: str) -> tuple[Request, ...]:
    resource = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/AWSServiceRole"
    return one("iam:CreateServiceLinkedRole", resource, {"iam:AWSServiceName": service})


def passing(arn: str, service: str) -> tuple[Request, ...]:
    return one("iam:PassRole", arn, {"iam:PassedToService": service})


def attaching(arn: str, attached: str, boundary: Mapping[str, Value] = BOUNDED) -> tuple[Request, ...]:
    return one("iam:AttachRolePolicy", arn, {**boundary, "iam:PolicyARN": attached})


def launching(
    image_owner: str = "amazon", tags: Mapping[str, Value] = OWN, group: Mapping[str, Value] | None = None
) -> tuple[Request, ...]:
    """RunInstances as EC2 asks for it: once for each resource, and once for what the launch template tags."""
    action, tagged = "ec2:RunInstances", ("instance", "volume")
    return (
        Request(action, f"arn:aws:ec2:{REGION}::image/ami-1", {"ec2:Owner": image_owner}),
        *(Request(action, ec2(kind), NEW) for kind in tagged),
        *(Request("ec2:CreateTags", ec2(kind), {**NEW, "ec2:CreateAction": "RunInstances"}) for kind in tagged),
        Request(action, ec2("network-interface"), FROM_TEMPLATE),
        *(Request(action, ec2(kind), tags) for kind in ("launch-template", "subnet")),
        Request(action, ec2("security-group"), tags if group is None else group),
    )


def nodes_of(cluster: str) -> tuple[Request, ...]:
    """What EKS asks in its caller's name before it makes a node group from a launch template, or renews one.

    Source: EKS user guide, "Customize managed nodes with launch templates", tagging Amazon EC2 instances; the group's
    nodes are in the security group that EKS has made for the cluster.
    """
    return launching(group={"aws:ResourceTag/aws:eks:cluster-name": cluster})


PREVIEW_MAY: Deeds = {
    "list the state": one("s3:ListBucket", BUCKET),
    "read the state of a stack": one("s3:GetObject", STACK_STATE),
    "read the state of the permanent layer": one("s3:GetObject", PERMANENT_STATE),
    "read the backend's own file": one("s3:GetObject", f"{BUCKET}/.pulumi/meta.yaml"),
    "decrypt the state's data key": one("kms:Decrypt", KEY, STATE_KEY),
    "ask whether the cluster is up": one("eks:DescribeCluster", eks("cluster")),
    "check the account": one("sts:GetCallerIdentity"),
}

PREVIEW_MUST_NOT: Deeds = {
    "read the load harness' API key": one("ssm:GetParameter", parameter(names.LOAD_HARNESS_API_KEY)),
    "read Grafana's password": one("ssm:GetParameters", parameter(names.GRAFANA_ADMIN_PASSWORD)),
    "read the signing key": one("ssm:GetParameter", parameter(names.IMAGE_AUTOMATION_SIGNING_KEY)),
    "read the secrets by path": one("ssm:GetParametersByPath", parameter("/infra-fleet")),
    "read a parameter's history": one("ssm:GetParameterHistory", parameter(names.LOAD_HARNESS_API_KEY)),
    "read a secret of Secrets Manager": one(
        "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a"
    ),
    "decrypt with another key": one("kms:Decrypt", KEY, OTHER_KEY),
    "decrypt with a key without alias": one("kms:Decrypt", KEY),
    "encrypt with the state's key": one("kms:Encrypt", KEY, STATE_KEY),
    "hand the state's key on": one("kms:CreateGrant", KEY, STATE_KEY),
    "delete the state's key": one("kms:ScheduleKeyDeletion", KEY, STATE_KEY),
    "write the state": one("s3:PutObject", STACK_STATE),
    "delete the state": one("s3:DeleteObject", STACK_STATE),
    "lock a stack": one("s3:PutObject", LOCK),
    "free a lock": one("s3:DeleteObject", LOCK),
    "read what is next to the state": one("s3:GetObject", f"{BUCKET}/other"),
    "read an old version of the state": one("s3:GetObjectVersion", STACK_STATE),
    "read another bucket": one("s3:GetObject", "arn:aws:s3:::payments/.pulumi/stacks/a.json"),
    "open the state bucket": one("s3:PutBucketPolicy", BUCKET),
    "delete the state bucket": one("s3:DeleteBucket", BUCKET),
    "build a VPC": one("ec2:CreateVpc", ec2("vpc"), NEW),
    "launch an instance": launching(),
    "delete the cluster": one("eks:DeleteCluster", eks("cluster")),
    "describe the cluster of another platform": one("eks:DescribeCluster", eks("cluster", FOREIGN_CLUSTER)),
    "make itself an administrator of the cluster": one("eks:CreateAccessEntry", eks("cluster")),
    "make a role": one("iam:CreateRole", role(), BOUNDED),
    "attach a policy to itself": attaching(permanent_role(names.PREVIEW_ROLE), ADMINISTRATOR, {}),
    "change its own trust": one("iam:UpdateAssumeRolePolicy", permanent_role(names.PREVIEW_ROLE)),
    "become the deploy role": one("sts:AssumeRole", permanent_role(names.DEPLOY_ROLE)),
    "push an image": one("ecr:PutImage", REPOSITORY),
    "pull an image": one("ecr:BatchGetImage", REPOSITORY),
    "read the audit log": one("logs:GetLogEvents", f"{PERMANENT_LOGS}:log-stream:audit"),
    "delete the permanent log group": one("logs:DeleteLogGroup", PERMANENT_LOGS),
    "open a session on a node": one("ssm:StartSession", ec2("instance"), OWN),
}

PUSH_MAY: Deeds = {
    "log in to the registry": one("ecr:GetAuthorizationToken"),
    **{
        f"push: {action}": one(f"ecr:{action}", REPOSITORY)
        for action in (
            "BatchCheckLayerAvailability",
            "BatchGetImage",
            "CompleteLayerUpload",
            "InitiateLayerUpload",
            "PutImage",
            "UploadLayerPart",
        )
    },
}

PUSH_MUST_NOT: Deeds = {
    "push to another repository": one("ecr:PutImage", OTHER_REPOSITORY),
    "upload to another repository": one("ecr:InitiateLayerUpload", OTHER_REPOSITORY),
    "push to a repository whose name starts the same": one("ecr:PutImage", f"{REPOSITORY}-2"),
    "push to another account's repository": one("ecr:PutImage", REPOSITORY.replace(ACCOUNT, OTHER_ACCOUNT)),
    "push to another region": one("ecr:PutImage", REPOSITORY.replace(REGION, "us-east-1")),
    "read an image of another repository": one("ecr:BatchGetImage", OTHER_REPOSITORY),
    "delete an image": one("ecr:BatchDeleteImage", REPOSITORY),
    "let tags be overwritten": one("ecr:PutImageTagMutability", REPOSITORY),
    "change what expires": one("ecr:PutLifecyclePolicy", REPOSITORY),
    "keep images for ever": one("ecr:DeleteLifecyclePolicy", REPOSITORY),
    "switch the scan off": one("ecr:PutImageScanningConfiguration", REPOSITORY),
    "open the repository to another account": one("ecr:SetRepositoryPolicy", REPOSITORY),
    "close the repository": one("ecr:DeleteRepositoryPolicy", REPOSITORY),
    "open the registry": one("ecr:PutRegistryPolicy"),
    "copy images to another account": one("ecr:PutReplicationConfiguration"),
    "make a repository": one("ecr:CreateRepository", OTHER_REPOSITORY),
    "delete the repository": one("ecr:DeleteRepository", REPOSITORY),
    "read the state": one("s3:GetObject", STACK_STATE),
    "list the state": one("s3:ListBucket", BUCKET),
    "write the state": one("s3:PutObject", STACK_STATE),
    "decrypt the state's data key": one("kms:Decrypt", KEY, STATE_KEY),
    "read the signing key": one("ssm:GetParameter", parameter(names.IMAGE_AUTOMATION_SIGNING_KEY)),
    "describe the cluster": one("eks:DescribeCluster", eks("cluster")),
    "delete the cluster": one("eks:DeleteCluster", eks("cluster")),
    "launch an instance": launching(),
    "build a VPC": one("ec2:CreateVpc", ec2("vpc"), NEW),
    "make a role": one("iam:CreateRole", role(), BOUNDED),
    "pass a role": passing(role(), "ec2.amazonaws.com"),
    "attach a policy to itself": attaching(permanent_role(names.PUSH_ROLE), ADMINISTRATOR, {}),
    "change its own trust": one("iam:UpdateAssumeRolePolicy", permanent_role(names.PUSH_ROLE)),
    "become the deploy role": one("sts:AssumeRole", permanent_role(names.DEPLOY_ROLE)),
    "delete the permanent log group": one("logs:DeleteLogGroup", PERMANENT_LOGS),
}

DEPLOY_MAY: Deeds = {
    "read the state": one("s3:GetObject", STACK_STATE),
    "write the state of a stack": one("s3:PutObject", STACK_STATE),
    "lock and free a stack": (*one("s3:PutObject", LOCK), *one("s3:DeleteObject", LOCK)),
    "decrypt and encrypt the state's secrets": (
        *one("kms:Decrypt", KEY, STATE_KEY),
        *one("kms:Encrypt", KEY, STATE_KEY),
    ),
    "read the secrets for the bootstrap": tuple(
        Request("ssm:GetParameter", parameter(name)) for name in names.SECRET_PARAMETERS
    ),
    "find an image": one("ecr:DescribeImages", REPOSITORY),
    "build a VPC": (
        *one("ec2:CreateVpc", ec2("vpc"), NEW),
        *one("ec2:CreateTags", ec2("vpc"), {**NEW, "ec2:CreateAction": "CreateVpc"}),
    ),
    "build a subnet in its VPC": (
        *one("ec2:CreateSubnet", ec2("subnet"), NEW),
        *one("ec2:CreateSubnet", ec2("vpc"), OWN),
    ),
    "build a NAT gateway": (
        *one("ec2:CreateNatGateway", ec2("natgateway"), NEW),
        *one("ec2:CreateNatGateway", ec2("subnet"), OWN),
        *one("ec2:CreateNatGateway", ec2("elastic-ip"), OWN),
    ),
    "empty the default group of its VPC": (
        *one("ec2:CreateTags", ec2("security-group"), NEW),
        *one("ec2:RevokeSecurityGroupIngress", ec2("security-group"), OWN),
        *one("ec2:RevokeSecurityGroupEgress", ec2("security-group"), OWN),
    ),
    "let the jump box reach the cluster": (
        *one(
            "ec2:AuthorizeSecurityGroupIngress",
            ec2("security-group"),
            {"aws:ResourceTag/aws:eks:cluster-name": CLUSTER},
        ),
        *one("ec2:AuthorizeSecurityGroupIngress", ec2("security-group-rule"), NEW),
    ),
    "launch the jump box": (*launching(), *one("ssm:GetParameters", PUBLIC_IMAGES)),
    "delete its VPC": one("ec2:DeleteVpc", ec2("vpc"), OWN),
    "build the cluster": one("eks:CreateCluster", "*", {**NEW, "aws:RequestTag/cluster": CLUSTER}),
    "see which clusters and add-ons there are": (*one("eks:ListClusters"), *one("eks:DescribeAddonVersions")),
    "build a node group": (
        *one("eks:CreateNodegroup", eks("cluster")),
        *passing(role(), "eks.amazonaws.com"),
        *one("iam:GetRole", role()),
        *one("iam:ListAttachedRolePolicies", role()),
        *linked_role("eks-nodegroup.amazonaws.com"),
        *nodes_of(CLUSTER),
    ),
    "renew the nodes of a node group": (
        *one("eks:UpdateNodegroupVersion", eks("nodegroup")),
        *one("eks:DescribeUpdate", eks("nodegroup")),
        *nodes_of(CLUSTER),
    ),
    "upgrade a living cluster": (
        *one("eks:UpdateClusterVersion", eks("cluster")),
        *one("eks:DescribeUpdate", eks("cluster")),
        *one("eks:UpdateAddon", eks("addon")),
        *one("eks:DescribeUpdate", eks("addon")),
    ),
    "delete an add-on": one("eks:DeleteAddon", eks("addon")),
    "admit an administrator, a viewer and an editor": tuple(
        request
        for policy in ("AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy", "AmazonEKSEditPolicy")
        for request in (
            *one("eks:CreateAccessEntry", eks("cluster")),
            *one(
                "eks:AssociateAccessPolicy",
                eks("access-entry"),
                {"eks:policyArn": f"arn:aws:eks::aws:cluster-access-policy/{policy}"},
            ),
        )
    ),
    "take a viewer's access away": (
        *one("eks:ListAssociatedAccessPolicies", eks("access-entry")),
        *one("eks:DisassociateAccessPolicy", eks("access-entry")),
        *one("eks:DeleteAccessEntry", eks("access-entry")),
    ),
    "bind a ServiceAccount to a role": (
        *one("eks:CreatePodIdentityAssociation", eks("cluster")),
        *passing(role(), "pods.eks.amazonaws.com"),
    ),
    "make a role within the boundary": one("iam:CreateRole", role(), BOUNDED),
    "attach a policy of AWS that the stack names": attaching(role(), "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"),
    "attach a policy of the stack": attaching(role(), policy()),
    "pass the node role": passing(role(), "eks.amazonaws.com"),
    "make an instance profile": (
        *one("iam:CreateInstanceProfile", profile()),
        *one("iam:AddRoleToInstanceProfile", profile()),
        *passing(role(), "ec2.amazonaws.com"),
    ),
    "make the cluster's identity provider": (
        *one("iam:CreateOpenIDConnectProvider", EKS_PROVIDER, NEW),
        *one("iam:TagOpenIDConnectProvider", EKS_PROVIDER, NEW),
    ),
    "delete the cluster's identity provider": one("iam:DeleteOpenIDConnectProvider", EKS_PROVIDER, OWN),
    "make the service-linked role of spot instances": linked_role("spot.amazonaws.com"),
    "delete a load balancer that its cluster left": one(
        "elasticloadbalancing:DeleteLoadBalancer", load_balancer(), {"aws:ResourceTag/elbv2.k8s.aws/cluster": CLUSTER}
    ),
    "delete a load balancer that the cloud controller left": one(
        "elasticloadbalancing:DeleteLoadBalancer",
        load_balancer("loadbalancer/net/a/1"),
        {f"aws:ResourceTag/kubernetes.io/cluster/{CLUSTER}": "owned"},
    ),
    "delete an interface that its CNI left": one(
        "ec2:DeleteNetworkInterface",
        ec2("network-interface"),
        {"aws:ResourceTag/cluster.k8s.amazonaws.com/name": CLUSTER},
    ),
    "delete a volume that its cluster left": one(
        "ec2:DeleteVolume", ec2("volume"), {"aws:ResourceTag/ebs.csi.aws.com/cluster-name": CLUSTER}
    ),
    "mark a volume of its cluster as retained": one("ec2:CreateTags", ec2("volume"), RETAINED | OF_CLUSTER),
    "delete a snapshot that its cluster left": one(
        "ec2:DeleteSnapshot",
        f"arn:aws:ec2:{REGION}::snapshot/snap-1",
        {f"aws:ResourceTag/kubernetes.io/cluster/{CLUSTER}": "owned"},
    ),
    "delete a log group that its cluster left": one(
        "logs:DeleteLogGroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/eks/{CLUSTER}/other:*"
    ),
    "find what is left": (*one("tag:GetResources"), *one("logs:DescribeLogGroups"), *one("ec2:DescribeVolumes")),
}

DEPLOY_MUST_NOT: Deeds = {
    "make a role without the boundary": one("iam:CreateRole", role()),
    "make a role with another boundary": one("iam:CreateRole", role(), {"iam:PermissionsBoundary": ADMINISTRATOR}),
    "make a role outside its path": one("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/admin", BOUNDED),
    "make a role in the path of another cluster": one("iam:CreateRole", role(cluster=FOREIGN_CLUSTER), BOUNDED),
    "take the boundary from a role": one("iam:DeleteRolePermissionsBoundary", role(), BOUNDED),
    "put another boundary on a role": one(
        "iam:PutRolePermissionsBoundary", role(), {"iam:PermissionsBoundary": policy("mine")}
    ),
    "rewrite the boundary": one("iam:CreatePolicyVersion", BOUNDARY_ARN),
    "set an old version of the boundary": one("iam:SetDefaultPolicyVersion", BOUNDARY_ARN),
    "delete the boundary": one("iam:DeletePolicy", BOUNDARY_ARN),
    "attach AdministratorAccess to a role of the stack": attaching(role(), ADMINISTRATOR),
    "attach a policy to a role without the boundary": attaching(role(), policy(), {}),
    "attach a policy to itself": attaching(permanent_role(names.DEPLOY_ROLE), policy(), {}),
    "rewrite its own policy": one("iam:CreatePolicyVersion", names.policy_arn(ACCOUNT, "infra-fleet-deploy-roles")),
    "change its own trust": one("iam:UpdateAssumeRolePolicy", permanent_role(names.DEPLOY_ROLE)),
    "change the trust of the preview role": one("iam:UpdateAssumeRolePolicy", permanent_role(names.PREVIEW_ROLE)),
    "delete the push role": one("iam:DeleteRole", permanent_role(names.PUSH_ROLE)),
    "pass itself to an instance": passing(permanent_role(names.DEPLOY_ROLE), "ec2.amazonaws.com"),
    "pass a role of another path": passing(f"arn:aws:iam::{ACCOUNT}:role/admin", "ec2.amazonaws.com"),
    "pass a role of the stack to Lambda": passing(role(), "lambda.amazonaws.com"),
    "write an inline policy": one("iam:PutRolePolicy", role(), BOUNDED),
    "make a user": one("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/infra-fleet/{CLUSTER}/a"),
    "change GitHub's identity provider": one("iam:AddClientIDToOpenIDConnectProvider", GITHUB_PROVIDER, OWN),
    "delete GitHub's identity provider": one("iam:DeleteOpenIDConnectProvider", GITHUB_PROVIDER, OWN),
    "trust an identity provider of its own": one(
        "iam:CreateOpenIDConnectProvider", f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com", NEW
    ),
    "delete the identity provider of another cluster": one("iam:DeleteOpenIDConnectProvider", EKS_PROVIDER, OTHERS),
    "claim the identity provider of another project": one(
        "iam:TagOpenIDConnectProvider", EKS_PROVIDER, {**NEW, **OTHERS}
    ),
    "make a service-linked role of another service": linked_role("organizations.amazonaws.com"),
    "delete the state bucket": one("s3:DeleteBucket", BUCKET),
    "open the state bucket": one("s3:PutBucketPolicy", BUCKET),
    "stop the versions of the state": one("s3:PutBucketVersioning", BUCKET),
    "delete old versions of the state": one("s3:DeleteObjectVersion", STACK_STATE),
    "write the state of the permanent layer": one("s3:PutObject", PERMANENT_STATE),
    "delete the state of the permanent layer": one("s3:DeleteObject", PERMANENT_STATE),
    "write next to the state": one("s3:PutObject", f"{BUCKET}/other"),
    "delete the state's key": one("kms:ScheduleKeyDeletion", KEY, STATE_KEY),
    "change who may use the state's key": one("kms:PutKeyPolicy", KEY, STATE_KEY),
    "decrypt with another key": one("kms:Decrypt", KEY, OTHER_KEY),
    "overwrite a secret": one("ssm:PutParameter", parameter(names.LOAD_HARNESS_API_KEY)),
    "delete a secret": one("ssm:DeleteParameter", parameter(names.IMAGE_AUTOMATION_SIGNING_KEY)),
    "read another parameter": one("ssm:GetParameter", parameter("/payments/key")),
    "delete the permanent log group": one("logs:DeleteLogGroup", PERMANENT_LOGS),
    "delete the permanent log group by its other ARN": one("logs:DeleteLogGroup", f"{PERMANENT_LOGS}:*"),
    "shorten the retention of the permanent log group": one("logs:PutRetentionPolicy", PERMANENT_LOGS),
    "delete a log group of another cluster": one(
        "logs:DeleteLogGroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/eks/{FOREIGN_CLUSTER}/cluster"
    ),
    "delete an image": one("ecr:BatchDeleteImage", REPOSITORY),
    "push an image": one("ecr:PutImage", REPOSITORY),
    "delete the repository": one("ecr:DeleteRepository", REPOSITORY),
    "change the budget": one("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/infra-fleet"),
    "build a VPC without the stack's tag": one("ec2:CreateVpc", ec2("vpc")),
    "build a subnet in another's VPC": (
        *one("ec2:CreateSubnet", ec2("subnet"), NEW),
        *one("ec2:CreateSubnet", ec2("vpc"), OTHERS),
    ),
    "delete another's VPC": one("ec2:DeleteVpc", ec2("vpc"), OTHERS),
    "delete a VPC without tags": one("ec2:DeleteVpc", ec2("vpc")),
    "claim another's VPC by the stack's tag": one("ec2:CreateTags", ec2("vpc"), {**NEW, **OTHERS}),
    "claim a VPC without tags": one("ec2:CreateTags", ec2("vpc"), NEW),
    "claim another's security group": one("ec2:CreateTags", ec2("security-group"), {**NEW, **OTHERS}),
    "give what is its own to another project": one(
        "ec2:CreateTags", ec2("vpc"), {**OWN, "aws:RequestTag/project": "payments"}
    ),
    "open another's security group": one("ec2:AuthorizeSecurityGroupIngress", ec2("security-group"), OTHERS),
    "open the security group of another cluster": one(
        "ec2:AuthorizeSecurityGroupIngress",
        ec2("security-group"),
        {"aws:ResourceTag/aws:eks:cluster-name": FOREIGN_CLUSTER},
    ),
    "change another's route table": one("ec2:CreateRoute", ec2("route-table"), OTHERS),
    "launch an image of another account": launching(image_owner=OTHER_ACCOUNT),
    "launch into another's subnet": launching(tags=OTHERS),
    "launch nodes into the security group of another cluster": nodes_of(FOREIGN_CLUSTER),
    "end another's instance": one("ec2:TerminateInstances", ec2("instance"), OTHERS),
    "change the user data of another's instance": one("ec2:ModifyInstanceAttribute", ec2("instance"), OTHERS),
    "release another's address": one("ec2:ReleaseAddress", ec2("elastic-ip"), OTHERS),
    "delete a load balancer of another cluster": one(
        "elasticloadbalancing:DeleteLoadBalancer",
        load_balancer(),
        {"aws:ResourceTag/elbv2.k8s.aws/cluster": FOREIGN_CLUSTER},
    ),
    "delete a load balancer without tags": one("elasticloadbalancing:DeleteLoadBalancer", load_balancer()),
    "delete what a cluster shares": one(
        "ec2:DeleteSecurityGroup", ec2("security-group"), {f"aws:ResourceTag/kubernetes.io/cluster/{CLUSTER}": "shared"}
    ),
    "delete a volume of another cluster": one(
        "ec2:DeleteVolume", ec2("volume"), {f"aws:ResourceTag/kubernetes.io/cluster/{FOREIGN_CLUSTER}": "owned"}
    ),
    "delete a volume of no named cluster": one(
        "ec2:DeleteVolume", ec2("volume"), {"aws:ResourceTag/ebs.csi.aws.com/cluster": "true"}
    ),
    "mark a volume of another cluster as retained": one(
        "ec2:CreateTags", ec2("volume"), RETAINED | {"aws:ResourceTag/ebs.csi.aws.com/cluster-name": FOREIGN_CLUSTER}
    ),
    "mark something other than a volume as retained": one("ec2:CreateTags", ec2("instance"), RETAINED | OF_CLUSTER),
    "write another tag onto a volume of its cluster": one(
        "ec2:CreateTags", ec2("volume"), OF_CLUSTER | {"aws:TagKeys": ["project"]}
    ),
    "write another tag next to it": one(
        "ec2:CreateTags", ec2("volume"), OF_CLUSTER | {"aws:TagKeys": [names.RECLAIM_POLICY_TAG, "project"]}
    ),
    "build a cluster of another name": one(
        "eks:CreateCluster", "*", {**NEW, "aws:RequestTag/cluster": FOREIGN_CLUSTER}
    ),
    "build a cluster without the stack's tag": one("eks:CreateCluster", "*", {"aws:RequestTag/cluster": CLUSTER}),
    "let a developer into another cluster": one("eks:AssociateAccessPolicy", eks("access-entry", FOREIGN_CLUSTER)),
    "delete another cluster": one("eks:DeleteCluster", eks("cluster", FOREIGN_CLUSTER)),
    "delete a node group of another cluster": one("eks:DeleteNodegroup", eks("nodegroup", FOREIGN_CLUSTER)),
    "admit itself to another cluster": one("eks:CreateAccessEntry", eks("cluster", FOREIGN_CLUSTER)),
    "become another role": one("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    "open a session on an instance": one("ssm:StartSession", ec2("instance"), OWN),
}

GRANTS = {"preview": (PREVIEW, PREVIEW_MAY), "push": (PUSH, PUSH_MAY), "deploy": (DEPLOY, DEPLOY_MAY)}
REFUSALS = {
    "preview": (PREVIEW, PREVIEW_MUST_NOT),
    "push": (PUSH, PUSH_MUST_NOT),
    "deploy": (DEPLOY, DEPLOY_MUST_NOT),
}


@pytest.mark.parametrize(("role", "deed"), [(role, deed) for role, (_, deeds) in GRANTS.items() for deed in deeds])
def test_a_role_may(role: str, deed: str) -> None:
    documents, deeds = GRANTS[role]
    for request in deeds[deed]:
        assert allows(documents, request), request


@pytest.mark.parametrize(("role", "deed"), [(role, deed) for role, (_, deeds) in REFUSALS.items() for deed in deeds])
def test_a_role_must_not(role: str, deed: str) -> None:
    documents, deeds = REFUSALS[role]
    assert not allows(documents, *deeds[deed])


@pytest.mark.parametrize("role", REFUSALS)
def test_thirty_things_are_named_that_a_role_must_not_do(role: str) -> None:
    assert len(REFUSALS[role][1]) >= 30


@pytest.mark.parametrize("role", REFUSALS)
def test_every_deed_is_one_that_aws_knows(role: str) -> None:
    """Else a misspelt request would pass for a refused one."""
    for request in (request for deeds in (GRANTS, REFUSALS) for deed in deeds[role][1].values() for request in deed):
        action = actions()[request.action.lower()]
        types = [kind for kind in action.types if request.resource == "*" or arns_overlap(kind, request.resource)]
        assert types or request.resource == "*", request
        known = action.keys.union(*(kind.keys for kind in types))
        assert all(names_key(known, key) for key in request.context), request
