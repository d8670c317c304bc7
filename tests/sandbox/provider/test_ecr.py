from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sandbox.provider.ecr import ROWS
from tests.sandbox.account.aws import unique
from tests.sandbox.provider.driver import RefusedError
from tests.sandbox.provider.round_trip import Update, gone, imported, made, updated

if TYPE_CHECKING:
    from tests.sandbox.account.aws import Aws
    from tests.sandbox.provider.driver import Driver

REPOSITORY, LIFECYCLE = (row.type for row in ROWS)


def push(account_api: Aws, repository: str) -> None:
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "layers": [],
    }
    account_api.client("ecr").put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag="1.0.0")


def test_repository(aws: Driver) -> None:
    name = unique("load-harness")
    inputs: dict[str, Any] = {
        "name": name,
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfigurations": [{"encryptionType": "AES256"}],
        "tags": {"Name": "app"},
    }
    repository = made(aws, REPOSITORY, "app", inputs)
    assert repository.id == name
    assert repository["arn"] == f"arn:aws:ecr:eu-west-2:111122223333:repository/{name}"
    assert repository["repositoryUrl"] == f"111122223333.dkr.ecr.eu-west-2.amazonaws.com/{name}"
    assert repository["tagsAll"] == {"Name": "app", "environment": "test"}
    imported(aws, repository, inputs)
    repository = updated(
        aws,
        repository,
        Update(
            inputs | {"imageTagMutability": "MUTABLE", "imageScanningConfiguration": {"scanOnPush": False}},
            {"imageTagMutability", "imageScanningConfiguration.scanOnPush"},
        ),
        Update(
            inputs | {"tags": {"more": "1"}},
            {"imageTagMutability", "imageScanningConfiguration.scanOnPush", "tags.Name", "tags.more"},
        ),
    )
    assert aws.diff(repository, inputs | {"name": f"{name}-2"}).replaces == ["name"]
    kms = [{"encryptionType": "KMS"}]
    assert aws.diff(repository, inputs | {"encryptionConfigurations": kms}).replaces == ["encryptionConfigurations"]
    gone(aws, repository)


def test_a_repository_without_settings_is_mutable(aws: Driver) -> None:
    repository = made(aws, REPOSITORY, "plain", {"name": unique("plain")})
    assert repository["imageTagMutability"] == "MUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": False}
    gone(aws, repository)


def test_an_empty_list_of_encryption_configurations_is_none(aws: Driver) -> None:
    inputs = {"name": unique("plain"), "encryptionConfigurations": list[Any]()}
    repository = aws.create(REPOSITORY, "plain", inputs)
    assert repository["encryptionConfigurations"] == [{"encryptionType": "AES256"}]
    assert aws.diff(repository, inputs).kinds == {}


def test_a_repository_with_images_stays_unless_it_is_forced(aws: Driver, account_api: Aws) -> None:
    inputs = {"name": unique("app")}
    repository = aws.create(REPOSITORY, "app", inputs)
    push(account_api, repository.id)
    with pytest.raises(grpc.RpcError, match="RepositoryNotEmptyException"):
        aws.delete(repository)
    gone(aws, aws.update(repository, inputs | {"forceDelete": True}))


def test_a_word_that_ecr_does_not_know_is_refused(aws: Driver) -> None:
    with pytest.raises(RefusedError, match="imageTagMutability"):
        aws.check(REPOSITORY, "app", {"name": "app", "imageTagMutability": "FIXED"})
    with pytest.raises(RefusedError, match="encryptionConfigurations"):
        aws.check(REPOSITORY, "app", {"name": "app", "encryptionConfigurations": [{"encryptionType": "ROT13"}]})


def keep(count: int, **layout: Any) -> str:
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count},
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]}, **layout)


def test_lifecycle_policy_is_replaced_and_never_beside_the_old_one(aws: Driver) -> None:
    repository = aws.create(REPOSITORY, "app", {"name": f"team/{unique('app')}"})
    inputs = {"repository": repository.id, "policy": keep(10)}
    lifecycle = made(aws, LIFECYCLE, "app", inputs)
    assert (lifecycle.id, lifecycle["registryId"]) == (repository.id, "111122223333")
    imported(aws, lifecycle, inputs)
    assert aws.diff(lifecycle, inputs | {"policy": keep(10, indent=2)}).kinds == {}
    differ = aws.diff(lifecycle, inputs | {"policy": keep(20)})
    assert (differ.replaces, differ.delete_before_replace) == (["policy"], True)
    gone(aws, lifecycle)
    gone(aws, repository)
