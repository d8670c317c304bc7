"""A release that is run again, and the releases that are scanned each week.

Tags in ECR are immutable, and two builds of one commit have two digests: the provenance has times. So an image says in
its index which commit it was built from, and a tag that has an image of the same commit is released already.
Sources: Amazon ECR API reference, BatchGetImage; OCI image specification, `org.opencontainers.image.revision`.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import yaml

from common.aws import Aws, said
from common.errors import FleetError

if TYPE_CHECKING:
    from pathlib import Path

REVISION = "org.opencontainers.image.revision"
INDEX = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")


@dataclass(frozen=True)
class Released:
    """The image that a tag names."""

    digest: str
    revision: str
    """The commit that it was built from; empty where it does not say."""


def find(region: str, application: str, tag: str) -> Released | None:
    """Ask ECR for the image of a tag; None where the tag is free.

    Raises:
        UnknownError: ECR does not say.
    """
    ecr: Any = Aws(region).client("ecr")
    with said("ecr", "batch_get_image"):
        answer = ecr.batch_get_image(
            repositoryName=application, imageIds=[{"imageTag": tag}], acceptedMediaTypes=[*INDEX]
        )
    if not answer["images"]:
        return None
    image = answer["images"][0]
    manifest: dict[str, Any] = json.loads(image["imageManifest"])
    return Released(image["imageId"]["imageDigest"], manifest.get("annotations", {}).get(REVISION, ""))


def is_needed(application: str, tag: str, commit: str, released: Released | None) -> tuple[bool, str]:
    """Whether the image is still to be pushed, and why.

    Raises:
        FleetError: the tag names an image of another commit, and no push can change that.
    """
    if released is None:
        return True, f"{application}:{tag} is not in ECR yet"
    if released.revision == commit:
        return False, f"{application}:{tag} is in ECR, built from this commit ({released.digest}): nothing to push"
    origin = released.revision or "an unknown commit"
    raise FleetError(
        f"{application}:{tag} is in ECR as {released.digest}, built from {origin}, not from {commit}. "
        f"Tags in ECR cannot be changed: release under a new one, git tag <next version> {commit[:12]}"
    )


def deployed(folder: Path, application: str) -> str:
    """The tag of an application that Git deploys.

    Raises:
        FleetError: its kustomization.yaml names none.
    """
    path = folder / "k8s" / "applications" / application / "kustomization.yaml"
    try:
        document = cast("dict[str, Any]", yaml.safe_load(path.read_text("utf-8")))
        images = [image for image in document["images"] if str(image["newName"]).endswith(f"/{application}")]
        tags = [str(image["newTag"]) for image in images]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        tags = []
    if len(tags) != 1:
        raise FleetError(f"{path} does not name one tag of {application} in images.newTag")
    return tags[0]


def refs(folder: Path, application: str) -> list[str]:
    """What is built and scanned each week: main, and the release that Git deploys, once it has been tagged.

    Raises:
        FleetError: Git deploys no tag of the application, or git cannot tell.
    """
    tag = deployed(folder, application)
    command = ["git", "-C", str(folder), "tag", "--list", tag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise FleetError(f"git tag failed: {' '.join(done.stderr.split())}")
    return ["main", *done.stdout.split()]
