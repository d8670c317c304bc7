"""The EKS of one account and region: its clusters, and the way to the other services that they live on."""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.autoscaling.models import AutoScalingBackend, autoscaling_backends
from moto.core.base_backend import BaseBackend
from moto.eks import urls
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role, iam_backends
from moto.sts.models import sts_backends

from sandbox.account.overlay.ec2 import ec2_of
from sandbox.account.overlay.eks import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.account.overlay.ec2 import Ec2

Document = dict[str, Any]
"""A structure of the EKS API, its members named as in the service model."""


@dataclass
class Update:
    """A change that was asked for, of the cluster itself or of the node group or add-on that is named."""

    document: Document
    nodegroup: str | None
    addon: str | None


@dataclass
class Cluster:
    """A cluster and all that dies with it. Documents are what Describe returns, less the status."""

    document: Document
    addons: dict[str, Document] = field(default_factory=dict[str, Document])
    nodegroups: dict[str, Document] = field(default_factory=dict[str, Document])
    access_entries: dict[str, Document] = field(default_factory=dict[str, Document])
    """By principal ARN."""

    access_policies: dict[str, dict[str, Document]] = field(default_factory=dict[str, dict[str, Document]])
    """By principal ARN, then by policy ARN."""

    node_entries: set[str] = field(default_factory=set[str])
    """The node roles whose access entry EKS made itself."""

    associations: dict[str, Document] = field(default_factory=dict[str, Document])
    """Pod identity associations by id."""

    updates: dict[str, Update] = field(default_factory=dict[str, Update])

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.document["name"]


class Eks(BaseBackend):
    """The EKS of one account and region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.clusters: dict[str, Cluster] = {}

    @property
    def _url_module(self) -> Any:
        return urls

    @property
    def ec2(self) -> Ec2:
        """EC2 of the same account and region."""
        return ec2_of(self)

    @property
    def autoscaling(self) -> AutoScalingBackend:
        """Auto Scaling of the same account and region."""
        return autoscaling_backends[self.account_id][self.region_name]

    @property
    def iam(self) -> IAMBackend:
        """IAM of the same account."""
        return iam_backends[self.account_id][self.partition]

    def arn(self, resource: str) -> str:
        """The ARN of an EKS resource, e.g. of `cluster/staging`."""
        return f"arn:{self.partition}:eks:{self.region_name}:{self.account_id}:{resource}"

    def cluster(self, name: str) -> Cluster:
        """The cluster of that name; ResourceNotFoundException."""
        try:
            return self.clusters[name]
        except KeyError:
            raise errors.not_found(f"No cluster found for name: {name}.", clusterName=name) from None

    def role(self, arn: str) -> Role | None:
        """The IAM role of this account with that ARN, path included."""
        try:
            return self.iam.get_role_by_arn(arn)
        except NotFoundException:
            return None

    def principal(self, access_key: str) -> str:
        """The ARN of the role or user that a key belongs to; of the account's root for a key that IAM never issued."""
        sts = sts_backends[self.account_id][self.partition]
        assumed = sts.get_assumed_role_from_access_key(access_key)
        if assumed is not None:
            return assumed.role_arn
        user = self.iam.get_user_from_access_key_id(access_key)
        return user.arn if user else f"arn:{self.partition}:iam::{self.account_id}:root"


def trusts(role: Role, service: str) -> bool:
    """Whether the role's trust policy names a service, e.g. `eks.amazonaws.com`, as a principal."""
    statements = json.loads(role.assume_role_policy_document)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if service in ([services] if isinstance(services, str) else services):
            return True
    return False


@dataclass(frozen=True)
class Call:
    """One request: where it goes, its parameters by the names of the service model, and the key that signed it."""

    eks: Eks
    request: Document
    access_key: str

    @property
    def cluster(self) -> Cluster:
        """The cluster that the request names; ResourceNotFoundException."""
        return self.eks.cluster(self.request.get("clusterName") or self.request["name"])


if TYPE_CHECKING:
    Operation = Callable[[Call], Document]
    Operations = Mapping[str, Operation]


def page(key: str, items: list[Any], request: Document) -> Document:
    """A page of a List operation: `maxResults` items (100 unless given) after `nextToken`."""
    start = int(request.get("nextToken") or 0)
    end = start + (request.get("maxResults") or 100)
    return {key: items[start:end], **({"nextToken": str(end)} if end < len(items) else {})}


def given(request: Document, *members: str) -> Document:
    """Those members that the request has."""
    return {member: request[member] for member in members if request.get(member) is not None}
