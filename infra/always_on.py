"""What a stack costs that has no nightly teardown: previews warn of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.contract import prices

if TYPE_CHECKING:
    from infra.settings import Settings


def notice(settings: Settings) -> str:
    """Say what it costs, in US dollars a month; empty where the stack has a night."""
    if settings.nightly_teardown:
        return ""
    groups = settings.node_groups.values()
    nodes, disk = sum(group.desired_size for group in groups), max(group.disk_gib for group in groups)
    month = prices.stack_hour(nodes, disk) * prices.HOURS_A_MONTH
    return (
        f"{settings.cluster_name} has no nightly teardown: it costs about {month:.0f} dollars a month with "
        f"{nodes} nodes, before traffic and load balancers (infra-fleet:nightlyTeardown)"
    )
