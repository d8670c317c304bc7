"""The ECR repositories that releases are pushed to and Flux pulls from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra.contract import names

if TYPE_CHECKING:
    from permanent.settings import Settings

RELEASES_KEPT = 10


class Registry(pulumi.ComponentResource):
    """The repositories.

    Attributes:
        urls: repository → what an image's name begins with.
    """

    def __init__(self, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{names.PERMANENT_PROJECT}:index:Registry", "registry", None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self.urls = {name: self._repository(name).repository_url for name in settings.image_repositories}
        self.register_outputs({})

    def _repository(self, name: str) -> aws.ecr.Repository:
        repository = aws.ecr.Repository(
            name,
            name=name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            opts=self._child,
        )
        aws.ecr.LifecyclePolicy(name, repository=repository.name, policy=lifecycle(), opts=self._child)
        return repository


def lifecycle() -> str:
    """Keep the ten newest releases, and a day what no tag names.

    A rule over `any` would count the untagged parts of a multi-platform image as releases.
    Source: Amazon ECR user guide, "Lifecycle policy properties".
    """
    untagged = {
        "rulePriority": 1,
        "description": "untagged images",
        "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1},
        "action": {"type": "expire"},
    }
    releases = {
        "rulePriority": 2,
        "description": "releases",
        "selection": {
            "tagStatus": "tagged",
            "tagPatternList": ["v*"],
            "countType": "imageCountMoreThan",
            "countNumber": RELEASES_KEPT,
        },
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [untagged, releases]})
