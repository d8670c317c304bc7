"""Where the outputs come from, and what is said of those that are not the contract's."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from bootstrap import preflight, stack_outputs, status
from common.errors import CannotRunError, FleetError
from tests.bootstrap.example import OUTPUTS
from tests.support.engine import executable, path_with

if TYPE_CHECKING:
    from pathlib import Path


def test_they_come_from_a_file_from_standard_input_or_from_pulumi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(OUTPUTS)
    (tmp_path / "outputs.json").write_text(text)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    executable(
        tmp_path / "bin" / "pulumi",
        f"test \"$*\" = '--non-interactive stack output --json --stack blue' && cat {tmp_path}/outputs.json",
    )
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    found = [
        stack_outputs.read(str(tmp_path / "outputs.json"), stack="blue", project=tmp_path),
        stack_outputs.read("-", stack="blue", project=tmp_path),
        stack_outputs.read(None, stack="blue", project=tmp_path),
    ]
    assert found[0] == found[1] == found[2]
    assert found[0].cluster_name == "staging"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not valid JSON"),
        ("[]", "is list, expected an object of outputs"),
        ("{}", "vpc_id is missing; cluster_name is missing"),
        (json.dumps({**OUTPUTS, "private_subnet_ids": "subnet-1"}), "private_subnet_ids is 'subnet-1'"),
    ],
)
def test_what_is_no_output_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "outputs.json").write_text(text)
    with pytest.raises(FleetError, match=r"outputs\.json") as error:
        stack_outputs.read(str(tmp_path / "outputs.json"), stack="staging", project=tmp_path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_pulumi_says_and_what_is_not_there_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "bin" / "pulumi", "echo 'error: no stack named blue found' >&2; exit 6")
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    with pytest.raises(FleetError, match="--stack blue failed: error: no stack named blue found"):
        stack_outputs.read(None, stack="blue", project=tmp_path)
    with pytest.raises(FleetError, match=r"nowhere\.json cannot be read"):
        stack_outputs.read(str(tmp_path / "nowhere.json"), stack="blue", project=tmp_path)
    with pytest.raises(FleetError, match="nowhere is not a folder"):
        stack_outputs.read(None, stack="blue", project=tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRunError, match="pulumi is not on PATH"):
        stack_outputs.read(None, stack="blue", project=tmp_path)


def test_without_pulumi_status_could_not_look_and_says_nothing_of_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FLUX_GITHUB_TOKEN", "ghs_refused-before-it-is-used")
    (tmp_path / "bootstrap.yaml").write_text("repository: your-org/infra-fleet\n")
    options = preflight.Options(None, "blue", tmp_path, tmp_path / "bootstrap.yaml")
    with pytest.raises(CannotRunError, match="pulumi is not on PATH"):
        status.look(options)
    executable(tmp_path / "bin" / "pulumi", "echo '{}'")
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    looked = status.look(options)
    assert looked.report.failure.startswith("pulumi stack output --stack blue: the stack's outputs are not those")
