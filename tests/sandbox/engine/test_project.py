from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from common.errors import FleetError
from sandbox.engine.environment import environment
from sandbox.engine.project import init_stack, read_document, write_project
from sandbox.engine.pulumi import Pulumi, prepare_bin
from sandbox.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: fleet\nruntime: {name: python, options: {virtualenv: .venv}}\n")
    (folder / "Pulumi.staging.yaml").write_text("config: {fleet:region: eu-west-2}\n")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "sandbox")


def write(folder: Folder, repository: Path, *, keep: bool = True) -> Path:
    write_project(folder.project, "staging", repository / "Pulumi.staging.yaml", source=repository, keep=keep)
    return folder.project


def test_the_project_runs_the_repositorys_program_in_its_virtual_environment(folder: Folder, repository: Path):
    project = yaml.safe_load((write(folder, repository) / "Pulumi.yaml").read_text())

    assert project == {
        "name": "fleet",
        "main": str(repository),
        "runtime": {"name": "python", "options": {"virtualenv": str(repository / ".venv")}},
    }


def test_the_stack_file_is_a_copy_freed_of_its_own_secrets_provider(folder: Folder, repository: Path):
    (repository / "Pulumi.staging.yaml").write_text(
        "secretsprovider: awskms://alias/state\nencryptedkey: abc\nconfig: {fleet:region: eu-west-2}\n"
    )
    copy = write(folder, repository) / "Pulumi.staging.yaml"

    assert yaml.safe_load(copy.read_text()) == {"config": {"fleet:region": "eu-west-2"}}


OURS = "secretsprovider: awskms://alias/ours\nencryptedkey: ours\n"


@pytest.mark.parametrize(
    ("keep", "kept"), [(True, {"secretsprovider": "awskms://alias/ours", "encryptedkey": "ours"}), (False, {})]
)
def test_the_secrets_provider_of_an_earlier_run_stays_as_long_as_its_stack_does(
    folder: Folder, repository: Path, keep: bool, kept: dict[str, str]
):
    copy = write(folder, repository) / "Pulumi.staging.yaml"
    copy.write_text(f"{OURS}config: {{fleet:old: gone}}\n")
    write(folder, repository, keep=keep)

    assert yaml.safe_load(copy.read_text()) == {"config": {"fleet:region": "eu-west-2"}, **kept}


def test_a_project_in_a_folder_below_runs_its_own_program(folder: Folder, repository: Path):
    below = repository / "below"
    below.mkdir()
    (below / "Pulumi.yaml").write_text(
        "name: below\nmain: program.py\nruntime: {name: python, options: {virtualenv: ../.venv}}\n"
    )
    write_project(folder.permanent, "one", repository / "Pulumi.staging.yaml", source=below, keep=False)

    project = yaml.safe_load((folder.permanent / "Pulumi.yaml").read_text())
    assert project["main"] == str(below / "program.py")
    assert project["runtime"]["options"]["virtualenv"] == str(below / "../.venv")


@pytest.mark.parametrize("value", ["{secure: abc}", "[a, {secure: abc}]", "{a: {b: {secure: abc}}}"])
def test_config_that_only_the_real_backend_can_decrypt_is_named(folder: Folder, repository: Path, value: str):
    (repository / "Pulumi.staging.yaml").write_text(f"config:\n  fleet:token: {value}\n")
    with pytest.raises(FleetError, match=r"Pulumi\.staging\.yaml: fleet:token is encrypted"):
        write(folder, repository)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing"),
        (b"config: {", "is not valid YAML"),
        (b"config: \xff", "is not valid YAML: 'utf-8' codec can't decode byte 0xff"),
        (b"config: 2026-02-30", "is not valid YAML: day is out of range"),
        (b"- a list", "expected a mapping, found list"),
        (b"config: {a: [{on: b}]}", "the key True is not a string: put it in quotes"),
    ],
)
def test_a_stack_file_that_cannot_be_read_is_named_in_one_line(
    folder: Folder, repository: Path, content: bytes | None, message: str
):
    path = repository / "Pulumi.staging.yaml"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(FleetError) as refused:
        write(folder, repository)

    assert str(refused.value).startswith(str(path))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_in_the_place_of_a_stack_file_is_named(tmp_path: Path):
    with pytest.raises(FleetError) as refused:
        read_document(tmp_path)

    assert str(refused.value) == f"{tmp_path} cannot be read: Is a directory"


def environ(folder: Folder) -> dict[str, str]:
    state = folder.root / "state"
    state.mkdir(exist_ok=True)
    return {**environment(folder, account={}, backend=state.as_uri()), "PULUMI_CONFIG_PASSPHRASE": ""}


@pytest.mark.engine
def test_the_stack_is_made_in_the_sandboxs_state_and_production_files_stay(
    folder: Folder, repository: Path, pulumi: Pulumi
):
    before = {path.name: path.read_bytes() for path in repository.iterdir()}
    prepare_bin(folder, pulumi)
    write(folder, repository)
    init_stack(folder.project, pulumi, "staging", environ(folder), secrets_provider="passphrase")

    assert (folder.root / "state" / ".pulumi" / "stacks" / "fleet" / "staging.json").exists()
    assert {path.name: path.read_bytes() for path in repository.iterdir()} == before


@pytest.mark.engine
def test_a_stack_that_pulumi_refuses_is_told_in_pulumis_words(folder: Folder, repository: Path, pulumi: Pulumi):
    prepare_bin(folder, pulumi)
    write(folder, repository)
    with pytest.raises(FleetError, match=r"^pulumi stack init no/such/name: error: .*name") as refused:
        init_stack(folder.project, pulumi, "no/such/name", environ(folder), secrets_provider="passphrase")

    assert "\n" not in str(refused.value)
