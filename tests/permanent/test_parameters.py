from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

from common.aws import Aws
from common.errors import UnknownError
from common.target import prove_account
from infra.contract import names
from infra.stack_file import config_of
from permanent import parameters
from permanent.apply import Layer, public_signing_key
from permanent.settings import parse_file
from sandbox.account import process
from sandbox.folder import Folder
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ssm import SSMClient


@pytest.fixture
def ssm(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[SSMClient]:
    """SSM of an account of its own."""
    folder = Folder(tmp_path_factory.mktemp("sandbox"))
    account = process.ensure(folder, "123456789012", "eu-west-2")
    for name, value in process.environment(account).items():
        monkeypatch.setenv(name, value)
    yield prove_account(Aws(account.region), account.account_id, "accountId").client("ssm")
    process.stop(folder)


def _all(_: SSMClient) -> list[str]:
    return list(names.SECRET_PARAMETERS)


def values(ssm: SSMClient) -> dict[str, str]:
    found = ssm.get_parameters(Names=list(names.SECRET_PARAMETERS), WithDecryption=True)["Parameters"]
    return {parameter.get("Name", ""): parameter.get("Value", "") for parameter in found}


def test_secrets_are_generated_once_and_never_replaced(ssm: SSMClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parameters.missing(ssm) == list(names.SECRET_PARAMETERS)
    assert parameters.generate(ssm) == list(names.SECRET_PARAMETERS)
    first = values(ssm)
    assert len(set(first.values())) == 3
    assert all(len(value) >= 40 for value in first.values())

    assert parameters.missing(ssm) == []
    assert parameters.generate(ssm) == []
    # As if two people ran it at once.
    monkeypatch.setattr(parameters, "missing", _all)
    assert parameters.generate(ssm) == []
    assert values(ssm) == first


def test_what_is_stored_is_encrypted_and_one_that_is_lost_is_generated_alone(ssm: SSMClient) -> None:
    parameters.generate(ssm)
    first = values(ssm)
    described = ssm.describe_parameters()["Parameters"]
    assert {parameter.get("Type") for parameter in described} == {"SecureString"}

    ssm.delete_parameter(Name=names.GRAFANA_ADMIN_PASSWORD)
    assert parameters.generate(ssm) == [names.GRAFANA_ADMIN_PASSWORD]
    second = values(ssm)
    assert {name for name in first if first[name] != second[name]} == {names.GRAFANA_ADMIN_PASSWORD}


def test_the_signing_key_is_an_openssh_key_whose_public_half_alone_is_told(ssm: SSMClient) -> None:
    parameters.generate(ssm)
    private = values(ssm)[names.IMAGE_AUTOMATION_SIGNING_KEY]
    assert private.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")

    public = parameters.public_signing_key(ssm)
    assert public.startswith("ssh-ed25519 ")
    key = serialization.load_ssh_private_key(private.encode(), password=None).public_key()
    expected = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    assert public == expected


def test_without_credentials_the_commands_for_github_end_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    project = REPOSITORY / "permanent"
    layer = Layer(project, parse_file(config_of(project / f"Pulumi.{names.PERMANENT_STACK}.yaml")))
    with pytest.raises(UnknownError) as caught:
        public_signing_key(layer)
    assert str(caught.value) == "AWS cannot be asked: Unable to locate credentials"
