from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.provider.iam import INSTANCE_PROFILE
from sandbox.provider.instances import ROWS
from sandbox.provider.security_groups import SECURITY_GROUP
from tests.sandbox.provider.driver import Made, RefusedError
from tests.sandbox.provider.round_trip import Update, gone, imported, made, updated, vpc_with_subnets

if TYPE_CHECKING:
    from tests.sandbox.provider.driver import Driver

TEMPLATE, INSTANCE = (row.type for row in ROWS)


def test_launch_template(aws: Driver) -> None:
    inputs: dict[str, Any] = {
        "updateDefaultVersion": True,
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "blockDeviceMappings": [
            {
                "deviceName": "/dev/xvda",
                "ebs": {"encrypted": "true", "volumeType": "gp3", "volumeSize": 20, "deleteOnTermination": "true"},
            }
        ],
        "tagSpecifications": [
            {"resourceType": "instance", "tags": {"Name": "node"}},
            {"resourceType": "volume", "tags": {"Name": "node"}},
        ],
    }
    template = made(aws, TEMPLATE, "nodes", inputs)
    assert template["name"].startswith("nodes-")
    assert (template["latestVersion"], template["defaultVersion"]) == (1, 1)
    imported(aws, template, inputs | {"name": template["name"]})
    tokens = inputs | {"metadataOptions": inputs["metadataOptions"] | {"httpPutResponseHopLimit": 2}}
    template = updated(
        aws,
        template,
        Update(tokens, {"metadataOptions.httpPutResponseHopLimit"}, {"latestVersion": 2, "defaultVersion": 2}),
        Update(tokens | {"updateDefaultVersion": False}, {"updateDefaultVersion"}, {"latestVersion": 2}),
    )
    differ = aws.diff(template, tokens | {"name": "mine"})
    assert (differ.replaces, differ.delete_before_replace) == (["name"], True)
    gone(aws, template)


def test_a_preview_of_a_new_version_does_not_know_its_number(aws: Driver) -> None:
    template = aws.create(TEMPLATE, "nodes", {"description": "first"})
    foretold = aws.preview_update(template, {"description": "second"})
    assert foretold["latestVersion"] is not template["latestVersion"]
    assert foretold["arn"] == template["arn"]
    assert aws.preview_update(template, {"description": "first"})["latestVersion"] == 1


def test_launch_template_of_an_instance_of_its_own(aws: Driver) -> None:
    vpc, _ = vpc_with_subnets(aws, "")
    groups = [aws.create(SECURITY_GROUP.type, name, {"vpcId": vpc}).id for name in ("one", "two")]
    profiles = [aws.create(INSTANCE_PROFILE.type, name, {})["arn"] for name in ("one", "two")]
    inputs: dict[str, Any] = {
        "imageId": "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        "instanceType": "t4g.nano",
        "iamInstanceProfile": {"arn": profiles[0]},
        "vpcSecurityGroupIds": groups,
        "tags": {"team": "fleet"},
    }
    template = made(aws, TEMPLATE, "box", inputs)
    imported(aws, template, inputs | {"name": template["name"]})
    assert aws.diff(template, inputs | {"vpcSecurityGroupIds": groups[::-1]}).kinds == {}
    template = updated(
        aws,
        template,
        Update(inputs | {"tags": {"team": "other"}}, {"tags.team"}, {"latestVersion": 1, "tags": {"team": "other"}}),
        Update(inputs | {"tags": {}}, {"tags"}, {"latestVersion": 1, "tagsAll": {"environment": "test"}}),
        Update(
            inputs | {"instanceType": "t4g.micro", "iamInstanceProfile": {"arn": profiles[1]}},
            {"instanceType", "iamInstanceProfile.arn", "tags"},
            {"latestVersion": 2, "defaultVersion": 1, "instanceType": "t4g.micro"},
        ),
    )
    gone(aws, template)


def test_instance(aws: Driver) -> None:
    _, (subnet, other) = vpc_with_subnets(aws)
    template = aws.create(
        TEMPLATE,
        "box",
        {
            "imageId": "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
            "instanceType": "t4g.nano",
            "tagSpecifications": [{"resourceType": "instance", "tags": {"Name": "box", "environment": "test"}}],
        },
    )
    reference = {"id": template.id, "version": "1"}
    inputs = {"launchTemplate": reference, "subnetId": subnet, "tags": {"Name": "box"}}
    instance = made(aws, INSTANCE, "box", inputs)
    assert instance["arn"] == f"arn:aws:ec2:eu-west-2:111122223333:instance/{instance.id}"
    assert (instance["instanceType"], instance["instanceState"]) == ("t4g.nano", "running")
    assert instance["ami"].startswith("ami-")
    assert instance["privateIp"].startswith("10.0.0.")
    imported(aws, instance, inputs)
    instance = updated(
        aws,
        instance,
        Update(
            inputs | {"tags": {"Name": "other"}}, {"tags.Name"}, {"tagsAll": {"Name": "other", "environment": "test"}}
        ),
    )
    differ = aws.diff(instance, inputs | {"launchTemplate": reference | {"version": "2"}})
    assert (differ.replaces, differ.delete_before_replace) == (["launchTemplate"], False)
    assert aws.diff(instance, inputs | {"subnetId": other}).replaces == ["subnetId"]
    gone(aws, instance)


def test_a_tag_that_only_the_launch_template_gives_is_drift(aws: Driver) -> None:
    _, (subnet,) = vpc_with_subnets(aws, "a")
    tagged = [{"resourceType": "instance", "tags": {"Name": "box"}}]
    template = aws.create(
        TEMPLATE, "box", {"imageId": "ami-0e5a12023a86c6400", "instanceType": "t3.nano", "tagSpecifications": tagged}
    )
    inputs = {"launchTemplate": {"id": template.id, "version": "1"}, "subnetId": subnet}
    instance = aws.refresh(aws.create(INSTANCE, "box", inputs))
    assert instance is not None
    assert set(aws.diff(instance, inputs).kinds) == {"tags", "tagsAll.Name"}


def test_a_bad_instance_is_refused_in_a_preview(aws: Driver) -> None:
    with pytest.raises(RefusedError) as refused:
        aws.preview(INSTANCE, "box", {"launchTemplate": {"id": 1, "version": ["1"]}, "subnetId": "subnet-1"})
    assert set(refused.value.failures) == {"launchTemplate.version"}
    with pytest.raises(RefusedError) as refused:
        aws.preview(TEMPLATE, "box", {"instanceType": "t4g.tiny"})
    assert set(refused.value.failures) == {"instanceType"}


@pytest.mark.parametrize(("token", "prefix"), [(TEMPLATE, "lt"), (INSTANCE, "i")])
def test_what_was_never_there_reads_as_gone(aws: Driver, token: str, prefix: str) -> None:
    assert aws.refresh(Made(token, "lost", f"{prefix}-0123456789abcdef0", {}, {"tags": {}})) is None
