"""What is refused at the engine, and how: one clear line, no traceback, a non-zero exit."""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest

from sandbox.account import faults

if TYPE_CHECKING:
    from tests.support.rehearsals import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]

REAL = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7REALKEY",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_PROFILE": "production",
    "AWS_REGION": "us-east-1",
}
ASSUME = """
import boto3, os, sys
role = "arn:aws:iam::999999999999:role/x"
found = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="other")["Credentials"]
os.environ["AWS_ACCESS_KEY_ID"] = found["AccessKeyId"]
os.environ["AWS_SECRET_ACCESS_KEY"] = found["SecretAccessKey"]
os.environ["AWS_SESSION_TOKEN"] = found["SessionToken"]
os.execvp(sys.argv[1], sys.argv[1:])
"""


def engine(sandbox: Sandbox, *arguments: str) -> list[str]:
    return ["pulumi", "-C", str(sandbox.folder.project), *arguments, "--stack", "staging", "--non-interactive"]


def copied_project(sandbox: Sandbox) -> Path:
    """The sandbox's project, to be spoilt."""
    sandbox.prepare()
    copy = Path(tempfile.mkdtemp(dir=sandbox.folder.root.parent)) / "project"
    shutil.copytree(sandbox.folder.project, copy, symlinks=True)
    (copy / "Pulumi.staging.yaml").write_bytes(sandbox.stack_file.read_bytes())
    return copy


def in_file_state(folder: Path, project: Path, command: str) -> str:
    """A script that runs a pulumi command on a new stack whose state is a folder."""
    folder.mkdir()
    return (
        f"export PULUMI_BACKEND_URL={folder.as_uri()} PULUMI_CONFIG_PASSPHRASE= && cd {project} && "
        "pulumi stack init staging --non-interactive >/dev/null && "
        f"exec pulumi {command} --stack staging --non-interactive"
    )


def test_bad_config_is_a_clean_error_of_the_program(sandbox: Sandbox) -> None:
    sandbox.prepare()
    stack_file = sandbox.folder.project / "Pulumi.staging.yaml"
    bad = stack_file.read_text().replace("123456789012'", "12345678901'").replace("clusterAdmins", "clusterAdmin")
    script = f'cp {stack_file.parent}/bad.yaml {stack_file} && exec "$@"'
    (stack_file.parent / "bad.yaml").write_text(bad)
    done = sandbox.run("exec", "--", "sh", "-c", script, "sh", *engine(sandbox, "preview"))
    assert done.code != 0
    assert "infra-fleet:accountId = 12345678901 is not allowed: use 12 digits, in quotes" in done.out + done.err
    assert "infra-fleet:clusterAdmin: unknown setting; did you mean clusterAdmins?" in done.out + done.err
    assert "Traceback" not in done.out + done.err


def test_bad_config_stops_a_sandbox_command_with_the_same_lines(sandbox: Sandbox) -> None:
    sandbox.configure(accountId="1", zoness=[])
    done = sandbox.run("preview")
    assert done.code == 2
    assert "Pulumi.staging.yaml has " in done.err
    assert "infra-fleet:accountId = 1 is not allowed: use 12 digits, in quotes" in done.err
    assert "Traceback" not in done.err


def test_another_accounts_credentials_are_refused_in_one_line(sandbox: Sandbox) -> None:
    # The other account has no state bucket, so that the state is a file here.
    project = copied_project(sandbox)
    script = in_file_state(sandbox.folder.root / "other-state", project, "up --yes")
    done = sandbox.run("exec", "--", sys.executable, "-c", ASSUME, "sh", "-c", script)
    assert done.code != 0
    (line,) = done.errors
    assert "999999999999" in line
    assert "123456789012" in line
    assert "Traceback" not in done.out + done.err


def test_a_leftover_sandbox_variable_with_a_real_backend_is_refused_in_one_line(sandbox: Sandbox) -> None:
    real = sandbox.folder.root.parent / "real"
    done = sandbox.run("exec", "--", "sh", "-c", in_file_state(real, copied_project(sandbox), "preview"))
    assert done.code != 0
    (line,) = done.errors
    assert f"PULUMI_BACKEND_URL is '{real.as_uri()}', not the sandbox's own" in line
    assert "Traceback" not in done.out + done.err


def test_real_looking_credentials_do_not_reach_the_engine(sandbox: Sandbox) -> None:
    done = sandbox.succeed("exec", "--", "env", **REAL)
    found = dict(line.split("=", 1) for line in done.out.splitlines() if "=" in line)
    assert not {name for name, value in REAL.items() if found.get(name) == value}
    assert found["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    sandbox.succeed("preview", **REAL)


def test_a_stack_without_a_file_is_named(sandbox: Sandbox) -> None:
    sandbox.stack_file.unlink()
    done = sandbox.run("preview")
    assert done.code == 2
    assert f"{sandbox.stack_file} is missing" in done.err
    assert "Traceback" not in done.err


def test_what_aws_refuses_reaches_the_user_with_resource_code_and_message(sandbox: Sandbox) -> None:
    sandbox.prepare()
    remove = "import boto3; boto3.client('iam').delete_role(RoleName='platform-admin')"
    script = f'{__import__("sys").executable} -c "{remove}" && exec "$@"'
    command = ["sh", "-c", script, "sh", *engine(sandbox, "up", "--yes", "--skip-preview")]
    done = sandbox.run("exec", "--", *command)
    assert done.code != 0
    (line,) = done.errors
    assert "aws:eks/accessEntry:AccessEntry 'platform-admin' (property principalArn): CreateAccessEntry: " in line
    assert "InvalidParameterException: The specified principalArn is invalid" in line
    assert "Traceback" not in done.out + done.err


def test_reset_ends_the_account_and_empties_the_folder(own_sandbox: Sandbox) -> None:
    own_sandbox.prepare()
    endpoint = urlsplit(own_sandbox.account.endpoint)
    (own_sandbox.folder.root / "mine.txt").write_text("kept")
    own_sandbox.succeed("reset")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(endpoint.hostname), endpoint.port or 0))
    assert [path.name for path in own_sandbox.folder.root.iterdir()] == ["mine.txt"]
    (own_sandbox.folder.root / "mine.txt").unlink()
    assert "empty already" in own_sandbox.succeed("reset").err


@pytest.mark.parametrize("command", ["reset", "preview"])
def test_a_folder_of_somebody_else_is_left_alone(own_sandbox: Sandbox, command: str) -> None:
    (own_sandbox.folder.root / "bin").mkdir(parents=True)
    (own_sandbox.folder.root / "bin" / "tool").write_text("mine")
    done = own_sandbox.run(command)
    assert done.code == 2
    assert f"{own_sandbox.folder.root} is" in done.err
    assert "not a sandbox folder" in done.err
    assert [path.name for path in own_sandbox.folder.root.rglob("*")] == ["bin", "tool"]


def test_an_account_that_was_lost_with_what_it_held_is_not_taken_for_unchanged(own_sandbox: Sandbox) -> None:
    own_sandbox.succeed("up", "--", "--skip-preview")
    psutil.Process(own_sandbox.account.pid).kill()
    done = own_sandbox.run("up")
    assert done.code == 2
    assert "the embedded account has ended, and with it the state and all that was built" in done.err
    own_sandbox.succeed("reset")
    own_sandbox.succeed("preview")


def test_a_fault_hits_what_pulumi_asks_and_not_the_sandbox_s_own_preparation(own_sandbox: Sandbox) -> None:
    """The permanent layer with the state's bucket, the roles, the stack: all of it is made while every call fails."""
    own_sandbox.folder.claim()
    faults.write(own_sandbox.folder.faults, [faults.Rule("AccessDenied")])
    own_sandbox.succeed("exec", "--", "true")
    refused = own_sandbox.run("preview")
    assert refused.code != 0
    assert "AccessDenied" in refused.text
    faults.write(own_sandbox.folder.faults, [])
    own_sandbox.succeed("preview")
