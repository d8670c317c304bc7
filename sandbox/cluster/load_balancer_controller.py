"""A stand-in for the AWS Load Balancer Controller: load balancers, target groups and security groups in the account.

For Ingresses of class alb and Services of class service.k8s.aws/nlb, with the real names and tags. It knows no
annotations but scheme and inbound CIDRs, and registers no targets. Its webhook allows everything, while it runs.

Source: aws-load-balancer-controller, pkg/deploy/tracking/provider.go (tags), pkg/networking/backend_sg_provider.go.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions

from common.errors import FleetError
from common.kubernetes.api import INGRESS, SERVICE
from sandbox.cluster import pod

if TYPE_CHECKING:
    from common.kubernetes.api import Cluster, Kind, Manifest

NAME = "aws-load-balancer-controller"
MANAGER = "elbv2.k8s.aws/controller"
CLUSTER_TAG = "elbv2.k8s.aws/cluster"
TAGS_AT_ONCE = 20
"""Resources that DescribeTags takes (Elastic Load Balancing API reference)."""


@dataclass(frozen=True)
class Sort:
    """A kind of object that a load balancer is made for."""

    kind: Kind
    prefix: str
    """Of its tags and finalizer."""
    balancer: str
    """The load balancer's type."""
    annotations: str
    """The prefix of its annotations."""


INGRESSES = Sort(INGRESS, "ingress.k8s.aws", "application", "alb.ingress.kubernetes.io")
SERVICES = Sort(SERVICE, "service.k8s.aws", "network", "service.beta.kubernetes.io/aws-load-balancer")


@dataclass(frozen=True)
class Controller:
    """Reconciles what load balancers are made for."""

    cluster: Cluster
    name: str
    vpc: str
    elb: Any
    ec2: Any

    def step(self) -> None:
        """Look at every Ingress and Service."""
        for ingress in self.cluster.list(INGRESS):
            if ingress["spec"].get("ingressClassName") == "alb" or _finalizer(INGRESSES) in _finalizers(ingress):
                self._reconcile(INGRESSES, ingress)
        for service in self.cluster.list(SERVICE):
            ours = service["spec"].get("loadBalancerClass") == "service.k8s.aws/nlb"
            if (service["spec"]["type"] == "LoadBalancer" and ours) or _finalizer(SERVICES) in _finalizers(service):
                self._reconcile(SERVICES, service)

    def _reconcile(self, sort: Sort, thing: Manifest) -> None:
        try:
            if thing["metadata"].get("deletionTimestamp"):
                self._remove(sort, thing)
            elif not thing.get("status", {}).get("loadBalancer", {}).get("ingress"):
                self._make(sort, thing)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            raise FleetError(f"{_stack(thing)}: AWS refuses: {error}") from None

    def _make(self, sort: Sort, thing: Manifest) -> None:
        names = {key: thing["metadata"][key] for key in ("name", "namespace")}
        finalizers = sorted({*_finalizers(thing), _finalizer(sort)})
        self.cluster.merge(sort.kind, {"metadata": {**names, "finalizers": finalizers}}, MANAGER)
        scheme = thing["metadata"].get("annotations", {}).get(f"{sort.annotations}{_slash(sort)}scheme", "internal")
        cidrs = (
            thing["metadata"].get("annotations", {}).get(f"{sort.annotations}{_slash(sort)}inbound-cidrs", "0.0.0.0/0")
        )
        front = self._group(f"k8s-{_short(thing)}", self._tags(sort, thing, "ManagedLBSecurityGroup"))
        back = self._group(
            f"k8s-traffic-{self.name}-{_digest(self.name)}",
            {CLUSTER_TAG: self.name, "elbv2.k8s.aws/resource": "backend-sg"},
        )
        ranges = [{"CidrIp": cidr.strip()} for cidr in cidrs.split(",")]
        self._allow(front, {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": ranges})
        balancer = self.elb.create_load_balancer(
            Name=f"k8s-{_short(thing)}",
            Type=sort.balancer,
            Scheme=scheme,
            Subnets=self._subnets(scheme),
            SecurityGroups=[front, back],
            Tags=_pairs(self._tags(sort, thing, "LoadBalancer")),
        )["LoadBalancers"][0]
        group = self.elb.create_target_group(
            Name=f"k8s-{_short(thing, ':80')}",
            Protocol="HTTP" if sort is INGRESSES else "TCP",
            Port=80,
            VpcId=self.vpc,
            TargetType="ip",
            Tags=_pairs(self._tags(sort, thing, f"{_stack(thing)}:80")),
        )["TargetGroups"][0]
        self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP" if sort is INGRESSES else "TCP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
            Tags=_pairs(self._tags(sort, thing, "80")),
        )
        status = {"loadBalancer": {"ingress": [{"hostname": balancer["DNSName"]}]}}
        self.cluster.merge_status(sort.kind, {"metadata": names, "status": status}, MANAGER)
        pod.say(f"{_stack(thing)} has {balancer['DNSName']}")

    def _remove(self, sort: Sort, thing: Manifest) -> None:
        if _finalizer(sort) not in _finalizers(thing) or pod.is_stuck(NAME):
            return
        for balancer in self._ours("describe_load_balancers", "LoadBalancers", "LoadBalancerArn", sort, thing):
            self.elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
        for group in self._ours("describe_target_groups", "TargetGroups", "TargetGroupArn", sort, thing):
            self.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
        filters = [
            {"Name": f"tag:{key}", "Values": [value]}
            for key, value in self._tags(sort, thing, "ManagedLBSecurityGroup").items()
        ]
        for group in self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]:
            self.ec2.delete_security_group(GroupId=group["GroupId"])
        if not self._others(thing):
            backend = [
                {"Name": f"tag:{CLUSTER_TAG}", "Values": [self.name]},
                {"Name": "tag:elbv2.k8s.aws/resource", "Values": ["backend-sg"]},
            ]
            for group in self.ec2.describe_security_groups(Filters=backend)["SecurityGroups"]:
                self.ec2.delete_security_group(GroupId=group["GroupId"])
        names = {key: thing["metadata"][key] for key in ("name", "namespace")}
        left = [each for each in _finalizers(thing) if each != _finalizer(sort)]
        self.cluster.merge(sort.kind, {"metadata": {**names, "finalizers": left}}, MANAGER)
        pod.say(f"{_stack(thing)} is taken down")

    def _others(self, thing: Manifest) -> bool:
        """Whether another object has a load balancer, which needs the shared backend group."""
        finalizers = {_finalizer(INGRESSES), _finalizer(SERVICES)}
        things = [*self.cluster.list(INGRESS), *self.cluster.list(SERVICE)]
        uid = thing["metadata"]["uid"]
        return any(each["metadata"]["uid"] != uid and finalizers & set(_finalizers(each)) for each in things)

    def _ours(self, operation: str, key: str, arn: str, sort: Sort, thing: Manifest) -> list[dict[str, Any]]:
        """What the object has among what `operation` lists, page by page: an account may hold more than one page."""
        wanted = {CLUSTER_TAG: self.name, f"{sort.prefix}/stack": _stack(thing)}.items()
        ours: list[dict[str, Any]] = []
        for page in self.elb.get_paginator(operation).paginate(PageSize=TAGS_AT_ONCE):
            listed = {each[arn]: each for each in page[key]}
            described = self.elb.describe_tags(ResourceArns=list(listed))["TagDescriptions"] if listed else ()
            ours += [
                listed[each["ResourceArn"]]
                for each in described
                if wanted <= {tag["Key"]: tag["Value"] for tag in each["Tags"]}.items()
            ]
        return ours

    def _group(self, name: str, tags: dict[str, str]) -> str:
        filters = [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [self.vpc]}]
        there = self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        if there:
            return there[0]["GroupId"]
        return self.ec2.create_security_group(
            GroupName=name,
            Description="[k8s] Managed SecurityGroup for LoadBalancer",
            VpcId=self.vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": _pairs(tags)}],
        )["GroupId"]

    def _allow(self, group: str, permission: dict[str, Any]) -> None:
        try:
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
        except botocore.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") != "InvalidPermission.Duplicate":
                raise

    def _subnets(self, scheme: str) -> list[str]:
        role = "elb" if scheme == "internet-facing" else "internal-elb"
        filters = [
            {"Name": "vpc-id", "Values": [self.vpc]},
            {"Name": f"tag:kubernetes.io/role/{role}", "Values": ["1"]},
        ]
        found = [subnet["SubnetId"] for subnet in self.ec2.describe_subnets(Filters=filters)["Subnets"]]
        if not found:
            raise FleetError(f"no subnet of {self.vpc} has the tag kubernetes.io/role/{role}")
        return found

    def _tags(self, sort: Sort, thing: Manifest, resource: str) -> dict[str, str]:
        return {CLUSTER_TAG: self.name, f"{sort.prefix}/stack": _stack(thing), f"{sort.prefix}/resource": resource}


def _slash(sort: Sort) -> str:
    return "/" if sort is INGRESSES else "-"


def _finalizer(sort: Sort) -> str:
    return f"{sort.prefix}/resources"


def _finalizers(thing: Manifest) -> list[str]:
    return list(thing["metadata"].get("finalizers") or ())


def _stack(thing: Manifest) -> str:
    return f"{thing['metadata']['namespace']}/{thing['metadata']['name']}"


def _short(thing: Manifest, part: str = "") -> str:
    """`<namespace, 8>-<name, 8>-<10 digits>`, as the controller names what it makes for an object."""
    metadata = thing["metadata"]
    digest = _digest(metadata["uid"] + part)
    return f"{metadata['namespace'][:8]}-{metadata['name'][:8]}-{digest}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def main() -> None:
    """Serve; the arguments are a pod's."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.cluster.load_balancer_controller", description=__doc__)
    parser.add_argument("--cluster-name", required=True, help="the EKS cluster")
    parser.add_argument("--aws-region", required=True, help="its region")
    parser.add_argument("--aws-vpc-id", required=True, help="its VPC")
    parser.add_argument("--health-probe-bind-addr", required=True, help="where probes are answered")
    arguments, _others = parser.parse_known_args()
    pod.serve_admission()
    pod.serve_probes(arguments.health_probe_bind_addr)
    pod.say("a stand-in for aws-load-balancer-controller: see fleet sandbox cluster --help")
    session = boto3.Session(region_name=arguments.aws_region)
    clients: dict[str, Any] = {name: session.client(name) for name in ("elbv2", "ec2")}  # pyright: ignore[reportUnknownMemberType, reportCallIssue, reportArgumentType]
    controller = Controller(
        pod.cluster(), arguments.cluster_name, arguments.aws_vpc_id, clients["elbv2"], clients["ec2"]
    )
    pod.loop(pod.step_as_leader(NAME, controller.step))


if __name__ == "__main__":
    main()
