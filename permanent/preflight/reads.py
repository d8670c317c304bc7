"""The calls of the check, each with the permission that it needs: no other call can be made.

`permanent.policies` grants them to the preview and the deploy role.

Source: service authorization reference, Actions, resources, and condition keys, of each service.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.contract import names
from infra.contract.sweep_policies import Permission


@dataclass(frozen=True)
class Read:
    """An operation that changes nothing.

    Attributes:
        service: boto3's name of it.
        operation: boto3's name of it.
        action: the IAM action that it needs.
        resources: what the action is allowed on, as `Permission` has it.
    """

    service: str
    operation: str
    action: str
    resources: tuple[str, ...] = ("*",)

    @property
    def permission(self) -> Permission:
        """What it needs."""
        return Permission((self.action,), self.resources)


CALLER = Read("sts", "get_caller_identity", "sts:GetCallerIdentity")
REGION = Read("ec2", "describe_regions", "ec2:DescribeRegions")
ZONES = Read("ec2", "describe_availability_zones", "ec2:DescribeAvailabilityZones")
OFFERINGS = Read("ec2", "describe_instance_type_offerings", "ec2:DescribeInstanceTypeOfferings")
INSTANCE_TYPES = Read("ec2", "describe_instance_types", "ec2:DescribeInstanceTypes")
INSTANCES = Read("ec2", "describe_instances", "ec2:DescribeInstances")
ADDRESSES = Read("ec2", "describe_addresses", "ec2:DescribeAddresses")
VPCS = Read("ec2", "describe_vpcs", "ec2:DescribeVpcs")
INTERNET_GATEWAYS = Read("ec2", "describe_internet_gateways", "ec2:DescribeInternetGateways")
NAT_GATEWAYS = Read("ec2", "describe_nat_gateways", "ec2:DescribeNatGateways")
SUBNETS = Read("ec2", "describe_subnets", "ec2:DescribeSubnets")
QUOTA = Read("service-quotas", "get_service_quota", "servicequotas:GetServiceQuota")
DEFAULT_QUOTA = Read("service-quotas", "get_aws_default_service_quota", "servicequotas:GetAWSDefaultServiceQuota")
ADDON_VERSIONS = Read("eks", "describe_addon_versions", "eks:DescribeAddonVersions")
CLUSTER_VERSIONS = Read("eks", "describe_cluster_versions", "eks:DescribeClusterVersions")
ROLE = Read("iam", "get_role", "iam:GetRole", ("iam::@account_id@:role/*",))
"""Any role: IAM finds a role by its name alone, and a wrong path is what the check is to find."""
PROVIDER = Read(
    "iam",
    "get_open_id_connect_provider",
    "iam:GetOpenIDConnectProvider",
    (f"iam::@account_id@:oidc-provider/{names.GITHUB_ISSUER}",),
)
BOUNDARY = Read("iam", "get_policy", "iam:GetPolicy", (f"iam::@account_id@:policy/{names.BOUNDARY}",))
ALIASES = Read("kms", "list_aliases", "kms:ListAliases")
LOG_GROUPS = Read("logs", "describe_log_groups", "logs:DescribeLogGroups")
REPOSITORIES = Read(
    "ecr", "describe_repositories", "ecr:DescribeRepositories", ("ecr:@region@:@account_id@:repository/*",)
)
PARAMETERS = Read("ssm", "describe_parameters", "ssm:DescribeParameters")
BUDGET = Read("budgets", "describe_budget", "budgets:ViewBudget", (f"budgets::@account_id@:budget/{names.BUDGET}",))
BUCKET = Read("s3", "list_objects_v2", "s3:ListBucket", (f"s3:::{names.PROJECT}-state-@account_id@-@region@",))

GRANTED = (
    *(CALLER, REGION, ZONES, OFFERINGS, INSTANCE_TYPES, INSTANCES, ADDRESSES, VPCS, INTERNET_GATEWAYS, NAT_GATEWAYS),
    *(SUBNETS, QUOTA, DEFAULT_QUOTA, ADDON_VERSIONS, CLUSTER_VERSIONS, ROLE, PROVIDER, BOUNDARY, ALIASES, LOG_GROUPS),
    *(REPOSITORIES, PARAMETERS, BUDGET),
)
"""All that the check's own policy grants: both roles list the state's bucket anyway."""


def permissions() -> tuple[Permission, ...]:
    """What both roles are granted for the check."""
    return tuple(read.permission for read in GRANTED)
