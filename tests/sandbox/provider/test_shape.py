from __future__ import annotations

from typing import Any

import pytest

from sandbox.provider.model import input_shape
from sandbox.provider.shape import Located, Violation, compiled, plain, walk
from sandbox.provider.values import UNKNOWN

CLUSTER: dict[str, Any] = {"name": "c", "roleArn": "arn", "resourcesVpcConfig": {}}


def violations(service: str, operation: str, **parameters: Any) -> list[Violation]:
    return list(walk(parameters, input_shape(service, operation)))


def test_parameters_that_are_right_pass() -> None:
    assert violations("eks", "CreateCluster", **CLUSTER, accessConfig={"authenticationMode": "API"}) == []


def test_an_unknown_passes_anywhere() -> None:
    assert (
        violations("eks", "CreateCluster", name=UNKNOWN, roleArn=UNKNOWN, resourcesVpcConfig={"subnetIds": UNKNOWN})
        == []
    )
    assert violations("eks", "CreateCluster", **CLUSTER, tags={"a": UNKNOWN}, logging=UNKNOWN) == []


REFUSED: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("eks", "CreateCluster", {"name": "c", "roleArn": "arn"}, "", "is required"),
    (
        "eks",
        "CreateCluster",
        {**CLUSTER, "accessConfig": {"authenticationMode": "APIS"}},
        "accessConfig.authenticationMode",
        "'APIS' is not allowed: one of API, API_AND_CONFIG_MAP, CONFIG_MAP",
    ),
    ("eks", "CreateCluster", {**CLUSTER, "name": "-c"}, "name", "'-c' is not allowed: it must match"),
    ("eks", "CreateCluster", {**CLUSTER, "name": "c" * 101}, "name", "has 101 characters: at most 100 allowed"),
    ("eks", "CreateCluster", {**CLUSTER, "name": 3}, "name", "3 is not a string"),
    (
        "eks",
        "CreateCluster",
        {**CLUSTER, "deletionProtection": "yes"},
        "deletionProtection",
        "'yes' is not a boolean",
    ),
    ("eks", "CreateCluster", {**CLUSTER, "tags": {"k" * 129: "v"}}, f"tags[{'k' * 129!r}]", "at most 128 allowed"),
    ("eks", "CreateCluster", {**CLUSTER, "resourcesVpcConfig": []}, "resourcesVpcConfig", "[] is not an object"),
    (
        "eks",
        "CreateCluster",
        {**CLUSTER, "resourcesVpcConfig": {"subnetIds": "one"}},
        "resourcesVpcConfig.subnetIds",
        "'one' is not a list",
    ),
    ("eks", "CreateCluster", {**CLUSTER, "size": 1}, "", "has no member 'size'"),
    (
        "iam",
        "CreateRole",
        {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "MaxSessionDuration": 60},
        "MaxSessionDuration",
        "60: at least 3600 allowed",
    ),
    ("iam", "CreateRole", {"RoleName": "a b", "AssumeRolePolicyDocument": "{}"}, "RoleName", "it must match"),
    (
        "iam",
        "CreateRole",
        {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "MaxSessionDuration": True},
        "MaxSessionDuration",
        "True is not an integer",
    ),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "path", "reason"), REFUSED)
def test_what_the_model_does_not_allow_is_told_at_its_path(
    service: str, operation: str, parameters: dict[str, Any], path: str, reason: str
) -> None:
    found = violations(service, operation, **parameters)
    assert [each.path for each in found] == [path]
    assert reason in found[0].reason


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        (r"[\w-_]*", "a-_", True),
        (r"[\w-_]*", "a b", False),
        (r"[a-z\d-]+", "a-1", True),
        (r"(?![^:]*/action/|(?i).*<script>.*)[^:]+", "daily", True),
        (r"(?![^:]*/action/|(?i).*<script>.*)[^:]+", "<SCRIPT>", False),
        (r"(?![^:]*/action/|(?i).*<script>.*)[^:]+", "a/ACTION/b", True),
    ],
)
def test_a_pattern_means_what_it_means_in_java(pattern: str, value: str, fits: bool) -> None:
    assert bool(compiled(pattern).fullmatch(value)) is fits


def test_a_located_parameter_is_told_at_its_property() -> None:
    mode = Located("accessConfig", {"authenticationMode": Located("accessConfig.mode", "APIS")})
    assert violations("eks", "CreateCluster", **CLUSTER, accessConfig=mode)[0].path == "accessConfig.mode"


def test_the_parts_of_a_whole_have_its_path() -> None:
    logging = Located(
        "enabledClusterLogTypes", {"clusterLogging": [{"types": ["api", "apy"], "enabled": True}]}, whole=True
    )
    found = violations("eks", "CreateCluster", **CLUSTER, logging=logging)
    assert [each.path for each in found] == ["enabledClusterLogTypes"]
    assert "'apy'" in found[0].reason


def test_plain_parameters_have_neither_locations_nor_members_without_value() -> None:
    assert plain({"a": Located("p", [Located("q", 1)]), "b": None, "c": {"d": None, "e": Located("r", None)}}) == {
        "a": [1],
        "c": {},
    }
