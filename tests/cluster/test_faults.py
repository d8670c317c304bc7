"""Fault by fault, the one line that a person gets; and a bootstrap that is killed at every step."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from bootstrap import cluster_health
from common.kubernetes import api, objects
from infra.contract import names
from sandbox.cluster import layout as layouts
from tests.support.clusters import HANG, Town, everything

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator, Iterator
    from pathlib import Path

ACCOUNT = "123456789012"
CANARY = "canary-7f3a91c2"
STEPS = ("access", "health", "config", "flux", "verify")
TITLES = {
    "access": "2. connect to the cluster",
    "health": "3. wait for nodes,",
    "config": "4. write ConfigMap",
    "flux": "installing components",
    "verify": "6. wait for everything to reconcile",
}
SHORT = {"deadlines": {"api": 15, "nodes": 8, "verify": 20}}


def fails(town: Town, *arguments: str, **more: Any) -> str:
    """The last line of a command that fails, which says bootstrap: and fits a line."""
    said = town.bootstrap(*arguments, code=1, **more)
    assert "Traceback" not in said.err
    assert said.last.startswith("bootstrap: ")
    return said.last.removeprefix("bootstrap: ")


@pytest.fixture(autouse=True)
def put_right(town: Town) -> Iterator[None]:
    """The Git host does nothing wrong after a test."""
    yield
    town.switch(protected=False, bypass="never", read_only=False, rejected=False, races=0, fault=0)


def test_no_token(town: Town) -> None:
    assert fails(town, "run", environment={"FLUX_GITHUB_TOKEN": ""}).startswith("there is no GitHub token: set FLUX_")


def test_a_wrong_token(town: Town) -> None:
    said = fails(town, "run", environment={"FLUX_GITHUB_TOKEN": "ghp_wrong"})
    assert "refuses the token: it is wrong or has expired" in said
    assert "ghp_wrong" not in said


def test_a_token_without_the_right_to_push(town: Town) -> None:
    town.switch(read_only=True)
    assert "the token may not push to your-org/infra-fleet" in fails(town, "plan")


def test_a_repository_that_is_not_there(town: Town) -> None:
    said = fails(town, "run", settings={"repository": "your-org/elsewhere"})
    assert "the repository your-org/elsewhere is not at localhost" in said


def test_a_branch_that_is_not_there(town: Town) -> None:
    assert "has no branch trunk" in fails(town, "run", settings={"branch": "trunk"})


def test_a_git_host_that_does_not_answer(town: Town) -> None:
    assert "cannot be reached" in fails(town, "run", settings={"hostname": "localhost:1"})
    town.switch(fault=502)
    assert "GitHub answers 502" in fails(town, "run")


def test_a_protected_branch_while_there_is_something_to_push(town: Town) -> None:
    """A rebuild need not push to main: `render` writes the files for a pull request."""
    town.switch(protected=True)
    said = fails(town, "plan")
    assert said.startswith("main takes no push of this token (ruleset main requires a pull request; ")
    assert "k8s/flux-system/flux-system/gotk-components.yaml" in said
    assert "`fleet bootstrap render`" in said


def test_day_zeros_own_rules_let_the_token_of_an_administrator_push(town: Town) -> None:
    town.switch(protected=True, bypass="always")
    said = town.bootstrap("plan").out
    assert "main: ruleset main requires a pull request, which the token's owner may bypass" in said
    assert "would commit and push" in said


def test_a_push_that_is_refused_although_nobody_told_so_has_its_advice(town: Town) -> None:
    town.switch(protected=True, bypass="")
    assert "whether this token may push is known at the push" in town.bootstrap("plan").out
    said = fails(town, "run")
    assert said.startswith("main takes no push of this token, and flux has files to push: `fleet bootstrap render`")
    town.kubectl("delete", "namespace", "flux-system", "--ignore-not-found")
    town.until(lambda: town.cluster.get(api.NAMESPACE, "flux-system") is None)


def test_the_token_of_a_workflow(town: Town) -> None:
    said = fails(town, "run", environment={"FLUX_GITHUB_TOKEN": "", "GITHUB_TOKEN": "ghs_of-a-job"})
    assert said.startswith("GITHUB_TOKEN is the token of a GitHub app")


def test_a_cli_of_another_version(town: Town) -> None:
    """The flux CLI and the components must have the same version."""
    said = fails(town, "run", settings={"version": "2.9.4"})
    assert "is of version 2.9.5, and the components are to be 2.9.4" in said


def test_no_cli(town: Town) -> None:
    variables = {"INFRA_FLEET_FLUX": "", "PATH": f"{town.folder.bin}:/usr/bin:/bin"}
    assert "flux is not on PATH: install 2.9.5" in fails(town, "run", environment=variables)


def test_an_image_that_was_never_pushed(town: Town) -> None:
    ecr = town.aws("ecr")
    (image,) = ecr.batch_get_image(repositoryName="load-harness", imageIds=[{"imageTag": "v1.0.0"}])["images"]
    ecr.batch_delete_image(repositoryName="load-harness", imageIds=[{"imageTag": "v1.0.0"}])
    try:
        said = fails(town, "plan")
        assert said.startswith("ECR has no load-harness:v1.0.0")
        assert "git tag v1.0.0 && git push origin v1.0.0" in said
    finally:
        ecr.put_image(repositoryName="load-harness", imageManifest=image["imageManifest"], imageTag="v1.0.0")


def test_a_secret_that_is_nowhere(town: Town) -> None:
    """A missing secret stops the bootstrap. It never turns authentication off."""
    ssm, name = town.aws("ssm"), "/infra-fleet/grafana/admin-password"
    value = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    ssm.delete_parameter(Name=name)
    try:
        said = fails(town, "run")
        assert "the value of Secret observability/grafana-admin is absent" in said
        assert "`fleet account apply` makes the parameter" in said
    finally:
        ssm.put_parameter(Name=name, Value=value, Type="SecureString")


def test_the_wrong_cluster(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(town.layout.kubeconfig.read_text().replace("127.0.0.1", "192.0.2.1"))
    said = fails(town, "run", f"--kubeconfig={file}")
    assert "but the stack's cluster staging is https://127.0.0.1" in said


def test_a_cluster_that_does_not_answer(town: Town) -> None:
    with town.without("kube-apiserver"):
        town.until(town.is_silent)
        said = fails(town, "run", settings=SHORT)
        assert said.startswith("the API server not there after 15 s: the API server https://127.0.0.1")
        for command in ("status", "verify"):
            assert fails(town, command).startswith("the API server https://127.0.0.1")
            said = town.bootstrap(command, code=1).out.splitlines()
            assert said[0].startswith("first cause: Cluster staging: the API server https://127.0.0.1")
            assert "a private endpoint takes a tunnel" in said[1]
    town.until(lambda: town.cluster.list(api.NODE))


def test_a_node_that_never_gets_ready(town: Town) -> None:
    eks = town.aws("eks")
    (group,) = eks.list_nodegroups(clusterName="staging")["nodegroups"]
    sizes = eks.describe_nodegroup(clusterName="staging", nodegroupName=group)["nodegroup"]["scalingConfig"]
    before = {node["metadata"]["name"] for node in town.cluster.list(api.NODE)}
    town.sandbox("cluster", "stop", "kwok")
    more = {**sizes, "maxSize": sizes["desiredSize"] + 1, "desiredSize": sizes["desiredSize"] + 1}
    eks.update_nodegroup_config(clusterName="staging", nodegroupName=group, scalingConfig=more)
    try:
        town.until(lambda: len(town.cluster.list(api.NODE)) == more["desiredSize"])
        (late,) = {node["metadata"]["name"] for node in town.cluster.list(api.NODE)} - before
        said = fails(town, "run", settings=SHORT)
        assert said.startswith("the cluster not there after 8 s: node ip-10-0-")
        assert f"node {late} is not ready" in said
        # Kubernetes gives up the others as well when kwok has been away for 40 s, which a slow machine may need.
        assert re.search(rf"; [0-{sizes['desiredSize']}] of {more['desiredSize']} nodes are ready", said)
    finally:
        eks.update_nodegroup_config(clusterName="staging", nodegroupName=group, scalingConfig=sizes)
        town.sandbox("cluster", "start", "kwok")
    # The node that the group gives up may not be the one that came last.
    town.until(lambda: len(town.cluster.list(api.NODE)) == sizes["desiredSize"])
    town.until(lambda: not cluster_health.look(town.cluster, sizes["desiredSize"]).waiting)


def test_coredns_that_finds_no_node(town: Town) -> None:
    nodes = [node["metadata"]["name"] for node in town.cluster.list(api.NODE)]
    town.kubectl("cordon", *nodes)
    town.kubectl("delete", "pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")
    try:
        town.until(lambda: not _has_coredns(town))
        said = fails(town, "run", settings=SHORT)
        assert "CoreDNS is not available: Unschedulable: 0/2 nodes are available" in said
    finally:
        town.kubectl("uncordon", *nodes)
    town.until(lambda: _has_coredns(town))


def test_a_config_map_that_is_somebody_elses(town: Town) -> None:
    town.kubectl("create", "namespace", "flux-system")
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "terraform-outputs", "namespace": "flux-system"},
    }
    for data, part in (({"VPC_ID": "vpc-theirs"}, "is owned by somebody else"), ({"MINE": "x"}, "MINE, of theirs")):
        text = json.dumps({**foreign, "data": data})
        town.kubectl("apply", "--server-side", "--field-manager=theirs", "-f", "-", text=text)
        said = fails(town, "run")
        assert part in said
        assert "delete it" in said
        town.kubectl("delete", "configmap", "terraform-outputs", "-n", "flux-system")
    town.kubectl("delete", "namespace", "flux-system")
    town.until(lambda: town.cluster.get(api.NAMESPACE, "flux-system") is None)


@contextmanager
def without_entry(town: Town) -> Generator[None]:
    """The deploy role is nobody in the cluster."""
    eks, role = town.aws("eks"), {"clusterName": "staging", "principalArn": names.role_arn(ACCOUNT, names.DEPLOY_ROLE)}
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    eks.delete_access_entry(**role)
    try:
        yield
    finally:
        eks.create_access_entry(**role)
        eks.associate_access_policy(**role, policyArn=policy, accessScope={"type": "cluster"})


def test_a_role_without_an_access_entry(town: Town) -> None:
    with without_entry(town):
        town.until(lambda: "Unauthorized" in fails(town, "run"))
        assert "your AWS principal has no access entry in the cluster, or its session has ended" in fails(town, "run")
        said = town.bootstrap("status", code=1).out.splitlines()
        assert said[0].startswith("first cause: Cluster staging: the API server https://127.0.0.1")
        assert "clock" in said[1]
    town.until(lambda: "ConfigMap: VPC_ID" in town.bootstrap("plan").out)


@pytest.mark.parametrize("step", STEPS)
def test_killed_in_the_middle_of_a_step(town: Town, step: str) -> None:
    """SIGKILL: what is half done is left, and the next run goes on from it; that is judged at the end."""
    child = town.start_bootstrap("run")
    assert child.stderr
    seen: list[str] = []
    for line in child.stderr:
        seen.append(line)
        if TITLES[step] in line:
            break
    else:
        raise AssertionError("".join(seen))
    child.kill()
    child.wait()
    town.until(lambda: not _lives("flux-bootstrap", f"--hostname={layouts.ports(town.layout).git_host}"))


def test_after_all_kills_a_run_ends_as_if_there_had_been_none(town: Town) -> None:
    argv: set[str] = set()
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(argv, done))
    watcher.start()
    canary = {"LOAD_HARNESS_API_KEY": CANARY}
    said = town.bootstrap("run", environment=canary)
    done.set()
    watcher.join()
    killed, head = everything(town.cluster), town.head
    token = town.environment["FLUX_GITHUB_TOKEN"]
    assert not [line for line in argv for secret in (CANARY, token) if secret in line]
    assert CANARY not in said.out + said.err
    _no_wide_file_has(town.folder.root, CANARY.encode(), token.encode())
    town.empty()
    town.bootstrap("run", environment=canary)
    assert everything(town.cluster) == killed
    assert town.head == head


def test_a_push_that_lost_a_race_is_made_again(town: Town) -> None:
    path = "k8s/flux-system/flux-system/gotk-components.yaml"
    town.git("clone", "--quiet", town.url, str(town.clone), cwd=town.clone.parent)
    # A comment alone: Flux may fetch it before the run mends it, and would prune what has left Git.
    town.commit({path: (town.clone / path).read_text() + "# by hand\n"})
    town.switch(races=1)
    said = town.bootstrap("run")
    assert "somebody else pushed to main meanwhile: once more" in said.err
    town.git("fetch", "--quiet")
    assert "Be faster" in town.git("log", "--format=%s", "-5", "origin/main").splitlines()


@pytest.fixture(scope="module")
def reconciled(town: Town) -> None:
    """All is applied, whichever tests came before."""
    town.bootstrap("run")


@contextmanager
def without_places(town: Town) -> Generator[None]:
    """The application's pods find no node, which a run waits for in its last step."""
    nodes = [node["metadata"]["name"] for node in town.cluster.list(api.NODE)]
    town.kubectl("cordon", *nodes)
    try:
        town.kubectl("delete", "pods", "-n", "applications", "--all")
        yield
    finally:
        town.kubectl("uncordon", *nodes)


def verifying(town: Town) -> subprocess.Popen[str]:
    """A run that has come to its last step."""
    child = town.start_bootstrap("run")
    assert child.stderr
    assert any(TITLES["verify"] in line for line in child.stderr)
    return child


@pytest.mark.usefixtures("reconciled")
def test_a_run_survives_an_api_server_that_is_away_for_a_while(town: Town) -> None:
    with without_places(town):
        child = verifying(town)
        with town.without("kube-apiserver"):
            time.sleep(20)  # the fault itself
        town.until(lambda: town.cluster.list(api.NODE))
    _out, err = child.communicate(timeout=HANG)
    assert child.returncode == 0, err
    assert "does not answer" in err


@pytest.mark.usefixtures("reconciled")
def test_credentials_that_end_half_way_stop_it_at_once(town: Town) -> None:
    with without_places(town):
        child = verifying(town)
        with without_entry(town):
            _out, err = child.communicate(timeout=HANG)
    assert child.returncode == 1
    assert "or its session has ended" in err.strip().splitlines()[-1]
    town.until(lambda: town.bootstrap("run"))


@pytest.mark.usefixtures("reconciled")
def test_commits_that_land_while_it_verifies_are_good(town: Town) -> None:
    """As image automation makes them: by itself, at any time."""
    with without_places(town):
        child = verifying(town)
        before = town.head
        for number in (1, 2):
            town.commit({"docs/note-of-the-day.md": f"the {number}. commit\n"})
            town.sync()
    _out, err = child.communicate(timeout=HANG)
    assert child.returncode == 0, err
    assert f"all at {town.head[:12]}" in err
    assert before != town.head


@pytest.mark.usefixtures("reconciled")
def test_ctrl_c_ends_after_the_step_and_says_how_to_go_on(town: Town) -> None:
    child = town.start_bootstrap("run")
    assert child.stderr
    for line in child.stderr:
        if "5. run flux bootstrap" in line:
            child.send_signal(signal.SIGINT)
            break
    _out, err = child.communicate(timeout=HANG)
    assert child.returncode == 1
    assert "stopping after this step" in err
    assert err.strip().splitlines()[-1] == (
        "bootstrap: stopped before verify; what is done stays, and the same command goes on from here"
    )
    town.bootstrap("run")


def test_flux_system_that_is_being_deleted(town: Town) -> None:
    """Its controllers go first, and nobody is left to take the finalizers away. The last thing in this cluster."""
    town.kubectl("delete", "namespace", "flux-system", "--wait=false")

    def is_said() -> bool:
        found = town.bootstrap("status", "--json", code=1).json["first"]
        is_it = bool(found) and found["case"] == "flux-system is being deleted"
        return is_it and "finalizers.fluxcd.io in " in found["message"]

    town.until(is_said)
    for command in ("plan", "run"):
        said = fails(town, command)
        assert said.startswith("Namespace flux-system: it is being deleted: ")
        assert "`flux uninstall`" in said


def _has_coredns(town: Town) -> bool:
    return objects.is_available(town.cluster.get(api.DEPLOYMENT, "coredns", "kube-system") or {})


def _lives(name: str, argument: str) -> list[psutil.Process]:
    """The processes of a name with an argument."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if name in process.name() and argument in process.cmdline():
                found.append(process)
    return found


def _watch(seen: set[str], done: threading.Event) -> None:
    """Every command line on this machine, until it is done."""
    while not done.wait(0.02):
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                seen.add(" ".join(process.cmdline()))


def _no_wide_file_has(root: Path, *secrets: bytes) -> None:
    for path in root.rglob("*"):
        with suppress(OSError):  # files come and go
            if path.is_file() and path.stat().st_mode & 0o077 and _may_be_entered(path, root):
                content = path.read_bytes()
                assert not [secret for secret in secrets if secret in content], path


def _may_be_entered(path: Path, root: Path) -> bool:
    """Whether somebody else gets as far as this file."""
    return all(parent.stat().st_mode & 0o005 for parent in path.parents if parent.is_relative_to(root))
