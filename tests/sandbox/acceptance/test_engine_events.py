"""What the engine says: how long each resource took, and what went wrong."""

from __future__ import annotations

import json

from sandbox.acceptance import durations, engine_events
from sandbox.acceptance.engine_events import Timed
from tests.sandbox.acceptance.days import URN

CLUSTER = f"{URN}aws:eks/cluster:Cluster::cluster"


def event(timestamp: int, name: str, urn: str = CLUSTER, op: str = "create") -> str:
    return json.dumps({"sequence": 1, "timestamp": timestamp, name: {"metadata": {"op": op, "urn": urn}}})


def said(message: str, severity: str = "error") -> str:
    return json.dumps({"timestamp": 1, "diagnosticEvent": {"urn": CLUSTER, "message": message, "severity": severity}})


def test_a_resource_took_from_its_first_event_to_its_outputs() -> None:
    log = [event(100, "resourcePreEvent"), event(865, "resOutputsEvent")]
    assert engine_events.parse("\n".join(log)).timed == (Timed("Cluster cluster", "create", 765.0),)


def test_what_failed_or_stayed_or_is_none_of_aws_has_no_time() -> None:
    component = "urn:pulumi:acceptance::infra-fleet::infra-fleet:index:Cluster::cluster"
    log = [
        event(1, "resourcePreEvent"),
        event(2, "resOpFailedEvent"),
        event(1, "resourcePreEvent", component),
        event(2, "resOutputsEvent", component),
        event(3, "resourcePreEvent", op="same"),
        event(3, "resOutputsEvent", op="same"),
    ]
    assert engine_events.parse("\n".join(log)).timed == ()


def test_errors_are_kept_once_and_other_words_are_not() -> None:
    log = [said("denied\n"), said("denied"), said("a warning", "warning"), '{"timestamp": 12, "resOutp']
    assert engine_events.parse("\n".join(log)).errors == ((CLUSTER, "denied"),)


def test_the_lines_of_a_destroy_have_times_too() -> None:
    text = """
       -  aws:eks:Addon metrics-server deleting (0s)
       -  aws:eks:Addon metrics-server deleted (12s)
       -  pulumi:providers:aws aws deleted (1s)
       -  aws:ec2:NatGateway nat-eu-west-2a deleted (94.31s)
       -  aws:ec2:Vpc vpc **deleting failed** error: deleted (3s)
    """
    assert engine_events.deleted(text) == (
        Timed("Addon metrics-server", "delete", 12.0),
        Timed("NatGateway nat-eu-west-2a", "delete", 94.31),
    )


def test_what_takes_longer_than_the_table_by_more_than_the_slack_is_slower() -> None:
    table = durations.expected("Cluster cluster", "create")
    assert not durations.is_slower("Cluster cluster", "create", table + durations.SLACK)
    assert durations.is_slower("Cluster cluster", "create", table + durations.SLACK + 1)
    assert durations.is_slower("Eip nat", "create", 25)
    assert durations.expected("Addon coredns", "create") != durations.expected("Addon other", "create")
    assert durations.expected("Cluster cluster", "delete") < table
