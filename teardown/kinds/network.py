"""What EC2 has: interfaces, security groups, volumes, snapshots, addresses, instances, launch templates.

Source of the calls: EC2 API reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.aws import code_of, said
from infra.contract import controller_tags, names, prices
from infra.contract.sweep_policies import Permission, Scope, reads
from teardown import claim
from teardown.claim import Claim
from teardown.kinds.balancers import BALANCER, CLASSIC
from teardown.kinds.base import Kind, Leftover, found, tags_of
from teardown.kinds.stack import CLUSTER, ENDPOINT, NAT
from teardown.target import RETAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from common.aws import Aws
    from teardown.target import Target

VOLUMES = "ec2:@region@:@account_id@:volume/*"
CONTROLLERS_RULE = "elbv2.k8s.aws/"
"""How the load balancer controller's descriptions of its rules begin (pkg/networking/networking_manager.go)."""

OWNERS = (
    (BALANCER, re.compile(r"ELB ((?:app|net|gwy)/.+)")),
    (CLASSIC, re.compile(r"ELB ([^/]+)")),
    (NAT, re.compile(r"Interface for NAT Gateway (nat-\w+)")),
    (ENDPOINT, re.compile(r"VPC Endpoint Interface (vpce-\w+)")),
    (CLUSTER, re.compile(r"Amazon EKS (.+)")),
)
"""How AWS describes the interfaces of its services (EC2 and Elastic Load Balancing user guides): whose they are."""


def interfaces(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Only one that is available can be deleted; what AWS holds goes with its owner."""
    for eni in found(aws, target, "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"):
        described, vpc, tags = eni.get("Description", ""), eni.get("VpcId", ""), tags_of(eni, "TagSet")
        instance = eni.get("Attachment", {}).get("InstanceId", "")
        held = "" if eni["Status"] == "available" else f"{eni['Status']}: {described or 'an instance has it'}"
        requester = eni.get("RequesterId", "")
        yield Leftover(
            INTERFACE,
            eni["NetworkInterfaceId"],
            _whose_interface(tags, described, requester, target, vpc),
            described,
            tags,
            held=held,
            groups=frozenset(group["GroupId"] for group in eni.get("Groups", ())),
            vpc_id=vpc,
            holder=((INSTANCE, instance) if instance else owner_of(described)) if held else None,
            requester=requester,
        )


def _whose_interface(tags: Mapping[str, str], description: str, requester: str, target: Target, vpc: str) -> Claim:
    """Whose an interface is: the VPC CNI's tags count on what it made alone."""
    if controller_tags.NO_MANAGE in tags:
        return Claim.NOBODYS
    made = claim.is_interface_made(description, tags)
    named = made or claim.is_eks_interface(description, requester, target.cluster)
    counted = tags if made else {key: value for key, value in tags.items() if key != controller_tags.CNI}
    return claim.claim(counted, target, vpc, named=named)


def owner_of(description: str) -> tuple[Kind, str] | None:
    """What the interface of an AWS service belongs to, as its description says: a kind and an id."""
    matches = ((kind, pattern.fullmatch(description)) for kind, pattern in OWNERS)
    return next(((kind, match[1]) for kind, match in matches if match), None)


def groups(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The default group of a VPC goes with it."""
    every = list(found(aws, target, "describe_security_groups", "SecurityGroups", "GroupId"))
    whose = {group["GroupId"]: _whose_group(group, target) for group in every}
    ours = frozenset(key for key, claimed in whose.items() if claimed in (Claim.OURS, Claim.MARKED, Claim.STACK))
    for group in every:
        if group["GroupName"] == "default":
            continue
        key, vpc = group["GroupId"], group["VpcId"]
        foreign = [other for other in every if other["VpcId"] == vpc and _foreign_rules(other, key, ours)]
        names = ", ".join(f"{other['GroupId']} ({other['GroupName']})" for other in foreign)
        yield Leftover(
            GROUP,
            key,
            whose[key],
            group["GroupName"],
            tags_of(group),
            held=f"a rule of {names} names it" if foreign else "",
            vpc_id=vpc,
            revocable=ours,
        )


def _whose_group(group: Any, target: Target) -> Claim:
    named = claim.is_group_named(group["GroupName"], target.cluster)
    return claim.claim(tags_of(group), target, group["VpcId"], named=named)


def _foreign_rules(other: Any, group_id: str, ours: Collection[str]) -> bool:
    """Whether a rule of another group names one, and nobody but that group's owner may revoke it."""
    rules = (*other["IpPermissions"], *other["IpPermissionsEgress"])
    pairs = [pair for rule in rules for pair in rule.get("UserIdGroupPairs", ()) if pair.get("GroupId") == group_id]
    return other["GroupId"] not in ours and any(not _is_controllers(pair) for pair in pairs)


def _is_controllers(pair: Any) -> bool:
    return pair.get("Description", "").startswith(CONTROLLERS_RULE)


def delete_group(aws: Aws, leftover: Leftover) -> None:
    """Delete it, after the rules in the VPC that name it: of the cluster's and the stack's groups, and controllers'."""
    ec2 = aws.client("ec2")
    for way, field, revoke in (
        ("ip-permission.group-id", "IpPermissions", ec2.revoke_security_group_ingress),
        ("egress.ip-permission.group-id", "IpPermissionsEgress", ec2.revoke_security_group_egress),
    ):
        filters = [{"Name": way, "Values": [leftover.id]}, {"Name": "vpc-id", "Values": [leftover.vpc_id]}]
        for other in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]:
            every = other["GroupId"] in leftover.revocable
            naming = [named for rule in other[field] if (named := _naming(rule, leftover.id, every=every))]
            if naming:
                _revoke(revoke, other["GroupId"], naming)
    ec2.delete_security_group(GroupId=leftover.id)


def _revoke(revoke: Callable[..., Any], group_id: str, rules: list[Any]) -> None:
    """A rule that is gone already is as good: whoever deletes another group of the same circle was faster.

    AWS revokes all rules of a call or none, so after such a refusal each is revoked by itself.
    """
    try:
        revoke(GroupId=group_id, IpPermissions=rules)
    except ClientError as error:
        if code_of(error) not in ("InvalidPermission.NotFound", "InvalidGroup.NotFound"):
            raise
        if len(rules) > 1:
            for rule in rules:
                _revoke(revoke, group_id, [rule])


def _naming(rule: Any, group_id: str, *, every: bool) -> Any:
    """A rule cut down to where it names a group, and may be revoked; None if it does not."""
    pairs = [pair for pair in rule.get("UserIdGroupPairs", ()) if pair.get("GroupId") == group_id]
    kept = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
    is_revocable = any(every or _is_controllers(pair) for pair in pairs)
    return {**kept, "UserIdGroupPairs": [{"GroupId": group_id}]} if is_revocable else None


def volumes(aws: Aws, target: Target) -> Iterator[Leftover]:
    """A volume that names no cluster is nobody's, whoever's driver made it."""
    for volume in found(aws, target, "describe_volumes", "Volumes", "VolumeId", in_vpc=False):
        tags = tags_of(volume)
        attached = [each["InstanceId"] for each in volume.get("Attachments", ())]
        yield Leftover(
            VOLUME,
            volume["VolumeId"],
            claim.claim(tags, target),
            tags.get("kubernetes.io/created-for/pvc/name", ""),
            tags,
            volume.get("CreateTime"),
            volume["Size"] * prices.GP3_GB_MONTH,
            f"attached to {', '.join(attached)}" if attached else target.why_held(volume["VolumeId"]),
            target.why_kept(volume["VolumeId"], tags),
            holder=(INSTANCE, attached[0]) if len(attached) == 1 else None,
        )


def mark_retained(aws: Aws, volume_id: str) -> None:
    """Write onto a volume that it outlives the cluster. Raises UnknownError: AWS refuses."""
    with said("ec2", "create_tags"):
        tag = {"Key": names.RECLAIM_POLICY_TAG, "Value": RETAIN}
        aws.client("ec2").create_tags(Resources=[volume_id], Tags=[tag])


def snapshots(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Those of this account."""
    own = {"OwnerIds": ["self"]}
    for snapshot in found(aws, target, "describe_snapshots", "Snapshots", "SnapshotId", in_vpc=False, **own):
        tags, size = tags_of(snapshot), snapshot.get("VolumeSize", 0)
        whose = claim.claim(tags, target)
        cost = size * prices.SNAPSHOT_GB_MONTH
        yield Leftover(SNAPSHOT, snapshot["SnapshotId"], whose, "", tags, snapshot.get("StartTime"), cost)


def addresses(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Elastic IP addresses."""
    for address in found(aws, target, "describe_addresses", "Addresses", "AllocationId", in_vpc=False):
        tags, interface = tags_of(address), address.get("NetworkInterfaceId", "")
        yield Leftover(
            ADDRESS,
            address["AllocationId"],
            claim.claim(tags, target),
            address["PublicIp"],
            tags,
            monthly=prices.PUBLIC_IPV4_HOUR * prices.HOURS_A_MONTH,
            held=f"associated with {interface}" if interface else "",
            holder=(INTERFACE, interface) if interface else None,
        )


def instances(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Nodes that outlive their group, such as those of Karpenter."""
    for reservation in found(aws, target, "describe_instances", "Reservations", "ReservationId"):
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] in ("terminated", "shutting-down"):
                continue
            tags, vpc = tags_of(instance), instance.get("VpcId", "")
            in_group = tags.get("aws:autoscaling:groupName", "")
            yield Leftover(
                INSTANCE,
                instance["InstanceId"],
                claim.claim(tags, target, vpc),
                tags.get("Name", ""),
                tags,
                instance.get("LaunchTime"),
                None,
                f"the Auto Scaling group {in_group} would start another" if in_group else "",
                vpc_id=vpc,
            )


def launch_templates(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Those of EKS and Karpenter."""
    for template in found(
        aws, target, "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", in_vpc=False
    ):
        tags, name = tags_of(template), template["LaunchTemplateName"]
        is_eks = f"EKS holds it for the node group {tags['eks:nodegroup-name']}" if "eks:nodegroup-name" in tags else ""
        whose, key, eks = claim.claim(tags, target), template["LaunchTemplateId"], (CLUSTER, target.cluster)
        yield Leftover(TEMPLATE, key, whose, name, tags, held=is_eks, holder=eks if is_eks else None)


def _ec2(*actions: str) -> tuple[str, ...]:
    return tuple(f"ec2:{action}" for action in actions)


INSTANCE = Kind(
    "instance",
    instances,
    reads(*_ec2("DescribeInstances")),
    lambda aws, each: aws.client("ec2").terminate_instances(InstanceIds=[each.id]),
    (Permission(_ec2("TerminateInstances"), ("ec2:@region@:@account_id@:instance/*",), (Scope.OWNED,)),),
    command="aws ec2 terminate-instances --instance-ids {id}",
    blocks_vpc=True,
)
INTERFACE = Kind(
    "network interface",
    interfaces,
    reads(*_ec2("DescribeNetworkInterfaces")),
    lambda aws, each: aws.client("ec2").delete_network_interface(NetworkInterfaceId=each.id),
    (
        Permission(
            _ec2("DeleteNetworkInterface"),
            ("ec2:@region@:@account_id@:network-interface/*",),
            (Scope.CNI, Scope.OWNED),
        ),
    ),
    command="aws ec2 delete-network-interface --network-interface-id {id}",
    blocks_vpc=True,
)
GROUP = Kind(
    "security group",
    groups,
    reads(*_ec2("DescribeSecurityGroups")),
    delete_group,
    (
        Permission(
            _ec2("DeleteSecurityGroup", "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress"),
            ("ec2:@region@:@account_id@:security-group/*",),
            (Scope.CONTROLLER, Scope.OWNED),
        ),
    ),
    command="aws ec2 delete-security-group --group-id {id}",
    blocks_vpc=True,
)
VOLUME = Kind(
    "volume",
    volumes,
    reads(*_ec2("DescribeVolumes")),
    lambda aws, each: aws.client("ec2").delete_volume(VolumeId=each.id),
    (
        Permission(_ec2("DeleteVolume"), (VOLUMES,), (Scope.CSI, Scope.OWNED)),
        Permission(_ec2("CreateTags"), (VOLUMES,), (Scope.CSI,), names.RECLAIM_POLICY_TAG),
    ),
    command="aws ec2 delete-volume --volume-id {id}",
)
SNAPSHOT = Kind(
    "snapshot",
    snapshots,
    reads(*_ec2("DescribeSnapshots")),
    lambda aws, each: aws.client("ec2").delete_snapshot(SnapshotId=each.id),
    (Permission(_ec2("DeleteSnapshot"), ("ec2:@region@::snapshot/*",), (Scope.CSI, Scope.OWNED)),),
    command="aws ec2 delete-snapshot --snapshot-id {id}",
)
TEMPLATE = Kind(
    "launch template",
    launch_templates,
    reads(*_ec2("DescribeLaunchTemplates")),
    lambda aws, each: aws.client("ec2").delete_launch_template(LaunchTemplateId=each.id),
    (Permission(_ec2("DeleteLaunchTemplate"), ("ec2:@region@:@account_id@:launch-template/*",), (Scope.OWNED,)),),
    command="aws ec2 delete-launch-template --launch-template-id {id}",
)
ADDRESS = Kind(
    "address",
    addresses,
    reads(*_ec2("DescribeAddresses")),
    lambda aws, each: aws.client("ec2").release_address(AllocationId=each.id),
    (Permission(_ec2("ReleaseAddress"), ("ec2:@region@:@account_id@:elastic-ip/*",), (Scope.OWNED,)),),
    command="aws ec2 release-address --allocation-id {id}",
)

KINDS = (INSTANCE, INTERFACE, GROUP, VOLUME, SNAPSHOT, TEMPLATE, ADDRESS)
