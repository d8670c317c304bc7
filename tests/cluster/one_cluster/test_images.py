"""From an image's push to its pods: what the image controllers would commit, the real kustomize-controller applies."""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING

import pytest

from common.kubernetes import api
from sandbox.cluster.fleet_sandbox_cluster import git_environment
from sandbox.cluster.image_automation import Automation, RefusedError
from tests.support import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.clusters import Town
    from tests.support.registry import Registry

FILE = "k8s/applications/load-harness/kustomization.yaml"


@pytest.fixture(scope="module")
def served(bootstrapped: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.serve(bootstrapped.account, tmp_path_factory.mktemp("registry")) as found:
        found.login()
        yield found


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layer") / "layer.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("hello"), io.BytesIO())
    return path


@pytest.fixture(scope="module")
def automation(bootstrapped: Town, served: Registry) -> Automation:
    return Automation(bootstrapped.url, git_environment(bootstrapped.layout), served.tags)


def content(town: Town, revision: str) -> str:
    town.git("fetch", "--quiet", "origin", "main")
    return town.git("show", f"{revision}:{FILE}")


def test_nothing_is_committed_while_the_latest_release_stands_in_git(
    town: Town, automation: Automation, served: Registry, layer: Path
) -> None:
    for tag in ("v0.9.9", "v1.1.0-rc.1", "pr-7", "1.2.0"):
        served.push(f"load-harness:{tag}", layer)
    before = town.head
    assert automation.run() is None
    assert town.head == before


def test_a_release_is_committed_as_one_line(town: Town, automation: Automation, served: Registry, layer: Path) -> None:
    before = town.head
    served.push("load-harness:v1.0.1", layer)
    commit = automation.run()
    assert commit
    assert commit == town.head
    old, new = content(town, before), content(town, commit)
    assert new == old.replace("newTag: v1.0.0  #", "newTag: v1.0.1  #")
    assert town.git("diff", "--name-only", before, commit) == FILE
    said = town.git("show", "--no-patch", "--format=%an%n%B", commit)
    assert said.splitlines()[:2] == ["Flux of infra-fleet", "Update images"]
    assert "- flux-system:load-harness:tag: v1.0.0 to v1.0.1" in said
    assert said.rstrip().endswith("[skip ci]")


def test_the_deployment_rolls_to_what_was_committed(town: Town) -> None:
    town.sync()
    registry_name = "123456789012.dkr.ecr.eu-west-2.amazonaws.com"

    def rolled() -> bool:
        found = town.cluster.get(api.DEPLOYMENT, "load-harness", "applications") or {}
        (container,) = found["spec"]["template"]["spec"]["containers"]
        # The API leaves out what is zero, as in the midst of a rollout.
        counts = {found["status"].get(f"{each}eplicas", 0) for each in ("r", "updatedR", "availableR")}
        return (
            container["image"] == f"{registry_name}/load-harness:v1.0.1"
            and found["status"]["observedGeneration"] == found["metadata"]["generation"]
            and len(counts) == 1
            and counts != {0}
        )

    town.until(rolled)
    pods = town.kubectl(
        "get", "pods", "-n=applications", "-l=app.kubernetes.io/name=load-harness", "-o=jsonpath={..image}"
    )
    town.until(lambda: town.ready(api.KUSTOMIZATION, "applications").endswith(town.head) or None)
    assert f"{registry_name}/load-harness:v1.0.1" in pods


def test_a_protected_branch_takes_no_update_and_stays_as_it_is(
    town: Town, automation: Automation, served: Registry, layer: Path
) -> None:
    served.push("load-harness:v1.0.2", layer)
    before = town.head
    town.switch(protected=True)
    try:
        with pytest.raises(RefusedError, match="GH013"):
            automation.run()
    finally:
        town.switch(protected=False)
    assert town.head == before
    assert automation.run() == town.head
    assert "newTag: v1.0.2  #" in content(town, town.head)


def test_an_update_that_finds_the_branch_moved_starts_from_where_it_is(
    town: Town, automation: Automation, served: Registry, layer: Path
) -> None:
    served.push("load-harness:v1.1.0", layer)
    before = town.head
    town.switch(races=1)
    commit = automation.run()
    assert commit
    assert commit == town.head
    town.git("fetch", "--quiet", "origin", "main")
    between = town.git("rev-list", f"{before}..{commit}").splitlines()
    assert len(between) == 2  # somebody else's, and then the update on top of it
    assert "newTag: v1.1.0  #" in content(town, commit)


def test_a_release_that_is_deleted_leads_back_to_the_one_before(
    town: Town, automation: Automation, served: Registry
) -> None:
    served.ecr.batch_delete_image(repositoryName="load-harness", imageIds=[{"imageTag": "v1.1.0"}])
    commit = automation.run()
    assert commit
    assert re.findall(r"newTag: (\S+)", content(town, commit)) == ["v1.0.2"]


def test_the_bootstrap_finds_the_image_that_git_names(town: Town) -> None:
    town.bootstrap("plan")
