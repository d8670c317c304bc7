"""What a preview says of the config before anything is built: what it leaves to chance, and what it opens wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from infra import always_on, support_dates
from infra.contract import names

if TYPE_CHECKING:
    from datetime import date

    from infra.settings import Settings


def tell(settings: Settings, today: date) -> None:
    """Log the notes, and warnings where something may cost money or open the cluster. In previews and updates."""
    for note in ami_releases(settings):
        pulumi.log.info(f"{names.NOTE}{note}")
    for warning in _warnings(settings, today):
        pulumi.log.warn(warning)


def _warnings(settings: Settings, today: date) -> list[str]:
    costly = always_on.notice(settings)
    support = support_dates.warnings(settings.kubernetes_version, today)
    return [*support, *wide_editors(settings), *([costly] if costly else [])]


def ami_releases(settings: Settings) -> list[str]:
    """Which AMI release each node group gets, a line each."""
    newest = "the newest when nodes are built or renewed (amiRelease pins one)"
    return [
        f"AMI release of node group {name}: {group.ami_release or newest}"
        for name, group in settings.node_groups.items()
    ]


def wide_editors(settings: Settings) -> list[str]:
    """The editors of the whole cluster, a line each."""
    return [
        f"{access.role} may edit the whole cluster, and so read every Secret, Flux's token in flux-system included: "
        "give it namespaces in infra-fleet:clusterEditors, unless that is meant"
        for access in settings.cluster_editors
        if not access.namespaces
    ]
