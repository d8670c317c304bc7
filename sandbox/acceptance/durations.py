"""How long AWS takes by the published logs, and what is slower than that."""

from __future__ import annotations

import math

from delivery.timeline import durations

SLACK = 20.0
"""Seconds by which a resource may be slower than the table before it counts as slower."""

BOOTSTRAP = 600.0
VERIFY = 300.0
"""Seconds of what is no resource: Flux reconciles; the sweeps and the checks of the night."""

HOUR = 3600


def expected(label: str, operation: str) -> float:
    """Seconds that the table has for a resource, by its label (`Addon coredns`), else by its type.

    Args:
        label: type and name.
        operation: `create` or `delete`.
    """
    return durations.seconds(label, durations.CREATE if operation == "create" else durations.DELETE)


def is_slower(label: str, operation: str, seconds: float) -> bool:
    """Whether a resource took longer than the table has it."""
    return seconds > expected(label, operation) + SLACK


def day(*, is_bootstrapped: bool) -> float:
    """Seconds of the whole day: the longest chain of the build, the bootstrap, the night."""
    build = [expected(each, "create") for each in ("Vpc", "Subnet", "Cluster", "NodeGroup", "Addon coredns")]
    night = [expected(each, "delete") for each in ("NodeGroup", "Cluster", "NatGateway")]
    return sum(build) + (BOOTSTRAP if is_bootstrapped else 0) + sum(night) + VERIFY


def billed_hours(seconds: float) -> int:
    """Hours that are billed: a NAT gateway costs each hour that it has begun (Amazon VPC pricing)."""
    return math.ceil(seconds / HOUR)
