"""How what a pending operation made is found in AWS, and the id by which pulumi-aws imports it: one table.

Found is what agrees with the operation's inputs: by name where the inputs have one, else by the stack's own tags and
what the resource itself is. What carries tags must carry all of the inputs' `tagsAll`: the name alone proves nothing.
AWS takes the tags with the call that creates, so there is no moment in which something is made and not yet tagged
(EC2 user guide, "Tag your Amazon EC2 resources": tag on creation; EKS and IAM API references).

Source of the ids: pulumi-aws 7, section "Import" of each resource, which a test reads from the installed SDK. Source of
the calls and states: EC2, EKS and IAM API references.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from common.aws import code_of, said
from common.errors import UnknownError
from teardown import claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from common.aws import Aws

Thing = Mapping[str, Any]
"""What AWS describes of a resource, or a resource's inputs."""

MISSING = frozenset({"ResourceNotFoundException", "NoSuchEntity"})
"""EKS's and IAM's codes for what is not there; EC2's lists are filtered, and empty then."""

SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105  # the key that marks one
"""What marks an encrypted value in an exported state (pulumi, sdk/go/common/resource/sig)."""

PASSING = frozenset({"PENDING", "CREATING", "UPDATING", "DELETING", "SHUTTING-DOWN", "STOPPING"})
"""States that end by themselves, in capitals: EKS, NAT gateways, VPC endpoints and instances have them."""

GONE = frozenset({"DELETED", "TERMINATED"})
"""EC2 goes on listing what is gone for a while."""


@dataclass(frozen=True)
class Candidate:
    """Something in AWS that a pending operation may have made."""

    id: str
    """As pulumi-aws imports it."""
    state_id: str = ""
    """As the state has it, where that is another."""
    status: str = ""
    foreign: bool = False
    """It has the name, and not the stack's tags."""

    @property
    def passing(self) -> bool:
        """Whether AWS is still making, changing or deleting it."""
        return self.status.upper() in PASSING


@dataclass(frozen=True)
class Wanted:
    """What a pending operation was making."""

    account_id: str
    cluster: str
    inputs: Thing

    def __getitem__(self, name: str) -> str:
        """An input as text. Raises UnknownError: the operation has none, or an encrypted one."""
        value = self.get(name)
        if not value:
            raise UnknownError(f"the pending operation has no {name}: nobody can tell what it made")
        return value

    def get(self, name: str) -> str:
        """An input as text, empty if there is none. Raises UnknownError: it is encrypted."""
        value = self.inputs.get(name)
        if isinstance(value, Mapping) and SECRET in value:
            raise UnknownError(f"{name} of the pending operation is encrypted: nobody can tell what it made")
        return _text(value)

    @property
    def tags(self) -> dict[str, str]:
        """All tags, the provider's default ones too (pulumi-aws, applyTags in provider/tags.go: `tagsAll`).

        Raises:
            UnknownError: they do not name the cluster, and so would fit anything.
        """
        given = {**_mapping(self.inputs.get("tags")), **_mapping(self.inputs.get("tagsAll"))}
        if given.get(claim.STACK) != self.cluster:
            raise UnknownError(
                f"the pending operation has no tag {claim.STACK}={self.cluster}: see what it made by hand"
            )
        return {key: str(value) for key, value in given.items()}

    def tagged(self, thing: Thing, member: str = "Tags") -> bool:
        """Whether something in AWS has all the tags."""
        found = thing.get(member) or ()
        had = _mapping(found) or {tag["Key"]: tag["Value"] for tag in found}
        return self.tags.items() <= had.items()


@dataclass(frozen=True)
class Finder:
    """How a type's resources are found."""

    find: Callable[[Aws, Wanted], Iterator[Candidate]]
    """Raises UnknownError: AWS does not say, or the operation's inputs do not."""
    actions: tuple[str, ...]
    """The IAM actions of its calls."""
    identity: tuple[str, ...] = ()
    """Inputs of which AWS has one resource at most: where the state's id is not the import's."""


@dataclass(frozen=True)
class _Listed:
    """A finder by tags, in what one operation of EC2 lists.

    operation, key: what lists; `inner`: what each listed thing holds, if that is what is looked for.
    id: the member with the id.
    same: input → member that must agree; dotted inside others. Inputs that are not given agree with anything.
    state: the member with the state.
    """

    operation: str
    key: str
    id: str
    same: Mapping[str, str] = field(default_factory=dict[str, str])
    state: str = ""
    inner: str = ""
    filters: str = "Filters"
    tagged: bool = True

    def __call__(self, aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
        by = {f"tag:{claim.STACK}": wanted.tags[claim.STACK]} if self.tagged else {"vpc-id": wanted["vpcId"]}
        if not self.tagged:
            by["group-name"] = "default"
        listed = aws.pages("ec2", self.operation, self.key, **{self.filters: _filters(by)})
        for thing in (each for outer in listed for each in (outer[self.inner] if self.inner else [outer])):
            status = _text(_pick(thing, self.state)) if self.state else ""
            if status.upper() in GONE or (self.tagged and not wanted.tagged(thing)):
                continue
            if all(self._agrees(wanted, thing, name, member) for name, member in self.same.items()):
                yield Candidate(thing[self.id], status=status)

    def _agrees(self, wanted: Wanted, thing: Thing, name: str, member: str) -> bool:
        given = wanted.get(name)
        return not given or given == _text(_pick(thing, member))


def _internet_gateways(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    """Attached to the VPC, or to none as yet."""
    filters = _filters({f"tag:{claim.STACK}": wanted.tags[claim.STACK]})
    for gateway in aws.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=filters):
        vpcs = {each["VpcId"] for each in gateway["Attachments"]}
        if wanted.tagged(gateway) and vpcs <= {wanted["vpcId"]}:
            yield Candidate(gateway["InternetGatewayId"])


def _tables(aws: Aws, wanted: Wanted) -> Iterator[Thing]:
    by = _filters({"route-table-id": wanted["routeTableId"]})
    return aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=by)


def _routes(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    table, destination = wanted["routeTableId"], wanted["destinationCidrBlock"]
    targets = {"GatewayId": wanted.get("gatewayId"), "NatGatewayId": wanted.get("natGatewayId")}
    for route in (each for found in _tables(aws, wanted) for each in found["Routes"]):
        same = all(_text(route.get(member)) == given for member, given in targets.items())
        if same and route.get("DestinationCidrBlock") == destination:
            yield Candidate(f"{table}_{destination}")


def _associations(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    table, subnet = wanted["routeTableId"], wanted["subnetId"]
    for association in (each for found in _tables(aws, wanted) for each in found["Associations"]):
        if association.get("SubnetId") == subnet:
            yield Candidate(f"{subnet}/{table}", state_id=association["RouteTableAssociationId"])


def _cluster(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    name = wanted["name"]
    found = _one(aws, "eks", "describe_cluster", "cluster", name=name)
    return _named(wanted, found, name, tags="tags")


def _node_groups(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    """By its name; where pulumi-aws leaves the name to AWS's prefix, by that."""
    cluster, name = wanted["clusterName"], wanted.get("nodeGroupName")
    names = [name] if name else _with_prefix(aws, cluster, wanted["nodeGroupNamePrefix"])
    for each in names:
        found = _one(aws, "eks", "describe_nodegroup", "nodegroup", clusterName=cluster, nodegroupName=each)
        yield from _named(wanted, found, f"{cluster}:{each}", tags="tags")


def _with_prefix(aws: Aws, cluster: str, prefix: str) -> list[str]:
    found = _many(aws, "eks", "list_nodegroups", "nodegroups", clusterName=cluster)
    return [each for each in found if each.startswith(prefix)]


def _addon(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    cluster, name = wanted["clusterName"], wanted["addonName"]
    found = _one(aws, "eks", "describe_addon", "addon", clusterName=cluster, addonName=name)
    return _named(wanted, found, f"{cluster}:{name}", tags="tags")


def _access_entry(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    cluster, principal = wanted["clusterName"], wanted["principalArn"]
    found = _one(aws, "eks", "describe_access_entry", "accessEntry", clusterName=cluster, principalArn=principal)
    return _named(wanted, found, f"{cluster}:{principal}", tags="tags")


def _access_policies(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    cluster, principal, policy = wanted["clusterName"], wanted["principalArn"], wanted["policyArn"]
    asked = {"clusterName": cluster, "principalArn": principal}
    for each in _many(aws, "eks", "list_associated_access_policies", "associatedAccessPolicies", **asked):
        if each["policyArn"] == policy:
            yield Candidate(f"{cluster}#{principal}#{policy}")


def _pod_identities(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    cluster = wanted["clusterName"]
    by = {"namespace": wanted["namespace"], "serviceAccount": wanted["serviceAccount"]}
    for each in _many(aws, "eks", "list_pod_identity_associations", "associations", clusterName=cluster, **by):
        found_id = each["associationId"]
        asked = {"clusterName": cluster, "associationId": found_id}
        found = _one(aws, "eks", "describe_pod_identity_association", "association", **asked)
        yield from _named(wanted, found, f"{cluster},{found_id}", tags="tags", state_id=found_id)


def _role(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    name = wanted["name"]
    return _named(wanted, _one(aws, "iam", "get_role", "Role", RoleName=name), name)


def _policy(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    arn = f"arn:aws:iam::{wanted.account_id}:policy{wanted.get('path') or '/'}{wanted['name']}"
    return _named(wanted, _one(aws, "iam", "get_policy", "Policy", PolicyArn=arn), arn)


def _attachments(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    role, policy = wanted["role"], wanted["policyArn"]
    for each in _many(aws, "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role):
        if each["PolicyArn"] == policy:
            yield Candidate(f"{role}/{policy}")


def _instance_profile(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    name = wanted["name"]
    found = _one(aws, "iam", "get_instance_profile", "InstanceProfile", InstanceProfileName=name)
    return _named(wanted, found, name)


def _identity_provider(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
    arn = f"arn:aws:iam::{wanted.account_id}:oidc-provider/{wanted['url'].removeprefix('https://')}"
    found = _one(aws, "iam", "get_open_id_connect_provider", "", OpenIDConnectProviderArn=arn)
    return _named(wanted, found, arn)


def _named(
    wanted: Wanted, found: Thing | None, found_id: str, *, tags: str = "Tags", state_id: str = ""
) -> Iterator[Candidate]:
    """What has the operation's name; without the stack's tags it is somebody else's."""
    if found is not None:
        status = _text(found.get("status"))
        yield Candidate(found_id, state_id, status, foreign=not wanted.tagged(found, tags))


def _one(aws: Aws, service: str, operation: str, key: str, **parameters: str) -> Thing | None:
    """What an operation describes, or None if it is not there. Raises UnknownError."""
    with said(service, operation):
        try:
            told = getattr(aws.client(service), operation)(**parameters)
        except ClientError as error:
            if code_of(error) in MISSING:
                return None
            raise
        return told[key] if key else told


def _many(aws: Aws, service: str, operation: str, key: str, **parameters: str) -> list[Any]:
    """What an operation lists of a parent; nothing if there is no parent. Raises UnknownError."""
    client = aws.client(service)
    with said(service, operation):
        try:
            pages = client.get_paginator(operation).paginate(**parameters)
            return [each for page in pages for each in page[key]]
        except ClientError as error:
            if code_of(error) in MISSING:
                return []
            raise


def _filters(by: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]} for name, value in by.items()]


def _pick(thing: Thing, path: str) -> Any:
    """A member at a dotted path, None if there is none."""
    value: Any = thing
    for part in path.split("."):
        value = cast("Thing", value).get(part) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    """A value as AWS and the state both write it: an exported state may have 443.0."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _mapping(value: Any) -> dict[str, Any]:
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {}


_RULE = {
    "securityGroupId": "GroupId",
    "ipProtocol": "IpProtocol",
    "fromPort": "FromPort",
    "toPort": "ToPort",
    "cidrIpv4": "CidrIpv4",
    "referencedSecurityGroupId": "ReferencedGroupInfo.GroupId",
}


def _rules(*, egress: bool) -> Callable[[Aws, Wanted], Iterator[Candidate]]:
    def find(aws: Aws, wanted: Wanted) -> Iterator[Candidate]:
        by = _filters({"group-id": wanted["securityGroupId"]})
        for rule in aws.pages("ec2", "describe_security_group_rules", "SecurityGroupRules", Filters=by):
            same = all(not wanted.get(name) or wanted.get(name) == _text(_pick(rule, _RULE[name])) for name in _RULE)
            if same and rule["IsEgress"] is egress and wanted.tagged(rule):
                yield Candidate(rule["SecurityGroupRuleId"])

    return find


FINDERS: Mapping[str, Finder] = {
    "aws:ec2/vpc:Vpc": Finder(
        _Listed("describe_vpcs", "Vpcs", "VpcId", {"cidrBlock": "CidrBlock"}, "State"), ("ec2:DescribeVpcs",)
    ),
    "aws:ec2/subnet:Subnet": Finder(
        _Listed(
            "describe_subnets",
            "Subnets",
            "SubnetId",
            {"vpcId": "VpcId", "cidrBlock": "CidrBlock", "availabilityZone": "AvailabilityZone"},
            "State",
        ),
        ("ec2:DescribeSubnets",),
    ),
    "aws:ec2/internetGateway:InternetGateway": Finder(_internet_gateways, ("ec2:DescribeInternetGateways",)),
    "aws:ec2/routeTable:RouteTable": Finder(
        _Listed("describe_route_tables", "RouteTables", "RouteTableId", {"vpcId": "VpcId"}),
        ("ec2:DescribeRouteTables",),
    ),
    "aws:ec2/route:Route": Finder(
        _routes, ("ec2:DescribeRouteTables",), identity=("routeTableId", "destinationCidrBlock")
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Finder(
        _associations, ("ec2:DescribeRouteTables",), identity=("routeTableId", "subnetId")
    ),
    "aws:ec2/eip:Eip": Finder(_Listed("describe_addresses", "Addresses", "AllocationId"), ("ec2:DescribeAddresses",)),
    "aws:ec2/natGateway:NatGateway": Finder(
        _Listed(
            "describe_nat_gateways",
            "NatGateways",
            "NatGatewayId",
            {"subnetId": "SubnetId"},
            "State",
            filters="Filter",
        ),
        ("ec2:DescribeNatGateways",),
    ),
    # AWS made it with the VPC: the operation only empties and tags it.
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Finder(
        _Listed("describe_security_groups", "SecurityGroups", "GroupId", tagged=False),
        ("ec2:DescribeSecurityGroups",),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Finder(
        _Listed(
            "describe_vpc_endpoints",
            "VpcEndpoints",
            "VpcEndpointId",
            {"vpcId": "VpcId", "serviceName": "ServiceName"},
            "State",
        ),
        ("ec2:DescribeVpcEndpoints",),
    ),
    "aws:ec2/securityGroup:SecurityGroup": Finder(
        _Listed("describe_security_groups", "SecurityGroups", "GroupId", {"vpcId": "VpcId", "name": "GroupName"}),
        ("ec2:DescribeSecurityGroups",),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Finder(
        _Listed("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", {"name": "LaunchTemplateName"}),
        ("ec2:DescribeLaunchTemplates",),
    ),
    "aws:ec2/instance:Instance": Finder(
        _Listed(
            "describe_instances",
            "Reservations",
            "InstanceId",
            {"subnetId": "SubnetId"},
            "State.Name",
            inner="Instances",
        ),
        ("ec2:DescribeInstances",),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Finder(
        _rules(egress=False), ("ec2:DescribeSecurityGroupRules",)
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Finder(
        _rules(egress=True), ("ec2:DescribeSecurityGroupRules",)
    ),
    "aws:iam/role:Role": Finder(_role, ("iam:GetRole",)),
    "aws:iam/policy:Policy": Finder(_policy, ("iam:GetPolicy",)),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Finder(
        _attachments, ("iam:ListAttachedRolePolicies",), identity=("role", "policyArn")
    ),
    "aws:iam/instanceProfile:InstanceProfile": Finder(_instance_profile, ("iam:GetInstanceProfile",)),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Finder(
        _identity_provider, ("iam:GetOpenIDConnectProvider",)
    ),
    "aws:eks/cluster:Cluster": Finder(_cluster, ("eks:DescribeCluster",)),
    "aws:eks/nodeGroup:NodeGroup": Finder(_node_groups, ("eks:DescribeNodegroup", "eks:ListNodegroups")),
    "aws:eks/addon:Addon": Finder(_addon, ("eks:DescribeAddon",)),
    "aws:eks/accessEntry:AccessEntry": Finder(_access_entry, ("eks:DescribeAccessEntry",)),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Finder(
        _access_policies,
        ("eks:ListAssociatedAccessPolicies",),
        identity=("clusterName", "principalArn", "policyArn"),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Finder(
        _pod_identities, ("eks:DescribePodIdentityAssociation", "eks:ListPodIdentityAssociations")
    ),
}
"""Pulumi's type → how what it made is found. A test holds it equal to the types of the program."""
