"""The calls that are made and the permissions that are declared next to them are the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from common.pulumi.exported_state import StackState
from infra.contract import names, sweep_policies
from sandbox.account import leftovers
from teardown import declared_permissions, sweep, verify
from teardown.kinds import network
from teardown.time_budget import Budget
from tests.teardown.conftest import SHORT

if TYPE_CHECKING:
    from common.target import Proven
    from sandbox.folder import Folder
    from tests.teardown.conftest import Town

PREFIXES = {"tagging": "tag"}
WHO = "sts:GetCallerIdentity"
"""Which every principal may ask (IAM user guide)."""


def recorded(folder: Folder, since: int) -> set[str]:
    """The actions of the calls since a line of the account's record."""
    lines = [json.loads(line) for line in folder.calls.read_text().splitlines()[since:]]
    return {f"{PREFIXES.get(line['service'], line['service'])}:{line['operation']}" for line in lines}


def declared() -> set[str]:
    documents = [
        sweep_policies.probes(declared_permissions.declared(), "111122223333", "eu-west-2", ["Z1"]),
        sweep_policies.leftovers(declared_permissions.declared(), "111122223333", "eu-west-2", ["staging"]),
        sweep_policies.owned(declared_permissions.declared(), "111122223333", "eu-west-2", ["staging"]),
        sweep_policies.marks(declared_permissions.declared(), "111122223333", "eu-west-2", ["staging"]),
    ]
    allowed = [each for document in documents for each in document["Statement"] if each["Effect"] == "Allow"]
    return {action for statement in allowed for action in statement["Action"]}


def everything(town: Town, left: dict[str, list[str]]) -> None:
    """What a night may meet in addition to the usual: protection, egress rules, a node that nobody ends, a provider."""
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    town.clients.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=left["load balancer"][0], Attributes=on
    )
    ec2 = town.clients.ec2
    pair = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": left["security group"][1]}]}]
    ec2.authorize_security_group_egress(GroupId=left["security group"][0], IpPermissions=pair)
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    owned = [{"Key": f"kubernetes.io/cluster/{town.place.cluster}", "Value": "owned"}]
    tags = [{"ResourceType": "instance", "Tags": owned}]
    ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=town.place.subnets[0], TagSpecifications=tags)
    town.clients.nodegroup(
        town.clients.cluster(name=town.place.cluster, resourcesVpcConfig={"subnetIds": list(town.place.subnets)})
    )
    url = f"https://oidc.eks.{town.clients.region}.amazonaws.com/id/{town.place.vpc[4:].upper()}"
    town.clients.iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"])


def test_every_call_is_declared_and_everything_declared_is_called(
    town: Town, aws: Proven, account_folder: Folder
) -> None:
    """A call that the role may not make would leave resources behind."""
    role = town.clients.role("ec2.amazonaws.com").rpartition("/")[2]
    left = leftovers.leave(town.maker, town.place, node_role=role)
    everything(town, left)
    zone = town.clients.client("route53").create_hosted_zone(Name="fleet.example", CallerReference=town.place.vpc)
    since = len(account_folder.calls.read_text().splitlines())
    network.mark_retained(aws, left["volume"][0])
    town.clients.ec2.delete_tags(Resources=[left["volume"][0]], Tags=[{"Key": names.RECLAIM_POLICY_TAG}])
    assert sweep.sweep(aws, town.plan(aws), Budget.of(SHORT * 4), lambda _line: None, patience=SHORT).good
    verify.verify(aws, town.target, lambda: StackState(), reads=1, pause=0.0, zones=[zone["HostedZone"]["Id"]])
    assert recorded(account_folder, since) - {WHO, "ec2:DeleteTags"} == declared()


def test_what_the_permanent_layer_grants_is_what_the_calls_declare() -> None:
    assert sweep_policies.load() == declared_permissions.declared(), "make golden"
