"""Images pushed by crane to the registry of the account's ECR, and what the tag policy of k8s/ takes of them."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from bootstrap import release_images as images_of_git
from checks import config, images, tree
from common.errors import FleetError
from sandbox.account.process import environment
from sandbox.cluster import image_automation
from tests.sandbox.account.aws import unique
from tests.support import registry
from tests.support.account import REGION
from tests.support.checkout import REPOSITORY
from tools.build import ensure
from tools.catalogue import KUSTOMIZE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checks.tree import Object
    from sandbox.account.process import Account
    from tests.support.registry import Registry


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer of one file."""
    path = tmp_path_factory.mktemp("layer") / "layer.tar"
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("hello")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    return path


@pytest.fixture(scope="module")
def served(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.serve(account, tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def repository(served: Registry) -> str:
    """A repository of the test's own, as the permanent layer makes them."""
    name = unique("app")
    served.ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    served.login()
    return name


@cache
def policy() -> Object:
    """The ImagePolicy that Flux would build from k8s/."""
    read = tree.read(REPOSITORY, config.load(REPOSITORY))
    return images.policies(tree.build(read, ensure(KUSTOMIZE, print)))["flux-system/load-harness"]


def test_a_push_is_in_the_accounts_ecr_and_can_be_pulled(served: Registry, repository: str, layer: Path) -> None:
    pushed = served.push(f"{repository}:v1.0.1", layer).strip()
    assert served.tags(repository) == ["v1.0.1"]
    assert served.crane("digest", f"{served.host}/{repository}:v1.0.1").strip() == pushed.rpartition("@")[2]
    pulled = layer.parent / "pulled.tar"
    served.crane("export", f"{served.host}/{repository}:v1.0.1", str(pulled))
    with tarfile.open(pulled) as archive:
        assert archive.getnames() == ["hello"]


def test_nobody_pushes_or_reads_without_the_accounts_token(
    served: Registry, repository: str, layer: Path, tmp_path: Path
) -> None:
    stranger = replace(served, home=tmp_path)
    assert "401 Unauthorized" in stranger.push(f"{repository}:v1.0.1", layer, code=1)
    assert "UNAUTHORIZED" in stranger.crane("ls", f"{served.host}/{repository}", code=1)
    stranger.crane("auth", "login", served.host, "--username=AWS", "--password-stdin", text="another account's token")
    assert "401 Unauthorized" in stranger.push(f"{repository}:v1.0.1", layer, code=1)
    assert served.tags(repository) == []


def test_a_repository_that_the_permanent_layer_has_not_made_takes_no_push(served: Registry, layer: Path) -> None:
    served.login()
    assert "NAME_UNKNOWN" in served.push("nobodys:v1.0.1", layer, code=1)


def test_a_release_is_never_overwritten(served: Registry, repository: str, layer: Path, tmp_path: Path) -> None:
    first = served.push(f"{repository}:v1.0.1", layer).strip()
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as archive:
        archive.addfile(tarfile.TarInfo("another"))
    assert "immutable" in served.push(f"{repository}:v1.0.1", other, code=1)
    digest = served.crane("digest", f"{served.host}/{repository}:v1.0.1").strip()
    assert digest == first.rpartition("@")[2]


@pytest.mark.parametrize(
    ("tags", "latest"),
    [
        ([], None),
        (["v1.0.0"], "v1.0.0"),
        (["v1.9.0", "v1.10.0"], "v1.10.0"),
        (["v1.0.1", "v1.1.0-rc.1"], "v1.0.1"),
        (["v1.0.1", "v0.9.9"], "v1.0.1"),
        (["v0.9.9"], None),
        (["v1.0.1", "1.2.0", "latest", "pr-12", "v2", "v2.0", "v1.3.0.1", "sha-0a1b2c3"], "v1.0.1"),
        (["v2.0.0", "v1.99.99"], "v2.0.0"),
    ],
)
def test_the_policy_takes_the_highest_release_and_nothing_else(
    served: Registry, repository: str, layer: Path, tags: list[str], latest: str | None
) -> None:
    for tag in tags:
        served.push(f"{repository}:{tag}", layer)
    assert image_automation.latest(policy(), served.tags(repository)) == latest


def test_a_deleted_release_is_no_longer_the_latest(served: Registry, repository: str, layer: Path) -> None:
    for tag in ("v1.0.1", "v1.1.0"):
        served.push(f"{repository}:{tag}", layer)
    assert image_automation.latest(policy(), served.tags(repository)) == "v1.1.0"
    served.ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "v1.1.0"}])
    assert image_automation.latest(policy(), served.tags(repository)) == "v1.0.1"
    assert "MANIFEST_UNKNOWN" in served.crane("manifest", f"{served.host}/{repository}:v1.1.0", code=1)


def test_the_bootstrap_refuses_a_tag_until_it_is_pushed(
    served: Registry, account: Account, repository: str, layer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(account).items():
        monkeypatch.setenv(name, value)
    named = images_of_git.Image(repository, "v1.0.1", tmp_path)
    with pytest.raises(FleetError, match=r"git tag v1\.0\.1"):
        images_of_git.refuse_missing([named], REGION)
    served.push(f"{repository}:v1.0.1", layer)
    images_of_git.refuse_missing([named], REGION)
