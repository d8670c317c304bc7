from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.account.aws import Aws, refused, unique


def push(aws: Aws, repository: str, tag: str, digest: str) -> None:
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 1},
        "layers": [],
    }
    aws.client("ecr").put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)


def repository(aws: Aws, mutability: str) -> str:
    name = unique("app")
    aws.client("ecr").create_repository(repositoryName=name, imageTagMutability=mutability)
    return name


@pytest.mark.parametrize("digest", ["sha256:" + "a" * 64, "sha256:" + "b" * 64])
def test_a_tag_that_is_immutable_is_given_once(aws: Aws, digest: str) -> None:
    name = repository(aws, "IMMUTABLE")
    push(aws, name, "1.0.0", "sha256:" + "a" * 64)
    with refused("ImageTagAlreadyExistsException", "immutable"):
        push(aws, name, "1.0.0", digest)
    push(aws, name, "1.0.1", digest)


def test_a_tag_that_is_mutable_moves(aws: Aws) -> None:
    name = repository(aws, "MUTABLE")
    for letter in "ab":
        push(aws, name, "latest", "sha256:" + letter * 64)
    images = aws.client("ecr").describe_images(repositoryName=name)["imageDetails"]
    assert [image.get("imageTags") for image in images].count(["latest"]) == 1
