"""The program run under mocks (`delivery.timeline.recorder`) with the shortest configs, as a graph."""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx

from delivery.timeline import recorder
from infra.contract import names
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONFIG: Mapping[str, object] = {
    "accountId": "123456789012",
    "clusterAdmins": ["arn:aws:iam::123456789012:role/platform-admin"],
}
"""The shortest config of a stack."""

PERMANENT_CONFIG: Mapping[str, object] = {
    "accountId": "123456789012",
    "region": "eu-west-2",
    "githubRepository": "your-org/infra-fleet",
    "clusters": ["staging"],
    "alarmEmail": "platform@example.com",
}
"""The shortest config of a permanent layer."""


@dataclass(frozen=True)
class Recording(recorder.Recording):
    """What one run of a program registered."""

    @property
    def graph(self) -> networkx.DiGraph[str]:
        """An edge from each custom resource to each that waits for it, by label."""
        graph: networkx.DiGraph[str] = networkx.DiGraph()
        for label, needed in self.waits.items():
            graph.add_node(label)
            graph.add_edges_from((each, label) for each in needed)
        return graph


def run(
    program: Callable[[], object],
    *,
    config: Mapping[str, object] = CONFIG,
    preview: bool,
    project: str = names.PROJECT,
    stack: str = "staging",
) -> Recording:
    """Run a program once."""
    return Recording(**vars(recorder.run(program, config=config, preview=preview, project=project, stack=stack)))


def run_stack(config: Mapping[str, object] = CONFIG, *, preview: bool) -> Recording:
    """Run the repository's program."""
    return run(lambda: runpy.run_path(str(REPOSITORY / "__main__.py")), config=config, preview=preview)


def run_permanent(config: Mapping[str, object] = PERMANENT_CONFIG, *, preview: bool) -> Recording:
    """Run the permanent layer's program."""
    return run(
        lambda: runpy.run_path(str(REPOSITORY / "permanent" / "program.py")),
        config=config,
        preview=preview,
        project=names.PERMANENT_PROJECT,
        stack=names.PERMANENT_STACK,
    )
