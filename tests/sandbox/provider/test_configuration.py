from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.contract import names
from sandbox.account import process
from sandbox.folder import FOLDER_VARIABLE, Folder
from sandbox.provider.configuration import (
    BACKEND_VARIABLE,
    ENDPOINT_VARIABLE,
    Configuration,
    endpoint,
    parse,
    refuse_other_account,
)
from sandbox.provider.errors import ProviderError
from sandbox.provider.values import UNKNOWN

if TYPE_CHECKING:
    from pathlib import Path

OWN = {
    FOLDER_VARIABLE: "/clone/.sandbox",
    BACKEND_VARIABLE: "file:///clone/.sandbox/state",
    ENDPOINT_VARIABLE: "http://127.0.0.1:4566",
}


def test_the_sandboxs_own_environment_is_accepted() -> None:
    assert endpoint(OWN) == "http://127.0.0.1:4566"


def test_the_bucket_of_the_folders_account_is_its_own_and_no_other(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    process.write(folder, process.Account("http://127.0.0.1:4566", "123456789012", "eu-west-2", 1, 1.0))
    own = {**OWN, FOLDER_VARIABLE: str(tmp_path), BACKEND_VARIABLE: names.state_backend("123456789012", "eu-west-2")}
    assert endpoint(own) == "http://127.0.0.1:4566"
    for other in (names.state_backend("123456789013", "eu-west-2"), f"{own[BACKEND_VARIABLE]}&endpoint=https://s3"):
        with pytest.raises(ProviderError, match=BACKEND_VARIABLE):
            endpoint({**own, BACKEND_VARIABLE: other})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (FOLDER_VARIABLE, None),
        (FOLDER_VARIABLE, ""),
        (BACKEND_VARIABLE, None),
        (BACKEND_VARIABLE, "s3://state-of-staging"),
        (BACKEND_VARIABLE, "file:///clone/.sandbox2/state"),
        (BACKEND_VARIABLE, "https://api.pulumi.com"),
        (ENDPOINT_VARIABLE, None),
        (ENDPOINT_VARIABLE, "https://eks.eu-west-2.amazonaws.com"),
        (ENDPOINT_VARIABLE, "http://10.0.0.1:4566"),
        (ENDPOINT_VARIABLE, "http://127.0.0.1.example.com:4566"),
        (ENDPOINT_VARIABLE, "http://127.0.0.1@example.com"),
        (ENDPOINT_VARIABLE, "127.0.0.1:4566"),
    ],
)
def test_anything_else_is_refused_in_one_line_that_names_the_variable(variable: str, value: str | None) -> None:
    environment = {name: each for name, each in (OWN | {variable: value}).items() if each is not None}
    with pytest.raises(ProviderError) as refused:
        endpoint(environment)
    text = str(refused.value)
    assert text.startswith(variable)
    assert repr(value) in text or not value
    assert "unset PULUMI_HOME" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"region": "eu-west-2"}, Configuration("eu-west-2", (), {})),
        (
            {"region": "r", "allowedAccountIds": '["1"]', "defaultTags": '{"tags":{"a":"b"}}'},
            Configuration("r", ("1",), {"a": "b"}),
        ),
        ({"region": "r", "defaultTags": {"tags": UNKNOWN}}, Configuration("r", (), UNKNOWN)),
    ],
)
def test_config_arrives_as_text_or_json(arguments: dict[str, Any], expected: Configuration) -> None:
    assert parse(arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({}, "aws:region"),
        ({"region": "r", "allowedAccountIds": "5"}, "aws:allowedAccountIds"),
        ({"region": "r", "defaultTags": '{"tags":[1]}'}, "aws:defaultTags.tags"),
    ],
)
def test_wrong_config_is_named(arguments: dict[str, Any], key: str) -> None:
    with pytest.raises(ProviderError, match=f"^{key} is"):
        parse(arguments)


def test_another_account_is_refused_in_one_line_that_names_both() -> None:
    config = Configuration("r", ("111111111111",), {})
    refuse_other_account(config, "111111111111")
    with pytest.raises(ProviderError, match=r"allowedAccountIds is 111111111111, but .* account 222222222222"):
        refuse_other_account(config, "222222222222")
