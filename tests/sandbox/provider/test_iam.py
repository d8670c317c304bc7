from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.provider.iam import ROWS
from tests.sandbox.provider.driver import RefusedError
from tests.sandbox.provider.round_trip import Update, gone, imported, made, updated

if TYPE_CHECKING:
    from tests.sandbox.provider.driver import Driver

ROLE, POLICY, ATTACHMENT, PROFILE, OIDC = (row.type for row in ROWS)


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allowing(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


def test_role(aws: Driver) -> None:
    boundary = aws.create(POLICY, "boundary", {"policy": allowing("*")}).id
    inputs = {
        "assumeRolePolicy": trust("eks.amazonaws.com"),
        "path": "/infra-fleet/staging/",
        "description": "Cluster",
        "permissionsBoundary": boundary,
        "tags": {"Name": "cluster"},
    }
    role = made(aws, ROLE, "cluster", inputs)
    assert role.id == role["name"]
    assert role["name"].startswith("cluster-")
    assert role["arn"] == f"arn:aws:iam::111122223333:role/infra-fleet/staging/{role.id}"
    imported(aws, role, inputs | {"name": role.id})
    role = updated(
        aws,
        role,
        Update(inputs | {"assumeRolePolicy": trust("ec2.amazonaws.com")}, {"assumeRolePolicy"}),
        Update(
            inputs | {"description": "Nodes", "maxSessionDuration": 7200},
            {"assumeRolePolicy", "description", "maxSessionDuration"},
            {"description": "Nodes", "maxSessionDuration": 7200},
        ),
        Update(
            {name: value for name, value in inputs.items() if name != "permissionsBoundary"},
            {"description", "maxSessionDuration", "permissionsBoundary"},
            {"description": "Cluster"},
        ),
        Update(inputs | {"tags": {}}, {"permissionsBoundary", "tags"}, {"permissionsBoundary": boundary}),
    )
    assert aws.diff(role, inputs | {"path": "/"}).replaces == ["path"]
    assert not aws.diff(role, inputs | {"path": "/"}).delete_before_replace
    gone(aws, role)


@pytest.mark.parametrize("name", ["forceDetachPolicies", "inlinePolicies", "managedPolicyArns"])
def test_what_a_role_does_not_support_is_refused_by_name(aws: Driver, name: str) -> None:
    with pytest.raises(RefusedError, match=f"has no property '{name}'"):
        aws.check(ROLE, "role", {"assumeRolePolicy": trust("eks.amazonaws.com"), name: True})


def test_a_trust_policy_in_another_layout_changes_nothing(aws: Driver) -> None:
    role = aws.create(ROLE, "role", {"assumeRolePolicy": trust("eks.amazonaws.com")})
    laid_out = json.dumps(json.loads(trust("eks.amazonaws.com")), indent=2, sort_keys=True)
    assert aws.diff(role, {"assumeRolePolicy": laid_out}).kinds == {}


def test_policy_keeps_at_most_five_versions(aws: Driver) -> None:
    inputs: dict[str, Any] = {"policy": allowing("s3:Get0"), "path": "/infra-fleet/staging/", "description": "Read"}
    policy = made(aws, POLICY, "read", inputs)
    assert policy.id == policy["arn"]
    imported(aws, policy, inputs | {"name": policy["name"]})
    for number in range(1, 8):
        newer = inputs | {"policy": allowing(f"s3:Get{number}")}
        policy = updated(aws, policy, Update(newer, {"policy"}))
    assert json.loads(policy["policy"]) == json.loads(allowing("s3:Get7"))
    assert aws.diff(policy, inputs | {"description": "Other"}).replaces == ["description"]
    gone(aws, policy)


def test_role_policy_attachment(aws: Driver) -> None:
    role = aws.create(ROLE, "role", {"assumeRolePolicy": trust("eks.amazonaws.com")})
    inputs = {"role": role.id, "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}
    attachment = made(aws, ATTACHMENT, "cluster", inputs)
    assert attachment.id == f"{role.id}/{inputs['policyArn']}"
    imported(aws, attachment, inputs)
    differ = aws.diff(attachment, inputs | {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSVPCResourceController"})
    assert (differ.replaces, differ.delete_before_replace) == (["policyArn"], True)
    gone(aws, attachment)
    gone(aws, role)


def test_instance_profile_holds_one_role_at_a_time(aws: Driver) -> None:
    first, second = (
        aws.create(ROLE, name, {"assumeRolePolicy": trust("ec2.amazonaws.com")}).id for name in ("first", "second")
    )
    inputs = {"role": first, "path": "/infra-fleet/staging/", "tags": {"Name": "box"}}
    profile = made(aws, PROFILE, "box", inputs)
    assert profile.id == profile["name"]
    assert profile["arn"] == f"arn:aws:iam::111122223333:instance-profile/infra-fleet/staging/{profile.id}"
    imported(aws, profile, inputs | {"name": profile.id})
    without = {"path": inputs["path"]}
    profile = updated(
        aws,
        profile,
        Update(inputs | {"role": second, "tags": {"Name": "other"}}, {"role", "tags.Name"}, {"role": second}),
        Update(without, {"role", "tags"}),
        Update(inputs, {"role", "tags"}, {"role": first}),
    )
    assert aws.diff(profile, inputs | {"path": "/"}).replaces == ["path"]
    gone(aws, profile)


def test_open_id_connect_provider(aws: Driver) -> None:
    inputs = {"url": "https://oidc.example.com/id/AAAA", "clientIdLists": ["sts.amazonaws.com"], "tags": {"a": "b"}}
    provider = made(aws, OIDC, "irsa", inputs)
    assert provider["url"] == "oidc.example.com/id/AAAA"
    assert provider["arn"] == provider.id == "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/AAAA"
    imported(aws, provider, inputs)
    provider = updated(aws, provider, Update(inputs | {"tags": {"a": "c"}}, {"tags.a"}))
    assert aws.diff(provider, inputs | {"url": "https://oidc.example.com/id/BBBB"}).replaces == ["url"]
    gone(aws, provider)
