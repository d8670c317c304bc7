"""What a kind of leftover is: how it is found, and how it is taken away."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from teardown import claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from common.aws import Aws
    from common.target import Proven
    from infra.contract.sweep_policies import Permission
    from teardown.claim import Claim
    from teardown.target import Target


@dataclass(frozen=True)
class Leftover:
    """One thing in AWS."""

    kind: Kind
    id: str
    """What its delete call takes."""
    claim: Claim
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    created: datetime | None = None
    monthly: float | None = 0.0
    """US dollars a month; None if no price is known."""
    held: str = ""
    """Why no deletion is tried: what has it in use, and is not on its way out."""
    kept_because: str = ""
    """Why it outlives the cluster on purpose: it is listed by every run, and never deleted."""
    groups: frozenset[str] = frozenset()
    """The security groups that an interface or load balancer has."""
    vpc_id: str = ""
    """The VPC that it is in."""
    holder: tuple[Kind, str] | None = None
    """What has it in use, where AWS tells: its kind and id. It goes with that, or is let go of by it."""
    requester: str = ""
    """Who made it, where AWS tells: another account, or a service of AWS."""
    revocable: frozenset[str] = frozenset()
    """Of a security group: the groups whose rules that name it may be revoked."""
    dns_name: str = ""
    """The name under which a load balancer is reached."""

    @property
    def label(self) -> str:
        """Its id, and the name that a person knows it by."""
        return f"{self.id} ({self.name})" if self.name and self.name not in self.id else self.id

    @property
    def title(self) -> str:
        """The same after its kind."""
        return f"{self.kind.name} {self.label}"


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of thing that controllers leave behind, or that the stack itself makes."""

    name: str
    find: Callable[[Aws, Target], Iterable[Leftover]]
    """All of it that may be the cluster's. Raises UnknownError."""
    reads: tuple[Permission, ...]
    delete: Callable[[Proven, Leftover], None] | None = None
    """None: it goes with its owner. Raises botocore's ClientError."""
    writes: tuple[Permission, ...] = ()
    """What deleting what controllers made needs, in addition to what the deploy role has for the stack's own."""
    command: str = ""
    """What removes one by hand: `{id}` and `{name}` are its own, `{parent}` and `{child}` the parts of its id."""
    blocks_vpc: bool = False
    """Whether the VPC cannot be deleted while one is in it."""
    is_gone: Callable[[Aws, Leftover], bool] | None = None
    """Of a deletion that goes on after its call: whether it has ended. Raises botocore's ClientError."""

    def by_hand(self, leftover: Leftover) -> str:
        """The command that removes one by hand."""
        parent, _, child = leftover.id.partition(":")
        parts = {"id": leftover.id, "name": leftover.name, "parent": parent, "child": child}
        return self.command.format(**{key: shlex.quote(value) for key, value in parts.items()})


def tags_of(thing: Mapping[str, Any], key: str = "Tags") -> dict[str, str]:
    """AWS's list of tags as a dictionary."""
    return {tag["Key"]: tag["Value"] for tag in thing.get(key) or ()}


def found(
    aws: Aws, target: Target, operation: str, key: str, identity: str, *, in_vpc: bool = True, **more: Any
) -> Iterator[Any]:
    """What a tag says to be the cluster's or the stack's, and what is in the VPC: each once.

    Args:
        aws: the clients.
        target: the cluster.
        operation: of EC2, one that takes Filters.
        key: the member of its answer.
        identity: the member that tells one from another.
        in_vpc: whether the kind is bound to a VPC.
        more: more parameters.
    """
    things: dict[str, Any] = {}
    looks = [("tag-key", claim.keys(target.cluster)), (f"tag:{claim.STACK}", [target.cluster])]
    looks += [("vpc-id", [target.vpc_id])] if in_vpc and target.vpc_id else []
    for name, values in looks:
        answer = aws.pages("ec2", operation, key, Filters=[{"Name": name, "Values": values}], **more)
        things |= {thing[identity]: thing for thing in answer}
    yield from things.values()
