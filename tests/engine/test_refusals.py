"""What is refused at the engine, and how: one clear line, no traceback, a non-zero exit."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest

if TYPE_CHECKING:
    from tests.support.rehearsals import Sandbox

pytestmark = pytest.mark.engine

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


def test_bad_config_is_a_clean_error_of_the_program(sandbox: Sandbox) -> None:
    sandbox.succeed("preview")
    stack_file = sandbox.folder.project / "Pulumi.staging.yaml"
    bad = stack_file.read_text().replace("123456789012'", "12345678901'").replace("clusterAdmins", "clusterAdmin")
    script = f'cp {stack_file.parent}/bad.yaml {stack_file} && exec "$@"'
    (stack_file.parent / "bad.yaml").write_text(bad)
    done = sandbox.run("exec", "--", "sh", "-c", script, "sh", *engine(sandbox, "preview"))
    assert done.code != 0
    assert "infra-fleet:accountId = 12345678901: allowed: 12 digits, in quotes" in done.out + done.err
    assert "infra-fleet:clusterAdmin is no setting; did you mean clusterAdmins?" in done.out + done.err
    assert "Traceback" not in done.out + done.err


def test_bad_config_stops_a_sandbox_command_with_the_same_lines(sandbox: Sandbox) -> None:
    sandbox.configure(accountId="1", zoness=[])
    done = sandbox.run("preview")
    assert done.code == 1
    assert "Pulumi.staging.yaml does not describe a stack that can be built" in done.err
    assert "infra-fleet:accountId = 1: allowed: 12 digits, in quotes" in done.err
    assert "Traceback" not in done.err


def test_another_accounts_credentials_are_refused_in_one_line(sandbox: Sandbox) -> None:
    done = sandbox.run("exec", "--", sys.executable, "-c", ASSUME, *engine(sandbox, "up", "--yes"))
    assert done.code != 0
    (line,) = done.errors
    assert "999999999999" in line
    assert "123456789012" in line
    assert "Traceback" not in done.out + done.err


def test_a_leftover_sandbox_variable_with_a_real_backend_is_refused_in_one_line(sandbox: Sandbox) -> None:
    other = sandbox.folder.root.parent / "real"
    other.mkdir()
    script = (
        f"export PULUMI_BACKEND_URL=file://{other} PULUMI_CONFIG_PASSPHRASE= && cd {sandbox.folder.project} && "
        "pulumi stack init staging --non-interactive >/dev/null && pulumi preview --stack staging --non-interactive"
    )
    done = sandbox.run("exec", "--", "sh", "-c", script)
    assert done.code != 0
    (line,) = done.errors
    assert f"PULUMI_BACKEND_URL is 'file://{other}', not the sandbox's own" in line
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
    assert done.code == 1
    assert f"{sandbox.stack_file} is missing" in done.err
    assert "Traceback" not in done.err


def test_what_aws_refuses_reaches_the_user_with_resource_code_and_message(sandbox: Sandbox) -> None:
    sandbox.succeed("preview")
    remove = "import boto3; boto3.client('iam').delete_role(RoleName='platform-admin')"
    script = f'{__import__("sys").executable} -c "{remove}" && exec "$@"'
    command = ["sh", "-c", script, "sh", *engine(sandbox, "up", "--yes", "--skip-preview")]
    done = sandbox.run("exec", "--", *command)
    assert done.code != 0
    (line,) = done.errors
    assert "aws:eks/accessEntry:AccessEntry 'platform-admin' (property principalArn): CreateAccessEntry: " in line
    assert "InvalidParameterException: The specified principalArn is invalid" in line
    assert "Traceback" not in done.out + done.err


def test_reset_ends_the_account_and_empties_the_folder(sandbox: Sandbox) -> None:
    sandbox.succeed("preview")
    endpoint = urlsplit(sandbox.account.endpoint)
    (sandbox.folder.root / "mine.txt").write_text("kept")
    sandbox.succeed("reset")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(endpoint.hostname), endpoint.port or 0))
    assert [path.name for path in sandbox.folder.root.iterdir()] == ["mine.txt"]
    (sandbox.folder.root / "mine.txt").unlink()
    assert "empty already" in sandbox.succeed("reset").err


@pytest.mark.parametrize("command", ["reset", "preview"])
def test_a_folder_of_somebody_else_is_left_alone(sandbox: Sandbox, command: str) -> None:
    (sandbox.folder.root / "bin").mkdir(parents=True)
    (sandbox.folder.root / "bin" / "tool").write_text("mine")
    done = sandbox.run(command)
    assert done.code == 1
    assert f"{sandbox.folder.root} is" in done.err
    assert "no sandbox folder" in done.err
    assert [path.name for path in sandbox.folder.root.rglob("*")] == ["bin", "tool"]


def test_an_account_that_was_lost_with_what_it_held_is_not_taken_for_unchanged(sandbox: Sandbox) -> None:
    sandbox.succeed("up", "--", "--skip-preview")
    psutil.Process(sandbox.account.pid).kill()
    done = sandbox.run("up")
    assert done.code == 1
    assert "the embedded account has ended, and with it the state and all that was built" in done.err
    sandbox.succeed("reset")
    sandbox.succeed("preview")
