"""The rows of launch templates and instances."""

from __future__ import annotations

from .ec2 import described, tagged
from .names import AutoName
from .property_checks import boolean
from .row import Property, Resource, Response, Row, Status, Step, assigned, tag_list, tag_map
from .same import as_set


def _read_launch_template(r: Resource) -> Response | None:
    template = described("DescribeLaunchTemplates", "LaunchTemplates", "LaunchTemplateIds", "launch-template")(r)
    if template is None:
        return None
    versions = r.call(
        "DescribeLaunchTemplateVersions", LaunchTemplateId=r.id, Versions=[str(template["LatestVersionNumber"])]
    )["LaunchTemplateVersions"]
    return {**versions[0], **template}


_VERSIONED = (
    "description",
    "imageId",
    "instanceType",
    "creditSpecification",
    "iamInstanceProfile",
    "vpcSecurityGroupIds",
    "metadataOptions",
    "blockDeviceMappings",
    "tagSpecifications",
)


def _new_version(r: Resource) -> None:
    response = r.send("CreateLaunchTemplateVersion", *_VERSIONED)
    if r["updateDefaultVersion"]:
        version = str(response["LaunchTemplateVersion"]["VersionNumber"])
        r.call("ModifyLaunchTemplate", LaunchTemplateId=r.id, DefaultVersion=version)


LAUNCH_TEMPLATE = Row(
    type="aws:ec2/launchTemplate:LaunchTemplate",
    service="ec2",
    cloudformation="AWS::EC2::LaunchTemplate",
    key=assigned("LaunchTemplate.LaunchTemplateId", "LaunchTemplateId"),
    # Source of the limit: EC2 API, CreateLaunchTemplate, 3 to 128 characters.
    name=AutoName("name", 128),
    properties={
        "name": Property(member="LaunchTemplateName", replaces=True),
        "description": Property(member="VersionDescription"),
        "updateDefaultVersion": Property(local=True, hidden=True, check=boolean),
        "imageId": Property(member="LaunchTemplateData.ImageId"),
        "instanceType": Property(member="LaunchTemplateData.InstanceType"),
        # pulumi-aws sends it only where instanceType is a burstable one. Source: terraform-provider-aws,
        # aws_launch_template.
        "creditSpecification": Property(
            member="LaunchTemplateData.CreditSpecification", fields={"cpuCredits": Property()}
        ),
        "iamInstanceProfile": Property(
            member="LaunchTemplateData.IamInstanceProfile", fields={"arn": Property(), "name": Property()}
        ),
        "vpcSecurityGroupIds": Property(member="LaunchTemplateData.SecurityGroupIds", same=as_set),
        "metadataOptions": Property(
            member="LaunchTemplateData.MetadataOptions",
            computed=True,
            fields={
                "httpEndpoint": Property(computed=True),
                "httpTokens": Property(computed=True),
                "httpPutResponseHopLimit": Property(computed=True),
            },
        ),
        "blockDeviceMappings": Property(
            member="LaunchTemplateData.BlockDeviceMappings",
            many=True,
            fields={
                "deviceName": Property(),
                "ebs": Property(
                    fields={
                        "encrypted": Property(text=True),
                        "deleteOnTermination": Property(text=True),
                        "volumeType": Property(computed=True),
                        "volumeSize": Property(computed=True),
                    }
                ),
            },
        ),
        "tagSpecifications": Property(
            member="LaunchTemplateData.TagSpecifications",
            many=True,
            fields={"resourceType": Property(), "tags": Property(encode=tag_list, decode=tag_map)},
        ),
    },
    outputs={
        "arn": Property(),
        "latestVersion": Property(member="LatestVersionNumber"),
        "defaultVersion": Property(member="DefaultVersionNumber"),
    },
    create="CreateLaunchTemplate",
    read=_read_launch_template,
    steps=(Step(_VERSIONED, run=_new_version, computes=("latestVersion", "defaultVersion")),),
    delete="DeleteLaunchTemplate",
    tags=tagged("launch-template"),
)


def _read_instance(r: Resource) -> Response | None:
    reservations = r.call("DescribeInstances", InstanceIds=[r.id])["Reservations"]
    found: list[Response] = [each for reservation in reservations for each in reservation["Instances"]]
    if not found or found[0]["State"]["Name"] == "terminated":
        return None
    # AWS tells the launch template in tags alone.
    tags = {tag["Key"]: tag["Value"] for tag in found[0].get("Tags", [])}
    template = {
        "LaunchTemplateId": tags.get("aws:ec2launchtemplate:id"),
        "Version": tags.get("aws:ec2launchtemplate:version"),
    }
    return {**found[0], "Arn": r.arn("instance"), "LaunchTemplate": template}


INSTANCE = Row(
    type="aws:ec2/instance:Instance",
    service="ec2",
    cloudformation="AWS::EC2::Instance",
    key=assigned("Instances.0.InstanceId", ""),
    properties={
        "launchTemplate": Property(
            required=True,
            replaces=True,
            fields={"id": Property(member="LaunchTemplateId"), "version": Property()},
        ),
        "subnetId": Property(required=True, replaces=True),
    },
    outputs={
        "arn": Property(),
        "ami": Property(member="ImageId"),
        "instanceType": Property(),
        "instanceState": Property(member="State.Name"),
        "privateIp": Property(member="PrivateIpAddress"),
    },
    create="RunInstances",
    constants=lambda _: {"MinCount": 1, "MaxCount": 1},
    read=_read_instance,
    status=Status(
        "State.Name",
        ready=("running",),
        failed=("shutting-down", "stopped"),
        reasons=lambda found: str(found.get("StateReason", {}).get("Message", "")),
    ),
    delete=lambda r: r.call("TerminateInstances", InstanceIds=[r.id]),
    tags=tagged("instance"),
)

ROWS = (LAUNCH_TEMPLATE, INSTANCE)
