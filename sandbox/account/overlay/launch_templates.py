"""Launch templates as EC2 lists them: all of them, page by page (moto: the first 15, as if there were no more).

Source of the AWS side: EC2 API reference, DescribeLaunchTemplates.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportPrivateUsage=false

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.launch_templates import LaunchTemplates

PAGE = 200
"""How many an answer has at most; a request may ask for fewer."""


def describe(response: Any) -> ActionResult:
    """One page of those that a request asks for."""
    response.error_on_dryrun()
    found = response.ec2_backend.describe_launch_templates(
        template_names=response._get_param("LaunchTemplateNames", []),  # noqa: SLF001 -- moto's own way
        template_ids=response._get_param("LaunchTemplateIds", []),  # noqa: SLF001
        filters=response._filters_from_querystring(),  # noqa: SLF001
    )
    start = int(response._get_param("NextToken", 0))  # noqa: SLF001
    end = start + int(response._get_param("MaxResults", PAGE))  # noqa: SLF001
    by = f"arn:{response.partition}:iam::{response.current_account}:root"
    listed = [
        {
            "CreateTime": template.create_time,
            "CreatedBy": by,
            "DefaultVersionNumber": template.default_version_number,
            "LatestVersionNumber": template.latest_version_number,
            "LaunchTemplateId": template.id,
            "LaunchTemplateName": template.name,
            "Tags": template.tags,
        }
        for template in found[start:end]
    ]
    return ActionResult({"LaunchTemplates": listed, **({"NextToken": str(end)} if end < len(found) else {})})


def install() -> None:
    """Put the response in the place of moto's."""
    setattr(LaunchTemplates, "describe_launch_templates", describe)  # noqa: B010 -- moto's routes name it
