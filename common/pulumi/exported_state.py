"""What a stack's state says, as `pulumi stack export` prints it: the only place that parses one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydantic
from pydantic import BaseModel, JsonValue

from common.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STACK_TYPE = "pulumi:pulumi:Stack"
VPC_TYPE = "aws:ec2/vpc:Vpc"
CLUSTER_TYPE = "aws:eks/cluster:Cluster"
ARN = re.compile(r"arn:[\w-]+:[\w-]+:(?P<region>[\w-]*):(?P<account>\d{12}):")
PROVIDERS = ("pulumi:pulumi:", "pulumi:providers:")
"""Resources of the engine alone, which cost nothing and are nowhere in AWS."""


class _Resource(BaseModel):
    type: str = ""
    urn: str = ""
    id: str = ""
    external: bool = False
    delete: bool = False
    """Whether it is the old one of a replacement, still to be deleted."""
    outputs: dict[str, JsonValue] = {}


class _Pending(BaseModel):
    type: str
    resource: _Resource


class _Deployment(BaseModel):
    resources: tuple[_Resource, ...] | None = None
    pending_operations: tuple[_Pending, ...] | None = None


class _Export(BaseModel):
    deployment: _Deployment


@dataclass(frozen=True)
class Identity:
    """Which cluster the state is of: the stack's outputs, the cluster's own, and the ARNs of all that is listed."""

    account_ids: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    cluster: str = ""
    endpoint: str = ""
    """The URL of the API server; empty where no cluster has been made."""
    authority: str = ""
    """Base64 of the PEM certificate, as EKS gives it."""


@dataclass(frozen=True)
class StackState:
    """What the stack's state says."""

    listed: frozenset[str] = frozenset()
    """Ids and ARNs of what `pulumi destroy` takes away: never the sweep's."""
    vpc_id: str = ""
    pending: tuple[str, ...] = ()
    """What a killed run was at."""
    identity: Identity = Identity()
    """Whose state it is."""
    unread: tuple[str, ...] = ()
    """What a killed recovery has put back and not read: it has an id and nothing else."""
    clusters: tuple[str, ...] = ()
    """The names of its EKS clusters. One that only waits for its deletion is not there."""
    resources: tuple[str, ...] = ()
    """Type and name of each resource that it lists, once: `listed` has more than one name of most."""


def parse(text: str) -> StackState:
    """Read what `pulumi stack export` prints. Raises UnknownError: it is not a state."""
    try:
        deployment = _Export.model_validate_json(text).deployment
    except pydantic.ValidationError as error:
        raise UnknownError(
            f"the stack's state is unknown: pulumi prints no state: {error.errors()[0]['msg']}"
        ) from None
    made = [each for each in deployment.resources or () if each.id and not each.external and _is_of_aws(each.type)]
    pending = tuple(
        f"{each.type} {each.resource.urn.rpartition('::')[2]}" for each in deployment.pending_operations or ()
    )
    vpc_id = next((each.id for each in made if each.type == VPC_TYPE), "")
    unread = tuple(f"{each.type} {each.urn.rpartition('::')[2]}" for each in made if not each.outputs)
    clusters = tuple(
        _text(each.outputs, "name") or each.id
        for each in deployment.resources or ()
        if each.type == CLUSTER_TYPE and not each.delete
    )
    resources = tuple(f"{each.type} {each.urn.rpartition('::')[2]}" for each in made)
    return StackState(
        frozenset(_names(made)), vpc_id, pending, _identity(deployment, made), unread, clusters, resources
    )


def _identity(deployment: _Deployment, made: list[_Resource]) -> Identity:
    """Which cluster a state is of. The cluster's own outputs come first: the stack's may be of an earlier one."""
    listed = next((each for each in made if each.type == CLUSTER_TYPE and not each.delete), None)
    own = listed.outputs if listed else {}
    stack = {
        key: value
        for each in deployment.resources or ()
        if each.type == STACK_TYPE
        for key, value in each.outputs.items()
    }
    pending = [each.resource.type for each in deployment.pending_operations or () if each.type == "creating"]
    is_stale = CLUSTER_TYPE in pending and not listed
    data = own.get("certificateAuthority")
    authority = _text(data, "data") if isinstance(data, dict) else ""
    arns = [match for each in made if (match := ARN.match(_text(each.outputs, "arn")))]
    return Identity(
        frozenset({match["account"] for match in arns} | {_text(stack, "aws_account_id")}) - {""},
        frozenset({match["region"] for match in arns} | {_text(stack, "aws_region")}) - {""},
        _text(own, "name") or _text(stack, "cluster_name"),
        _text(own, "endpoint") or ("" if is_stale else _text(stack, "cluster_endpoint")),
        authority or ("" if is_stale else _text(stack, "cluster_certificate_authority")),
    )


def _text(outputs: Mapping[str, JsonValue], name: str) -> str:
    """An output that is text; empty if it is none."""
    value = outputs.get(name)
    return value if isinstance(value, str) else ""


def _is_of_aws(kind: str) -> bool:
    return not kind.startswith(PROVIDERS)


def _names(resources: Iterable[_Resource]) -> set[str]:
    """Ids, ARNs and names: what AWS's answers may call a resource by."""
    found: set[str] = set()
    for each in resources:
        found |= {
            each.id,
            *(str(each.outputs[key]) for key in ("arn", "name") if isinstance(each.outputs.get(key), str)),
        }
    return found
