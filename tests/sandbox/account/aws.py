"""What the tests build in the account, and how they look at it."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.account import census
from sandbox.account.clients import client

if TYPE_CHECKING:
    from collections.abc import Generator

    from sandbox.account.process import Account

Document = dict[str, Any]

PUBLIC_ONLY: Document = {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@contextmanager
def refused(code: str, message: str = "") -> Generator[None]:
    """The call within is refused with that code, and a message that contains `message`."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response.get("Error", {})
    assert error.get("Code") == code
    assert message in error.get("Message", "")


@dataclass(frozen=True)
class Network:
    vpc: str
    subnets: tuple[str, ...]


class Aws:
    """Clients of an account, and the few things that most tests need in it."""

    def __init__(self, account: Account, region: str | None = None) -> None:
        self.account = account
        self.region = region or account.region
        self.ec2 = self.client("ec2")
        self.eks = self.client("eks")
        self.iam = self.client("iam")

    def client(self, service: str) -> Any:
        return client(service, endpoint=self.account.endpoint, region=self.region)

    def census(self) -> dict[str, tuple[str, ...]]:
        return census.take(self.account.endpoint, self.region)

    def network(self, *zones: str) -> Network:
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            self.ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{16 * index}.0/20", AvailabilityZone=f"{self.region}{zone}"
            )
            for index, zone in enumerate(zones or ("a", "b"))
        ]
        return Network(vpc, tuple(subnet["Subnet"]["SubnetId"] for subnet in subnets))

    def remove_network(self, network: Network) -> None:
        for subnet in network.subnets:
            self.ec2.delete_subnet(SubnetId=subnet)
        self.ec2.delete_vpc(VpcId=network.vpc)

    def role(self, service: str, path: str = "/") -> str:
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
        answer = self.iam.create_role(RoleName=unique("role"), Path=path, AssumeRolePolicyDocument=json.dumps(trust))
        return answer["Role"]["Arn"]

    def remove_role(self, arn: str) -> None:
        self.iam.delete_role(RoleName=arn.rpartition("/")[2])

    def cluster(self, **settings: Any) -> Document:
        """A cluster like the stack's, in a network of its own unless `resourcesVpcConfig` is given."""
        name = settings.pop("name", None) or unique("cluster")
        network: Document = settings.pop("resourcesVpcConfig", None) or {"subnetIds": list(self.network().subnets)}
        role = settings.pop("roleArn", None) or self.role("eks.amazonaws.com")
        request = {"accessConfig": PUBLIC_ONLY, "version": "1.36"} | settings
        return self.eks.create_cluster(name=name, roleArn=role, resourcesVpcConfig=network, **request)["cluster"]

    def nodegroup(self, cluster: Document, **settings: Any) -> Document:
        request = {
            "clusterName": cluster["name"],
            "nodegroupName": unique("nodes"),
            "subnets": cluster["resourcesVpcConfig"]["subnetIds"],
            "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3},
        } | settings
        role = request.pop("nodeRole", None) or self.role("ec2.amazonaws.com")
        return self.eks.create_nodegroup(nodeRole=role, **request)["nodegroup"]

    def clear(self) -> None:
        """Remove every cluster with its node groups, so that the account stays small."""
        for name in self.eks.list_clusters()["clusters"]:
            for nodegroup in self.eks.list_nodegroups(clusterName=name)["nodegroups"]:
                self.eks.delete_nodegroup(clusterName=name, nodegroupName=nodegroup)
            if self.eks.describe_cluster(name=name)["cluster"]["deletionProtection"]:
                self.eks.update_cluster_config(name=name, deletionProtection=False)
            self.eks.delete_cluster(name=name)

    def launch_template(self, **data: Any) -> Document:
        """A launch template like the stack's."""
        template = {
            "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeType": "gp3", "VolumeSize": 40}}
            ],
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "platform"}]},
                {"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "storage"}]},
            ],
        } | data
        return self.ec2.create_launch_template(LaunchTemplateName=unique("template"), LaunchTemplateData=template)[
            "LaunchTemplate"
        ]

    def nodes(self, nodegroup: Document) -> list[Document]:
        """The node group's instances that are not terminated."""
        filters = [
            {"Name": "tag:eks:nodegroup-name", "Values": [nodegroup["nodegroupName"]]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        reservations = self.ec2.describe_instances(Filters=filters)["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]


def tags(resource: Document) -> dict[str, str]:
    """EC2's list of tags as a dictionary."""
    return {tag["Key"]: tag["Value"] for tag in resource["Tags"]}
