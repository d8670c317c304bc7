"""Whether the images that Git names are in ECR: a rollout without its image never gets ready."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from common.errors import FleetError
from common.kubernetes.objects import mappings, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient

REGISTRY = re.compile(r"\$\{ECR_REGISTRY\}/(?P<repository>[^:@]+)$")


@dataclass(frozen=True)
class Image:
    """A tag of an ECR repository that a kustomization file names."""

    repository: str
    tag: str
    file: Path


def named(root: Path) -> list[Image]:
    """The images of ECR in the `images` of every kustomization.yaml below a folder."""
    return [image for file in sorted(root.rglob("kustomization.yaml")) for image in _of(file)]


def refuse_missing(images: list[Image], region: str) -> None:
    """Raises FleetError for a tag that ECR does not have, or if ECR does not say."""
    try:
        ecr: ECRClient = boto3.Session(region_name=region).client("ecr")  # pyright: ignore[reportUnknownMemberType]
        missing = [image for image in images if not _is_there(ecr, image)]
    except (BotoCoreError, ClientError) as error:
        raise FleetError(f"ECR does not say which images it has: {error}") from None
    if missing:
        lines = [f"{image.repository}:{image.tag} ({image.file})" for image in missing]
        tag = missing[0].tag
        raise FleetError(
            f"ECR has no {', '.join(lines)}: its Deployment would never be ready. Push the release: "
            f"`git tag {tag} && git push origin {tag}`, and wait for load-harness.yml"
        )


def _is_there(ecr: ECRClient, image: Image) -> bool:
    try:
        found = ecr.describe_images(repositoryName=image.repository, imageIds=[{"imageTag": image.tag}])
    except (ecr.exceptions.ImageNotFoundException, ecr.exceptions.RepositoryNotFoundException):
        return False
    return bool(found["imageDetails"])


def _of(file: Path) -> Iterator[Image]:
    try:
        data: Any = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return  # what Flux would refuse is the checks' subject
    document = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    for each in mappings(document, "images"):
        found = REGISTRY.match(text(each, "newName"))
        if found and text(each, "newTag"):
            yield Image(found["repository"], text(each, "newTag"), file)
