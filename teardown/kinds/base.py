"""What a kind of leftover is: how it is found, and how it is taken away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from teardown.aws import Aws
    from teardown.claim import Claim
    from teardown.permissions import Permission
    from teardown.proof import Proven
    from teardown.target import Target


@dataclass(frozen=True)
class Leftover:
    """One thing in AWS."""

    kind: str
    id: str
    """What its delete call takes."""
    claim: Claim
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    created: datetime | None = None
    monthly: float | None = 0.0
    """US dollars a month; None if no price is known."""
    held: str = ""
    """What keeps it from being deleted, and takes it away or lets go of it by itself."""
    kept_because: str = ""
    """Why it outlives the cluster on purpose: it is listed every night, and never deleted."""
    groups: frozenset[str] = frozenset()
    """The security groups that an interface or load balancer has."""
    in_vpc: bool = False
    """Whether it is in the cluster's VPC."""

    @property
    def label(self) -> str:
        """Its id, and the name that a person knows it by."""
        return f"{self.id} ({self.name})" if self.name and self.name not in self.id else self.id


@dataclass(frozen=True)
class Kind:
    """A kind of thing that controllers leave behind, or that the stack itself makes."""

    name: str
    find: Callable[[Aws, Target], Iterable[Leftover]]
    """All of it that may be the cluster's. Raises UnknownError."""
    reads: tuple[Permission, ...]
    delete: Callable[[Proven, Leftover], None] | None = None
    """None: the stack's own, which `pulumi destroy` takes away. Raises botocore's ClientError."""
    writes: tuple[Permission, ...] = ()
    after: tuple[str, ...] = ()
    """The kinds that must be gone before."""
    command: str = ""
    """What removes one by hand; `{id}` is its id."""


def tags_of(thing: Mapping[str, Any], key: str = "Tags") -> dict[str, str]:
    """AWS's list of tags as a dictionary."""
    return {tag["Key"]: tag["Value"] for tag in thing.get(key) or ()}
