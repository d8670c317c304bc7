"""What a program leaves out and AWS reports is found, and what pulumi-aws takes as it comes is left alone."""

from __future__ import annotations

from typing import Any

from tests.support.reported import unsaid

NODES = "aws:eks/nodeGroup:NodeGroup"


def node_group(said: dict[str, Any], reported: dict[str, Any]) -> list[str]:
    return unsaid({f"urn:{NODES}::default": {"type": NODES, "inputs": said, "outputs": reported}})


def test_what_is_reported_and_was_left_out_is_found() -> None:
    said = {"updateConfig": {"maxUnavailable": 1}}
    reported = {"updateConfig": {"maxUnavailable": 1, "updateStrategy": "DEFAULT"}, "labels": {"a": "b"}}
    assert node_group(said, reported) == [
        "NodeGroup default: updateConfig.updateStrategy",
        "NodeGroup default: labels",
    ]


def test_what_is_computed_or_empty_or_was_said_is_left_alone() -> None:
    strategy = {"maxUnavailable": 1, "updateStrategy": "DEFAULT"}
    assert node_group({"updateConfig": strategy}, {"updateConfig": strategy, "diskSize": 20, "labels": {}}) == []
    assert node_group({}, {"updateConfig": strategy}) == []
