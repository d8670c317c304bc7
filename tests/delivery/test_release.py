"""A release that is run again: done where the tag's image is of the same commit, refused where it is of another."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from common.errors import FleetError, UnknownError
from delivery import release
from delivery.release import Released
from fleet import app
from sandbox.account.clients import client
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.account.process import Account

COMMIT, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def application(account_environment: Account) -> str:
    """A repository of images in the embedded account, whose tags are immutable."""
    name = f"app-{uuid4().hex[:8]}"
    ecr: Any = client("ecr", endpoint=account_environment.endpoint, region=account_environment.region)
    ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    for tag, notes in (("v1.0.0", {release.REVISION: COMMIT}), ("v0.9.0", {})):
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": release.INDEX[0],
            "manifests": [],
            "annotations": notes,
        }
        ecr.put_image(repositoryName=name, imageManifest=json.dumps(document), imageTag=tag)
    return name


def test_ecr_is_asked_for_the_commit_of_a_tags_image(application: str, account_environment: Account) -> None:
    region = account_environment.region
    found = release.find(region, application, "v1.0.0")
    assert found is not None
    assert (found.revision, found.digest[:7]) == (COMMIT, "sha256:")
    assert release.find(region, application, "v1.1.0") is None
    with pytest.raises(UnknownError, match="RepositoryNotFound"):
        release.find(region, "no-such-application", "v1.0.0")


def test_a_release_that_is_run_again_ends_well_and_pushes_nothing(
    application: str, account_environment: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", account_environment.region)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))

    def needed(tag: str, commit: str) -> tuple[int, str]:
        done = CliRunner().invoke(app.app, ["release", "needed", application, f"--tag={tag}", f"--commit={commit}"])
        return done.exit_code, done.output

    assert needed("v1.1.0", COMMIT) == (0, f"{application}:v1.1.0 is not in ECR yet\n")
    code, said = needed("v1.0.0", COMMIT)
    assert code == 0
    assert said.endswith("nothing to push\n")
    assert [line for line in (tmp_path / "output").read_text().splitlines() if line in ("true", "false")] == [
        "true",
        "false",
    ]
    code, said = needed("v1.0.0", OTHER)
    assert code == 1
    assert f"built from {COMMIT}, not from {OTHER}" in said
    assert "git tag <next version>" in said


def test_an_image_that_does_not_say_its_commit_is_not_taken_for_this_one() -> None:
    with pytest.raises(FleetError, match="built from an unknown commit"):
        release.is_needed("load-harness", "v0.9.0", COMMIT, Released("sha256:0", ""))


def test_each_week_main_and_what_git_deploys_are_scanned_once_it_is_tagged(tmp_path: Path) -> None:
    folder = tmp_path / "k8s" / "applications" / "load-harness"
    folder.mkdir(parents=True)
    kustomization = REPOSITORY / "k8s" / "applications" / "load-harness" / "kustomization.yaml"
    (folder / "kustomization.yaml").write_text(kustomization.read_text())
    tag = release.deployed(tmp_path, "load-harness")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert release.refs(tmp_path, "load-harness") == ["main"]
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    for command in (("commit", "--quiet", "--allow-empty", "--message=x"), ("tag", tag), ("tag", "v0.0.1-other")):
        subprocess.run(["git", "-C", str(tmp_path), *identity, *command], check=True)
    assert release.refs(tmp_path, "load-harness") == ["main", tag]
    (folder / "kustomization.yaml").write_text("images: []")
    with pytest.raises(FleetError, match="does not name one tag"):
        release.refs(tmp_path, "load-harness")
