"""Which pulumi is used, and what is put where for it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from sandbox.engine import pulumi as engine
from sandbox.engine.provider_plugin import install_plugin
from sandbox.engine.pulumi import Pulumi, find, fits, prepare_bin
from sandbox.folder import Folder
from tests.support.checkout import REPOSITORY
from tests.support.engine import Project, executable, path_with
from tools.catalogue import PULUMI

if TYPE_CHECKING:
    from pathlib import Path

BUILT = Pulumi(PULUMI.folder / "built", PULUMI.version)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "sandbox")


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first on PATH, before a machine without any pulumi."""
    monkeypatch.delenv(engine.ENGINE_VARIABLE, raising=False)
    monkeypatch.setattr(engine, "ensure", Mock(return_value=BUILT.path))
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_without_a_pulumi_on_path_the_built_one_is_used(folder: Folder, on_path: Path):
    said: list[str] = []

    assert find(folder, said.append) == BUILT
    assert said == [f"pulumi {PULUMI.version}, built from tools/pulumi"]


@pytest.mark.parametrize("version", ["v3.274.1", "v3.274.0", "v3.275.0", "v3.1000.3-alpha.1"])
def test_a_compatible_pulumi_on_path_is_used_with_its_own_host(folder: Folder, on_path: Path, version: str):
    path = executable(on_path / "pulumi", f"echo {version}")
    host = executable(on_path / "pulumi-language-python", "")
    said: list[str] = []

    assert find(folder, said.append) == Pulumi(path, version, host)
    assert said == [f"pulumi {version}, from {on_path}"]


def test_a_host_where_the_links_of_pulumi_lead_is_its_own(folder: Folder, on_path: Path, tmp_path: Path):
    executable(tmp_path / "opt" / "pulumi", "echo v3.280.0")
    host = executable(tmp_path / "opt" / "pulumi-language-python", "")
    (on_path / "pulumi").symlink_to(tmp_path / "opt" / "pulumi")

    assert find(folder, print) == Pulumi(on_path / "pulumi", "v3.280.0", host)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo v3.273.9", "is v3.273.9, tested is v3.274.1"),
        ("echo v4.0.0", "is v4.0.0, tested is v3.274.1"),
        ("echo v2.300.0", "is v2.300.0, tested is v3.274.1"),
        ("echo 'warning: nothing configured'", "does not say its version, `pulumi version` exits with 0"),
        ("exit 3", "does not say its version, `pulumi version` exits with 3"),
        ("echo v3.280.0", "is v3.280.0, but has no pulumi-language-python next to it or on PATH"),
    ],
)
def test_a_pulumi_that_does_not_fit_is_passed_over_with_the_reason(
    folder: Folder, on_path: Path, script: str, reason: str
):
    executable(on_path / "pulumi", script)
    said: list[str] = []

    assert find(folder, said.append) == BUILT
    assert said[0] == f"{on_path / 'pulumi'} is not used: it {reason}"


def test_a_pulumi_that_does_not_start_is_passed_over(folder: Folder, on_path: Path):
    executable(on_path / "pulumi", "").write_text("#!/missing/interpreter\n")
    said: list[str] = []

    assert find(folder, said.append) == BUILT
    assert said[0].endswith("it does not start: No such file or directory")


def test_the_users_pulumi_can_be_passed_over_on_purpose(folder: Folder, on_path: Path, monkeypatch: pytest.MonkeyPatch):
    executable(on_path / "pulumi", "echo v3.280.0")
    executable(on_path / "pulumi-language-python", "")
    monkeypatch.setenv(engine.ENGINE_VARIABLE, "built")

    assert find(folder, print) == BUILT


def test_the_sandboxs_own_link_is_not_taken_for_the_users(
    folder: Folder, on_path: Path, monkeypatch: pytest.MonkeyPatch
):
    executable(folder.bin / "pulumi", "echo v3.280.0")
    executable(on_path / "pulumi-language-python", "")
    monkeypatch.setenv("PATH", f"{folder.bin}:{on_path}:/usr/bin:/bin")

    assert find(folder, print) == BUILT


def test_asking_for_the_version_leaves_the_users_pulumi_home_alone(folder: Folder, on_path: Path):
    executable(on_path / "pulumi", "echo v3.280.0; echo $PULUMI_HOME $PULUMI_SKIP_UPDATE_CHECK > ${0%/*}/seen")
    find(folder, print)

    assert (on_path / "seen").read_text() == f"{folder.pulumi_home} true\n"


def test_the_same_major_and_no_older_minor_fit():
    assert fits("3.274.0", "v3.274.1")
    assert not fits("v3.99.0", "v3.274.1")
    assert not fits("v4.300.0", "v3.274.1")


def test_another_engine_takes_the_place_of_the_one_before(folder: Folder, tmp_path: Path):
    host = folder.pulumi_home / "plugins" / "language-python-v1.0.0" / "pulumi-language-python"
    own = executable(tmp_path / "it's a host", 'printf "<%s>" "$@"')
    prepare_bin(folder, BUILT)
    ours = host.read_text()
    prepare_bin(folder, Pulumi(tmp_path / "pulumi", "v3.280.0", own))

    assert "sandbox.engine.language_host" in ours
    assert (folder.bin / "pulumi").readlink() == tmp_path / "pulumi"
    assert subprocess.check_output([host, "a b", "$c"], text=True) == "<a b><$c>"
    assert [path.name for path in folder.bin.iterdir()] == ["pulumi"]


def test_the_provider_is_the_plugin_of_the_installed_pulumi_aws(folder: Folder):
    install_plugin(folder)
    pinned = re.search(r'"pulumi-aws==(\S+)"', (REPOSITORY / "pyproject.toml").read_text())
    assert pinned is not None
    path = folder.pulumi_home / "plugins" / f"resource-aws-v{pinned[1]}" / "pulumi-resource-aws"

    assert path.stat().st_mode & 0o111
    assert "-m sandbox.provider" in path.read_text()


def test_the_pinned_version_is_the_same_in_go_mod_and_mise():
    mise = (REPOSITORY / "mise.toml").read_text()
    go_mod = (PULUMI.folder / "go.mod").read_text()
    go = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    assert go is not None

    assert f'pulumi = "{PULUMI.version.removeprefix("v")}"' in mise
    assert f'go = "{go[1]}"' in mise


@pytest.mark.engine
def test_the_built_engine_knows_its_version(pulumi: Pulumi):
    assert subprocess.check_output([pulumi.path, "version"], text=True).strip() == PULUMI.version


@pytest.mark.engine
def test_a_plugin_on_the_users_path_does_not_go_before_the_sandboxs(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("pulumi-language-python", "pulumi-resource-aws"):
        executable(tmp_path / "user" / name, f"touch {tmp_path}/taken; exit 1")
    monkeypatch.setenv("PATH", path_with(tmp_path / "user"))
    project.write("print('it runs')")
    done = project.run("preview", "--stack", "test")

    assert shutil.which("pulumi-resource-aws") is not None
    assert done.returncode == 0
    assert "it runs" in done.stdout
    assert "warning" not in done.stdout
    assert not (tmp_path / "taken").exists()
