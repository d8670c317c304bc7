"""What EC2 has: interfaces, security groups, volumes, snapshots, addresses, instances, launch templates.

Source of the calls: EC2 API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.contract import names, prices
from teardown import claim
from teardown.aws import code_of, said
from teardown.claim import Claim
from teardown.kinds.base import Kind, Leftover, tags_of
from teardown.permissions import Permission, Scope, reads
from teardown.target import RETAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from teardown.aws import Aws
    from teardown.target import Target

ALL_TAGS = (Scope.OWNED, Scope.CNI, Scope.CONTROLLER)
INTERFACE, GROUP, INSTANCE = "network interface", "security group", "instance"
VOLUMES = "ec2:@region@:@account_id@:volume/*"
BALANCERS = ("load balancer", "classic load balancer")


def _both(aws: Aws, target: Target, operation: str, key: str, identity: str, **more: Any) -> Iterator[Any]:
    """What is in the VPC, and what has a tag of the cluster: each once."""
    found: dict[str, Any] = {}
    by_tag = [{"Name": "tag-key", "Values": claim.keys(target.cluster)}]
    filters = [by_tag, *([[{"Name": "vpc-id", "Values": [target.vpc_id]}]] if target.vpc_id else [])]
    for each in filters:
        found |= {thing[identity]: thing for thing in aws.pages("ec2", operation, key, Filters=each, **more)}
    yield from found.values()


def _in_vpc(thing: Any, target: Target) -> bool:
    return bool(target.vpc_id) and thing.get("VpcId") == target.vpc_id


def interfaces(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Only one that is available can be deleted; what AWS holds goes with its owner."""
    for eni in _both(aws, target, "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"):
        described = eni.get("Description", "")
        tags, there = tags_of(eni, "TagSet"), _in_vpc(eni, target)
        is_named = claim.is_interface_named(described, target.cluster)
        held = "" if eni["Status"] == "available" else f"{eni['Status']}: {described or 'an instance has it'}"
        yield Leftover(
            INTERFACE,
            eni["NetworkInterfaceId"],
            claim.claim(tags, target.cluster, in_vpc=there, named=is_named),
            described,
            tags,
            held=held,
            groups=frozenset(group["GroupId"] for group in eni.get("Groups", ())),
            in_vpc=there,
        )


def groups(aws: Aws, target: Target) -> Iterator[Leftover]:
    """The default group of a VPC goes with it."""
    for group in _both(aws, target, "describe_security_groups", "SecurityGroups", "GroupId"):
        if group["GroupName"] == "default":
            continue
        is_named = claim.is_group_named(group["GroupName"], target.cluster)
        tags, there = tags_of(group), _in_vpc(group, target)
        whose = claim.claim(tags, target.cluster, in_vpc=there, named=is_named)
        yield Leftover(GROUP, group["GroupId"], whose, group["GroupName"], tags, in_vpc=there)


def delete_group(aws: Aws, leftover: Leftover) -> None:
    """Its rules go first, and the rules of other groups that name it: they hold one another."""
    ec2 = aws.client("ec2")
    for way, field, revoke in (
        ("ip-permission.group-id", "IpPermissions", ec2.revoke_security_group_ingress),
        ("egress.ip-permission.group-id", "IpPermissionsEgress", ec2.revoke_security_group_egress),
    ):
        for other in ec2.describe_security_groups(Filters=[{"Name": way, "Values": [leftover.id]}])["SecurityGroups"]:
            naming = [named for rule in other[field] if (named := _naming(rule, leftover.id))]
            if naming:
                _revoke(revoke, other["GroupId"], naming)
    ec2.delete_security_group(GroupId=leftover.id)


def _revoke(revoke: Callable[..., Any], group_id: str, rules: list[Any]) -> None:
    """A rule that is gone already is as good: whoever deletes another group of the same circle was faster."""
    try:
        revoke(GroupId=group_id, IpPermissions=rules)
    except ClientError as error:
        if code_of(error) not in ("InvalidPermission.NotFound", "InvalidGroup.NotFound"):
            raise


def _naming(rule: Any, group_id: str) -> Any:
    """A rule cut down to where it names a group; None if it does not."""
    pairs = [pair for pair in rule.get("UserIdGroupPairs", ()) if pair.get("GroupId") == group_id]
    kept = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
    return {**kept, "UserIdGroupPairs": [{"GroupId": group_id}]} if pairs else None


def volumes(aws: Aws, target: Target) -> Iterator[Leftover]:
    """A volume that names no cluster is nobody's, whoever's driver made it."""
    filters = [{"Name": "tag-key", "Values": claim.keys(target.cluster)}]
    for volume in aws.pages("ec2", "describe_volumes", "Volumes", Filters=filters):
        tags = tags_of(volume)
        attached = ", ".join(each["InstanceId"] for each in volume.get("Attachments", ()))
        yield Leftover(
            "volume",
            volume["VolumeId"],
            claim.claim(tags, target.cluster),
            tags.get("kubernetes.io/created-for/pvc/name", ""),
            tags,
            volume.get("CreateTime"),
            volume["Size"] * prices.GP3_GB_MONTH,
            f"attached to {attached}" if attached else target.why_held(volume["VolumeId"]),
            kept_because=target.why_kept(volume["VolumeId"], tags),
        )


def mark_retained(aws: Aws, volume_id: str) -> None:
    """Write onto a volume that it outlives the cluster. Raises UnknownError: AWS refuses."""
    with said("ec2", "create_tags"):
        tag = {"Key": names.RECLAIM_POLICY_TAG, "Value": RETAIN}
        aws.client("ec2").create_tags(Resources=[volume_id], Tags=[tag])


def snapshots(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Those of this account."""
    filters = [{"Name": "tag-key", "Values": claim.keys(target.cluster)}]
    for snapshot in aws.pages("ec2", "describe_snapshots", "Snapshots", Filters=filters, OwnerIds=["self"]):
        tags, size = tags_of(snapshot), snapshot.get("VolumeSize", 0)
        whose = claim.claim(tags, target.cluster)
        cost = size * prices.SNAPSHOT_GB_MONTH
        yield Leftover("snapshot", snapshot["SnapshotId"], whose, "", tags, snapshot.get("StartTime"), cost)


def addresses(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Elastic IP addresses."""
    filters = [{"Name": "tag-key", "Values": [*claim.keys(target.cluster), claim.STACK]}]
    for address in aws.pages("ec2", "describe_addresses", "Addresses", Filters=filters):
        tags = tags_of(address)
        held = f"associated with {address['NetworkInterfaceId']}" if address.get("NetworkInterfaceId") else ""
        cost = prices.PUBLIC_IPV4_HOUR * prices.HOURS_A_MONTH
        whose = of_stack(tags, target)
        yield Leftover("address", address["AllocationId"], whose, address["PublicIp"], tags, None, cost, held)


def instances(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Nodes that outlive their group, such as those of Karpenter."""
    for reservation in _both(aws, target, "describe_instances", "Reservations", "ReservationId"):
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] in ("terminated", "shutting-down"):
                continue
            tags = tags_of(instance)
            in_group = tags.get("aws:autoscaling:groupName", "")
            yield Leftover(
                INSTANCE,
                instance["InstanceId"],
                claim.claim(tags, target.cluster, in_vpc=_in_vpc(instance, target)),
                tags.get("Name", ""),
                tags,
                instance.get("LaunchTime"),
                None,
                f"the Auto Scaling group {in_group} would start another" if in_group else "",
                in_vpc=_in_vpc(instance, target),
            )


def launch_templates(aws: Aws, target: Target) -> Iterator[Leftover]:
    """Those of EKS and Karpenter."""
    filters = [{"Name": "tag-key", "Values": [*claim.keys(target.cluster), claim.STACK]}]
    for template in aws.pages("ec2", "describe_launch_templates", "LaunchTemplates", Filters=filters):
        tags, name = tags_of(template), template["LaunchTemplateName"]
        is_eks = f"EKS holds it for the node group {tags['eks:nodegroup-name']}" if "eks:nodegroup-name" in tags else ""
        yield Leftover("launch template", template["LaunchTemplateId"], of_stack(tags, target), name, tags, held=is_eks)


def of_stack(tags: dict[str, str], target: Target) -> Claim:
    """Whose something is that the stack may have made itself: then it has the stack's own tags."""
    whose = claim.claim(tags, target.cluster)
    is_own = tags.get("project") == "infra-fleet" and tags.get(claim.STACK) == target.cluster
    return Claim.OURS if whose is Claim.NOBODYS and is_own else whose


def _ec2(*actions: str) -> tuple[str, ...]:
    return tuple(f"ec2:{action}" for action in actions)


KINDS = (
    Kind(
        INSTANCE,
        instances,
        reads(*_ec2("DescribeInstances")),
        lambda aws, each: aws.client("ec2").terminate_instances(InstanceIds=[each.id]),
        (Permission(_ec2("TerminateInstances"), ("ec2:@region@:@account_id@:instance/*",), (Scope.OWNED,)),),
        command="aws ec2 terminate-instances --instance-ids {id}",
    ),
    Kind(
        INTERFACE,
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
        after=(INSTANCE, *BALANCERS),
        command="aws ec2 delete-network-interface --network-interface-id {id}",
    ),
    Kind(
        GROUP,
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
        after=(INTERFACE, *BALANCERS),
        command="aws ec2 delete-security-group --group-id {id}",
    ),
    Kind(
        "volume",
        volumes,
        reads(*_ec2("DescribeVolumes")),
        lambda aws, each: aws.client("ec2").delete_volume(VolumeId=each.id),
        (
            Permission(_ec2("DeleteVolume"), (VOLUMES,), (Scope.CSI, Scope.OWNED)),
            Permission(_ec2("CreateTags"), (VOLUMES,), (Scope.CSI,), names.RECLAIM_POLICY_TAG),
        ),
        after=(INSTANCE,),
        command="aws ec2 delete-volume --volume-id {id}",
    ),
    Kind(
        "snapshot",
        snapshots,
        reads(*_ec2("DescribeSnapshots")),
        lambda aws, each: aws.client("ec2").delete_snapshot(SnapshotId=each.id),
        (Permission(_ec2("DeleteSnapshot"), ("ec2:@region@::snapshot/*",), (Scope.CSI, Scope.OWNED)),),
        command="aws ec2 delete-snapshot --snapshot-id {id}",
    ),
    Kind(
        "launch template",
        launch_templates,
        reads(*_ec2("DescribeLaunchTemplates")),
        command="aws ec2 delete-launch-template --launch-template-id {id}",
    ),
    Kind(
        "address",
        addresses,
        reads(*_ec2("DescribeAddresses")),
        command="aws ec2 release-address --allocation-id {id}",
    ),
)
