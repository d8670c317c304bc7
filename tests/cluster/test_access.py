"""The chain of access, from a key of the account to a user of the cluster; and clusters side by side."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml

from bootstrap import user_kubeconfig as kubeconfigs
from common.kubernetes import api
from infra.contract.outputs import StackOutputs
from sandbox.cluster import layout as layouts
from sandbox.cluster import life, processes, rehearsed_bootstrap
from tests.support.checkout import REPOSITORY
from tests.support.clusters import HANG, Town

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = "platform-admin"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A second town, next to the first."""
    built = Town.build(tmp_path_factory.mktemp("other"))
    yield built
    built.close()


def outputs(town: Town) -> dict[str, Any]:
    return json.loads("{" + town.sandbox("outputs", "--", "--json").partition("\n{")[2])


def whoami(town: Town, tmp_path: Path, credentials: dict[str, str], cluster: str | None = None) -> tuple[int, str]:
    """`kubectl auth whoami` with some credentials, through our exec plugin."""
    found = {**outputs(town), **({"cluster_name": cluster} if cluster else {})}
    file = tmp_path / "config"
    kubeconfigs.merge(file, kubeconfigs.build(StackOutputs.parse(found)))
    done = subprocess.run(
        [town.kubectl_path, f"--kubeconfig={file}", "auth", "whoami", "-o", "jsonpath={.status.userInfo}"],
        env={**town.environment, **credentials},
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_role_with_an_entry_is_its_user(town: Town, tmp_path: Path) -> None:
    code, said = whoami(town, tmp_path, rehearsed_bootstrap.deploy_credentials(town.account, ADMIN))
    assert code == 0, said
    user = json.loads(said)
    assert user["username"] == f"arn:aws:sts::123456789012:assumed-role/{ADMIN}/sandbox"
    assert "system:masters" in user["groups"]


def test_a_role_without_one_is_refused(town: Town, tmp_path: Path) -> None:
    code, said = whoami(town, tmp_path, rehearsed_bootstrap.deploy_credentials(town.account, "infra-fleet-preview"))
    assert code != 0
    assert "Unauthorized" in said or "must be logged in" in said
    log = town.layout.log("webhook").read_text()
    assert "assumed-role/infra-fleet-preview/sandbox has no access entry" in log


def test_a_key_that_the_account_never_issued_is_refused(town: Town, tmp_path: Path) -> None:
    forged = {"AWS_ACCESS_KEY_ID": "AKIAFORGED", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": ""}
    code, _said = whoami(town, tmp_path, forged)
    assert code != 0
    real = rehearsed_bootstrap.deploy_credentials(town.account, ADMIN)
    code, _said = whoami(town, tmp_path, {**real, "AWS_SECRET_ACCESS_KEY": "guessed"})
    assert code != 0
    code, _said = whoami(town, tmp_path, real, cluster="staging-2")
    assert code != 0
    log = town.layout.log("webhook").read_text()
    assert "the account never issued its key AKIAFORGED" in log
    assert log.count("its signature is not that of its key, or it is for another cluster") >= 2


def test_two_clusters_stand_side_by_side_and_take_no_tokens_of_each_other(
    town: Town, other: Town, tmp_path: Path
) -> None:
    town.kubectl("create", "configmap", "here", "-n", "default")
    assert other.cluster.get(api.CONFIG_MAP, "here", "default") is None
    theirs = rehearsed_bootstrap.deploy_credentials(other.account, ADMIN)
    assert whoami(other, tmp_path, theirs)[0] == 0
    assert whoami(town, tmp_path, theirs)[0] != 0


def test_it_is_a_real_api_server(town: Town) -> None:
    """Server-side apply conflicts, owner references and the deletion of namespaces."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared", "namespace": "plain"}}
    town.kubectl("create", "namespace", "plain")
    text = json.dumps({**manifest, "data": {"key": "theirs"}})
    town.kubectl("apply", "--server-side", "--field-manager=theirs", "-f", "-", text=text)
    with pytest.raises(api.ConflictError, match=r'conflict with "theirs": \.data\.key'):
        town.cluster.apply(api.CONFIG_MAP, {**manifest, "data": {"key": "ours"}}, "ours")
    owner = town.cluster.apply(api.CONFIG_MAP, {**manifest, "data": {"key": "ours"}}, "ours", force=True)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "shared", "uid": owner["metadata"]["uid"]}
    owned = {"metadata": {"name": "owned", "namespace": "plain", "ownerReferences": [reference]}}
    assert town.cluster.create(api.CONFIG_MAP, owned)
    town.cluster.delete(api.CONFIG_MAP, "shared", "plain")
    town.until(lambda: town.cluster.get(api.CONFIG_MAP, "owned", "plain") is None)
    town.kubectl("delete", "namespace", "plain", "--wait=false")
    town.until(lambda: town.cluster.get(api.NAMESPACE, "plain") is None)


def test_nodes_and_add_ons_are_the_accounts(town: Town) -> None:
    eks = town.aws("eks")
    eks.delete_addon(clusterName="staging", addonName="metrics-server")
    town.until(lambda: town.cluster.get(api.DEPLOYMENT, "metrics-server", "kube-system") is None)
    eks.create_addon(clusterName="staging", addonName="metrics-server")
    town.until(lambda: town.cluster.get(api.DEPLOYMENT, "metrics-server", "kube-system"))
    (group,) = eks.list_nodegroups(clusterName="staging")["nodegroups"]
    sizes = eks.describe_nodegroup(clusterName="staging", nodegroupName=group)["nodegroup"]["scalingConfig"]
    for count in (sizes["desiredSize"] + 1, sizes["desiredSize"]):
        wanted = {**sizes, "maxSize": max(count, sizes["maxSize"]), "desiredSize": count}
        eks.update_nodegroup_config(clusterName="staging", nodegroupName=group, scalingConfig=wanted)
        town.until(lambda count=count: len(town.cluster.list(api.NODE)) == count)


def test_a_killed_supervisor_leaves_nothing_that_the_next_up_does_not_clear(other: Town) -> None:
    running = life.find(other.layout)
    assert running
    psutil.Process(running.pid).kill()
    other.until(lambda: life.find(other.layout) is None)
    assert processes.found(other.layout)
    assert "no cluster is up" in other.sandbox("cluster", "status", code=2)
    assert "stale processes of an earlier cluster are ended: " in other.sandbox("cluster", "up")
    assert other.cluster.list(api.NODE)


def test_each_bad_state_is_told_in_one_line(other: Town, tmp_path: Path) -> None:
    other.sandbox("cluster", "down")
    assert processes.found(other.layout) == []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", layouts.ports(other.layout).git))
        taken.listen()
        said = other.sandbox("cluster", "up", code=2).strip().splitlines()[-1]
        assert "is taken, which is the Git host's in this sandbox" in said
    environment = {**os.environ, "PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "fleet", "sandbox", "cluster", "up", f"--folder={other.folder.root}"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 2
    assert "put Go on PATH to build it, or the tool itself" in done.stderr
    assert "Traceback" not in done.stderr
    said = other.sandbox("cluster", "logs", "nothing", code=2)
    assert "nothing has no log; known are: " in said
    said = other.sandbox("cluster", "stop", "nothing", code=2)
    assert "nothing cannot be stopped" in said


def test_the_administrators_kubeconfig_is_private(town: Town) -> None:
    config = yaml.safe_load(town.layout.kubeconfig.read_text())
    assert config["clusters"][0]["cluster"]["server"] == outputs(town)["cluster_endpoint"]
    assert town.layout.kubeconfig.stat().st_mode & 0o777 == 0o600
