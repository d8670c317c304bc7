from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.provider.diff import Change, Kind, changes, delete_before_replace, is_ignored, touches
from sandbox.provider.names import DEFAULTS
from sandbox.provider.same import as_json, as_set, equal
from sandbox.provider.table import ROWS
from sandbox.provider.values import UNKNOWN

CLUSTER = ROWS["aws:eks/cluster:Cluster"]
NODES = ROWS["aws:eks/nodeGroup:NodeGroup"]
ROLE = ROWS["aws:iam/role:Role"]
TEMPLATE = ROWS["aws:ec2/launchTemplate:LaunchTemplate"]

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


def paths(row: Any, old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Kind, bool]]:
    return {each.path: (each.kind, each.replaces) for each in changes(row, old, new)}


@given(st.dictionaries(st.sampled_from([*CLUSTER.inputs]), json_values))
def test_equal_inputs_do_not_differ(inputs: dict[str, Any]) -> None:
    assert changes(CLUSTER, inputs, json.loads(json.dumps(inputs))) == []


@given(st.lists(st.text(), max_size=6).flatmap(lambda items: st.tuples(st.just(items), st.permutations(items))))
def test_a_set_has_no_order(lists: tuple[list[str], list[str]]) -> None:
    assert as_set(*lists)


@given(json_values)
def test_a_document_is_the_same_however_it_is_laid_out(document: Any) -> None:
    assert as_json(json.dumps(document), json.dumps(document, indent=4, sort_keys=True))


def test_text_that_is_no_document_compares_as_text() -> None:
    assert as_json("replicas: 1", "replicas: 1")
    assert not as_json("replicas: 1", "replicas: 2")


@pytest.mark.parametrize(("old", "new"), [(True, "true"), (3, "3"), ("3", 3), ({"a": 1}, {"a": "1"})])
def test_scalars_are_the_same_in_text(old: Any, new: Any) -> None:
    assert equal(old, new)


def test_a_nested_change_is_told_at_its_path() -> None:
    old = {
        "vpcConfig": {"subnetIds": ["a", "b"], "endpointPublicAccess": True},
        "enabledClusterLogTypes": ["api", "audit"],
    }
    new = {"vpcConfig": {"subnetIds": ["b", "a"], "endpointPublicAccess": False}, "enabledClusterLogTypes": ["audit"]}
    assert paths(CLUSTER, old, new) == {
        "vpcConfig.endpointPublicAccess": (Kind.UPDATE, False),
        "enabledClusterLogTypes": (Kind.UPDATE, False),
    }


def test_an_element_of_a_list_of_blocks_is_told_at_its_index() -> None:
    disk = {"deviceName": "/dev/xvda", "ebs": {"volumeSize": 20}}
    bigger = {"deviceName": "/dev/xvda", "ebs": {"volumeSize": 30}}
    assert paths(TEMPLATE, {"blockDeviceMappings": [disk]}, {"blockDeviceMappings": [bigger, disk]}) == {
        "blockDeviceMappings[0].ebs.volumeSize": (Kind.UPDATE, False),
        "blockDeviceMappings[1]": (Kind.ADD, False),
    }


def test_an_ordered_list_has_an_order() -> None:
    assert paths(NODES, {"instanceTypes": ["a", "b"]}, {"instanceTypes": ["b", "a"]}) == {
        "instanceTypes": (Kind.UPDATE, True)
    }


def test_a_part_of_a_block_alone_may_replace() -> None:
    old, new = {"launchTemplate": {"id": "lt-1", "version": "1"}}, {"launchTemplate": {"id": "lt-1", "version": "2"}}
    assert paths(NODES, old, new) == {"launchTemplate.version": (Kind.UPDATE, False)}
    assert paths(NODES, old, {"launchTemplate": {"id": "lt-2", "version": "1"}}) == {
        "launchTemplate.id": (Kind.UPDATE, True)
    }


def test_an_unknown_value_of_a_property_that_replaces_replaces() -> None:
    assert paths(NODES, {"nodeRoleArn": "arn"}, {"nodeRoleArn": UNKNOWN}) == {"nodeRoleArn": (Kind.UPDATE, True)}
    assert paths(NODES, {"subnetIds": ["a"]}, {"subnetIds": [UNKNOWN]}) == {"subnetIds": (Kind.UPDATE, True)}


def test_what_aws_fills_in_may_be_left_out() -> None:
    assert paths(CLUSTER, {"version": "1.36"}, {}) == {}
    assert paths(ROLE, {"description": "old"}, {}) == {"description": (Kind.DELETE, False)}


@pytest.mark.parametrize("nothing", [None, [], {}, ""])
def test_nothing_is_nothing_however_it_is_written(nothing: Any) -> None:
    assert paths(ROLE, {}, {"description": nothing}) == {}
    assert paths(ROLE, {"description": nothing}, {}) == {}


def test_tags_are_told_by_key() -> None:
    old, new = {"tags": {"a": "1", "b": "2"}}, {"tags": {"a": "2", "kubernetes.io/c": "3"}}
    assert paths(ROLE, old, new) == {
        "tags.a": (Kind.UPDATE, False),
        "tags.b": (Kind.DELETE, False),
        'tags["kubernetes.io/c"]': (Kind.ADD, False),
    }


def test_a_name_that_was_given_is_deleted_before_its_replacement_takes_it() -> None:
    assert delete_before_replace(ROLE, {"name": "mine", DEFAULTS: []})
    assert not delete_before_replace(ROLE, {"name": "role-0123456", DEFAULTS: ["name"]})


def test_an_attachment_made_twice_is_one_so_the_old_one_goes_first() -> None:
    assert delete_before_replace(ROWS["aws:iam/rolePolicyAttachment:RolePolicyAttachment"], {})


@pytest.mark.parametrize(
    ("path", "step", "expected"),
    [
        ("vpcConfig.subnetIds", "vpcConfig.subnetIds", True),
        ("vpcConfig", "vpcConfig.subnetIds", True),
        ("blockDeviceMappings[0].ebs", "blockDeviceMappings", True),
        ("vpcConfig.subnetIds", "vpcConfig.publicAccessCidrs", False),
        ("version", "versionless", False),
    ],
)
def test_a_change_touches_what_lies_at_in_or_around_it(path: str, step: str, *, expected: bool) -> None:
    assert touches(Change(path, Kind.UPDATE, replaces=False), step) == expected


@pytest.mark.parametrize(
    ("path", "ignored"),
    [("tags", True), ("tags.team", True), ("tagsAll", False), ("clientIdLists[0]", True), ("url", False)],
)
def test_what_a_program_ignores_is_no_change_and_neither_is_what_lies_in_it(path: str, *, ignored: bool) -> None:
    assert is_ignored(Change(path, Kind.UPDATE, replaces=False), ("tags", "clientIdLists")) is ignored
