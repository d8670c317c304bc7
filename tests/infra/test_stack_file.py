"""A stack's file that cannot be read is said in one line that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra import settings
from infra.config import SettingsError
from infra.stack_file import config_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"config: [\n", "is not valid YAML: while parsing"),
        (b"config: 2026-02-31\n", "is not valid YAML: day is out of range"),
        (b"config: \xff\n", "is not UTF-8: invalid start byte at byte 8"),
        (b"- a\n", "is ['a'], expected a mapping of keys to values"),
        (b"config: staging\n", "config is 'staging', expected a mapping of keys to values"),
        (b"config: {1: a}\n", "the key 1 is not a string: put it in quotes"),
    ],
)
def test_a_file_of_another_form_is_named_with_its_problem(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "Pulumi.staging.yaml"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        config_of(file)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(str(file))
    assert problem in line


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Pulumi\.staging\.yaml is missing$"):
        config_of(tmp_path / "Pulumi.staging.yaml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: Is a directory$"):
        config_of(tmp_path)


@pytest.mark.parametrize("content", ["", "config:\n", "encryptedkey: a\n"])
def test_a_file_without_config_has_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "Pulumi.staging.yaml"
    file.write_text(content)
    assert config_of(file) == {}


def test_problems_of_a_file_stand_beneath_its_name_and_foreign_keys_are_no_problem() -> None:
    config = {"infra-fleet:accountId": "1", "infra-fleet:zoness": "x", "aws:region": "eu-west-2"}
    with pytest.raises(SettingsError) as caught:
        settings.parse_file(config, "staging")
    heading, *lines = str(caught.value).splitlines()
    assert heading == "Pulumi.staging.yaml has 2 errors:"
    assert len(lines) == 2
