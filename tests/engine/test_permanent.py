"""The permanent layer on the embedded account: applied once, left alone by the stacks on top, its state its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra.contract import names
from infra.stack_file import config_of
from permanent.apply import FIRST_STATE
from permanent.policies import documents
from permanent.settings import parse_file
from sandbox import rehearsal
from sandbox.account import process
from sandbox.account.clients import client
from sandbox.checkout import Checkout
from sandbox.engine import project, pulumi
from sandbox.engine.environment import environment
from sandbox.engine.provider_plugin import install_plugin
from sandbox.folder import Folder
from tests.support import rehearsals
from tests.support.checkout import REPOSITORY
from tests.support.iam import action_of, allows_action

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.rehearsals import Result, Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]

BUCKET = names.state_bucket("123456789012", "eu-west-2")


CLOUD = {"type": "cloud", "state": {"url": names.secrets_provider("eu-west-2")}}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose permanent layer is there, with two clusters in its list, and no stack that is up."""
    root = tmp_path_factory.mktemp("fleet")
    made = rehearsals.new(root, "staging")
    rehearsals.Sandbox(made.folder, "staging-2").configure(clusterName="staging-2", vpcCidr="10.1.0.0/16")
    made.prepare()
    yield made
    rehearsal.reset(made.folder)


def s3(sandbox: Sandbox) -> Any:
    return client("s3", endpoint=sandbox.account.endpoint, region=sandbox.account.region)


def apply(sandbox: Sandbox) -> Result:
    command = (sys.executable, "-m", "fleet", "account", "apply", "--yes", f"--cwd={sandbox.folder.root}")
    return sandbox.run("exec", "--", *command)


def objects(sandbox: Sandbox, prefix: str = "") -> dict[str, bytes]:
    found = s3(sandbox).list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    keys = [entry["Key"] for entry in found]
    return {key: s3(sandbox).get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def test_every_state_is_encrypted_by_the_key_of_the_account_from_the_first_apply_on(fleet: Sandbox) -> None:
    states = {key: body for key, body in objects(fleet, ".pulumi/stacks/").items() if key.endswith(".json")}
    assert len(states) >= 2
    for body in states.values():
        # A state that holds no secret yet may name nothing; then what the stack's config names encrypts the first.
        provider = json.loads(body)["checkpoint"]["latest"].get("secrets_providers", CLOUD)
        assert provider["type"] == "cloud"
        assert provider["state"]["url"] == names.secrets_provider("eu-west-2")
    config = yaml.safe_load((fleet.folder.permanent / "Pulumi.account.yaml").read_text())
    assert config["secretsprovider"] == names.secrets_provider("eu-west-2")
    assert "encryptionsalt" not in config


@pytest.fixture(scope="module")
def second(fleet: Sandbox) -> tuple[Result, dict[str, tuple[str, ...]]]:
    """A second apply, and the census before it."""
    before = fleet.census()
    return apply(fleet), before


def test_a_second_apply_changes_nothing_and_its_state_is_in_the_bucket_that_it_made(
    fleet: Sandbox, second: tuple[Result, dict[str, tuple[str, ...]]]
) -> None:
    done, before = second
    assert done.code == 0, done.text
    assert " unchanged" in done.out
    assert not any(word in done.out for word in (" created", " updated", " deleted", " replaced"))
    assert "was touched" in done.err
    assert fleet.census() == before
    assert f".pulumi/stacks/{names.PERMANENT_PROJECT}/{names.PERMANENT_STACK}.json" in objects(fleet)
    assert not (fleet.folder.permanent / FIRST_STATE).exists()


def test_the_check_finds_the_whole_layer_and_takes_the_provider_for_its_own(fleet: Sandbox) -> None:
    command = (sys.executable, "-m", "fleet", "account", "check", "--json", f"--cwd={fleet.folder.root}")
    done = fleet.run("exec", "--", *command)
    assert done.code == 0, done.text
    said = {(line["subject"], line["verdict"]): line["says"] for line in json.loads(done.out)["lines"]}
    assert said["GitHub's identity provider", "good"] == "created by the permanent layer"
    parts = said["permanent layer", "good"]
    assert ("permanent layer", "unknown") not in said
    for part in (BUCKET, names.DEPLOY_ROLE, names.BOUNDARY, names.log_group("staging-2"), *names.SECRET_PARAMETERS):
        assert part in parts


def test_no_secret_is_in_a_state_a_file_or_an_output(
    fleet: Sandbox, second: tuple[Result, dict[str, tuple[str, ...]]]
) -> None:
    ssm = client("ssm", endpoint=fleet.account.endpoint, region=fleet.account.region)
    found = ssm.get_parameters(Names=list(names.SECRET_PARAMETERS), WithDecryption=True)["Parameters"]
    # Of a key in many lines the longest: a file may wrap it otherwise.
    secrets = [max(parameter["Value"].splitlines(), key=len) for parameter in found]
    assert len(secrets) == 3
    printed = second[0].text.encode()
    files = [path.read_bytes() for path in fleet.folder.root.rglob("*") if path.is_file()]
    for secret in secrets:
        assert not any(secret.encode() in text for text in (printed, *files, *objects(fleet).values()))


def test_two_clusters_are_built_side_by_side_and_the_permanent_layer_outlives_both(fleet: Sandbox) -> None:
    second = rehearsals.Sandbox(fleet.folder, "staging-2")
    second.prepare()
    before = fleet.census()
    fleet.succeed("up", "--", "--skip-preview")
    second.succeed("up", "--", "--skip-preview")
    assert set(fleet.census()["EKS cluster"]) == {"staging", "staging-2"}

    fleet.succeed("destroy", "--", "--skip-preview")
    assert fleet.census()["EKS cluster"] == ("staging-2",)
    second.succeed("up", "--", "--expect-no-changes")
    second.succeed("destroy", "--", "--skip-preview")
    assert fleet.census() == before
    assert " unchanged" in apply(fleet).out


def test_the_roles_may_do_what_the_account_saw_them_do(fleet: Sandbox) -> None:
    settings = parse_file(config_of(fleet.account_file))
    fleet.prepare()
    seen = len(fleet.calls())
    fleet.succeed("preview")
    # Before each command the sandbox makes the people's roles that are missing.
    previewed = set(fleet.calls()[seen:]) - {("iam", "CreateRole")}
    fleet.succeed("up")
    fleet.succeed("preview")
    fleet.succeed("destroy")
    deployed = set(fleet.calls()[seen:])
    assert ("eks", "CreateCluster") in deployed
    assert ("iam", "CreateRole") in deployed

    for role, calls in ((names.PREVIEW_ROLE, previewed), (names.DEPLOY_ROLE, deployed)):
        allowed = list(documents(settings)[role].values())
        actions = {action_of(service, operation) for service, operation in calls}
        assert sorted(action for action in actions if not allows_action(allowed, action)) == []


def test_a_lock_of_another_run_stops_an_update_in_words_and_stays(fleet: Sandbox) -> None:
    key = f".pulumi/locks/organization/{names.PROJECT}/staging/0.json"
    lock = {"pid": 4711, "username": "runner", "hostname": "ci-7", "timestamp": "2026-01-02T03:04:05Z"}
    s3(fleet).put_object(Bucket=BUCKET, Key=key, Body=json.dumps(lock).encode())
    done = fleet.run("up")
    assert done.code != 0
    assert "runner@ci-7" in done.text
    assert "currently locked" in done.text
    # A preview takes no lock and minds none.
    fleet.succeed("preview")
    assert key in objects(fleet)
    shown = fleet.run(
        "exec", "--", sys.executable, "-m", "fleet", "lock", "--stack=staging", "-C", str(fleet.folder.project)
    )
    assert shown.code == 0, shown.text
    assert "runner@ci-7" in shown.text
    s3(fleet).delete_object(Bucket=BUCKET, Key=key)


def test_another_cluster_or_account_than_the_permanent_layers_is_named(fleet: Sandbox, tmp_path: Path) -> None:
    other = rehearsals.new(tmp_path, "staging")
    other.configure(clusterName="unlisted")
    document = yaml.safe_load(other.account_file.read_text())
    document["config"][f"{names.PERMANENT_PROJECT}:clusters"].remove("unlisted")
    other.account_file.write_text(yaml.safe_dump(document))
    done = other.run("preview")
    assert done.code == 2
    assert "unlisted" in done.err
    assert "fleet configure" in done.err


# A wrapper around pulumi that kills the command which runs it, once, before the call with a given number.
KILLER = """#!/bin/sh
n=$(($(cat {count} 2>/dev/null || echo 0) + 1))
echo $n > {count}
if [ $n -eq {at} ]; then kill -9 $PPID; exit 1; fi
exec {pulumi} "$@"
"""


def _first(tmp_path: Path) -> tuple[Folder, dict[str, str]]:
    """An account in which nothing is yet, and the environment of the permanent layer's command."""
    folder = Folder(tmp_path / "sandbox")
    folder.claim()
    account = process.ensure(folder, "123456789012", "eu-west-2")
    pulumi.prepare_bin(folder, pulumi.find(folder, print))
    install_plugin(folder)
    backend = names.state_backend(account.account_id, account.region)
    environ = environment(folder, account=process.environment(account), backend=backend)
    there = Checkout(REPOSITORY)
    file, source = there.permanent_file, there.permanent
    project.write_project(folder.permanent, names.PERMANENT_STACK, file, source=source, keep=False)
    return folder, environ


def _apply(folder: Folder, environ: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fleet", "account", "apply", f"--cwd={folder.root}", *options],
        cwd=REPOSITORY,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
@pytest.mark.parametrize("at", range(2, 9))
def test_killed_at_any_step_the_next_apply_takes_it_up(tmp_path: Path, at: int) -> None:
    folder, environ = _first(tmp_path)
    try:
        killer, count = tmp_path / "killer", tmp_path / "count"
        killer.mkdir()
        script = KILLER.format(count=count, at=at, pulumi=folder.bin / "pulumi")
        (killer / "pulumi").write_text(script)
        (killer / "pulumi").chmod(0o755)
        killed = _apply(folder, {**environ, "PATH": f"{killer}{os.pathsep}{environ['PATH']}"}, "--yes")
        assert killed.returncode != 0, f"pulumi is called fewer than {at} times: {killed.stderr}"

        done = _apply(folder, environ, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        again = _apply(folder, environ, "--yes")
        assert " unchanged" in again.stdout
        assert " created" not in again.stdout
        assert not (folder.permanent / FIRST_STATE).exists()
    finally:
        rehearsal.reset(folder)


def test_a_provider_that_somebody_made_is_refused_then_adopted_as_it_is(tmp_path: Path) -> None:
    folder, environ = _first(tmp_path)
    try:
        account = process.find(folder)
        assert account is not None
        iam = client("iam", endpoint=account.endpoint, region=account.region)
        arn = names.provider_arn(account.account_id)
        audiences = ["sts.amazonaws.com", "https://github.com/payments"]
        tags = [{"Key": "team", "Value": "payments"}]
        iam.create_open_id_connect_provider(Url=f"https://{names.GITHUB_ISSUER}", ClientIDList=audiences, Tags=tags)
        before = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)

        refused = _apply(folder, environ, "--yes")
        assert refused.returncode == 2
        assert refused.stderr.splitlines()[-1].startswith(f"account: GitHub's identity provider: {arn} exists already")
        assert "infra-fleet-permanent:adoptGithubProvider to true" in refused.stderr
        assert iam.list_policies(Scope="Local")["Policies"] == []

        config = folder.permanent / "Pulumi.account.yaml"
        document = yaml.safe_load(config.read_text())
        document["config"][f"{names.PERMANENT_PROJECT}:adoptGithubProvider"] = True
        config.write_text(yaml.safe_dump(document))
        done = _apply(folder, environ, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        after = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        for part in ("ClientIDList", "ThumbprintList", "Tags"):
            assert after[part] == before[part]
        trust = iam.get_role(RoleName=names.DEPLOY_ROLE)["Role"]["AssumeRolePolicyDocument"]
        assert trust["Statement"][0]["Principal"] == {"Federated": arn}

        again = _apply(folder, environ, "--yes")
        assert " unchanged" in again.stdout
        assert not any(word in again.stdout for word in (" created", " updated", " imported", " replaced"))
    finally:
        rehearsal.reset(folder)


def test_a_dry_run_makes_nothing_and_writes_nothing(tmp_path: Path) -> None:
    folder, environ = _first(tmp_path)
    try:
        config = folder.permanent / "Pulumi.account.yaml"
        before = config.read_bytes()
        done = _apply(folder, environ)
        assert done.returncode == 1
        assert "would generate the secret" in done.stderr
        assert "a dry run: nothing was changed" in done.stderr
        assert " create" in done.stdout
        assert config.read_bytes() == before
        account = process.find(folder)
        assert account is not None
        reader = client("s3", endpoint=account.endpoint, region=account.region)
        assert reader.list_buckets()["Buckets"] == []
    finally:
        rehearsal.reset(folder)


def test_credentials_of_another_account_are_refused_by_both_names(tmp_path: Path) -> None:
    folder, environ = _first(tmp_path)
    try:
        config = folder.permanent / "Pulumi.account.yaml"
        config.write_text(config.read_text().replace("123456789012", "210987654321"))
        done = _apply(folder, environ, "--yes")
        assert done.returncode == 2
        assert "are of account 123456789012" in done.stderr
        assert "210987654321" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        shutil.rmtree(folder.permanent)
        rehearsal.reset(folder)
