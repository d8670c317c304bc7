"""Go tools, on a module of a few lines and the real Go."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from common.errors import FleetError
from tests.support.checkout import REPOSITORY
from tests.support.engine import eventually, executable, path_with
from tools.build import GoTool, cache, cache_folder, ensure, find
from tools.once import PARTIAL

if TYPE_CHECKING:
    from collections.abc import Callable

GO_MOD = (
    "module hello.test\n\ngo 1.21\n\nrequire greet.test/greet/v2 v2.1.0\n\nreplace greet.test/greet/v2 => ./greet\n"
)
HELLO = 'package main\n\nimport "fmt"\n\nvar version string\n\nfunc main() { fmt.Print("hello ", version) }\n'


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The tools' cache is the test's; Go's build cache stays, which saves compiling the standard library."""
    go_cache = subprocess.check_output(["go", "env", "GOCACHE"], text=True).strip()
    monkeypatch.setenv("GOCACHE", go_cache)
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def tool(tmp_path: Path) -> GoTool:
    """A command of the main module, with a script from a module that it requires."""
    folder = tmp_path / "hello"
    (folder / "greet" / "bin").mkdir(parents=True)
    (folder / "greet" / "go.mod").write_text("module greet.test/greet/v2\n\ngo 1.21\n")
    (folder / "greet" / "bin" / "greet.sh").write_text("#!/bin/sh\necho a greeting\n")
    (folder / "go.mod").write_text(GO_MOD)
    (folder / "main.go").write_text(HELLO)
    return GoTool(
        name="hello",
        folder=folder,
        package="hello.test",
        module="greet.test/greet/v2",
        minutes=0.1,
        why="these tests",
        ldflags="-s -w -X main.version={version}",
        files={"greet": ("greet.test/greet/v2", "bin/greet.sh")},
    )


@pytest.fixture
def ensure_elsewhere(tool: GoTool, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts another process, and its group, that ensures the tool; `arrange` changes its environment."""
    fields = {field.name: getattr(tool, field.name) for field in dataclasses.fields(tool)}
    script = tmp_path / "ensure.py"
    script.write_text(
        "import signal, sys\nfrom pathlib import Path, PosixPath\nfrom tools.build import GoTool, ensure\n"
        "for number in (signal.SIGTERM, signal.SIGHUP):\n    signal.signal(number, lambda *_: sys.exit(1))\n"
        f"print(ensure(GoTool(**{fields!r}), lambda line: print(line, flush=True)))\n"
    )

    def start(**arrange: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, script],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | arrange,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    return start


def blocking_go(tmp_path: Path) -> tuple[str, Path, Path]:
    """PATH with a go whose builds touch `begun` and wait for `go on`; each build adds a line to `begun`."""
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    executable(
        tmp_path / "bin" / "go",
        f'[ "$1" = build ] && echo build >> "{begun}" && while [ ! -e "{go_on}" ]; do sleep 0.05; done\n'
        f'exec {shutil.which("go")} "$@"',
    )
    return path_with(tmp_path / "bin"), begun, go_on


def entries() -> list[str]:
    return sorted(path.name for path in cache().iterdir() if path.name != "build.lock")


def test_a_tool_is_built_with_its_version_and_its_files_beside_it(tool: GoTool):
    said: list[str] = []
    path = ensure(tool, said.append)

    assert path == cache_folder(tool) / "hello"
    assert path.parent.name.startswith("hello-v2.1.0-")
    assert subprocess.check_output([path], text=True) == "hello v2.1.0"
    assert subprocess.check_output([path.parent / "greet"], text=True) == "a greeting\n"
    assert said == ["building hello v2.1.0, needed for these tests: about 0.1 min, once"]
    assert entries() == [path.parent.name]


def test_a_built_tool_is_found_without_a_word_or_a_build(tool: GoTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = ensure(tool, print)
    executable(tmp_path / "bin" / "go", f'[ "$1" = build ] && exit 1\nexec {shutil.which("go")} "$@"')
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    said: list[str] = []

    assert ensure(tool, said.append) == path
    assert said == []


def test_the_cache_is_the_users_and_the_same_for_every_clone(
    tool: GoTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clone = tmp_path / "another clone"
    shutil.copytree(tool.folder, clone)

    assert cache_folder(dataclasses.replace(tool, folder=clone)) == cache_folder(tool)
    assert cache() == tmp_path / "cache" / "infra-fleet" / "tools"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache() == tmp_path / ".cache" / "infra-fleet" / "tools"


def test_whatever_a_build_is_made_from_is_in_the_folders_name(
    tool: GoTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folders = {cache_folder(tool)}
    folders.add(cache_folder(dataclasses.replace(tool, tags=("netgo",))))
    folders.add(cache_folder(dataclasses.replace(tool, ldflags="-s")))
    folders.add(cache_folder(dataclasses.replace(tool, files={})))
    (tool.folder / "go.sum").write_text("greet.test/greet v1.0.0 h1:abc=\n")
    folders.add(cache_folder(tool))
    (tool.folder / "go.mod").write_text(GO_MOD + "\n// changed\n")
    folders.add(cache_folder(tool))
    executable(tmp_path / "bin" / "go", "echo go version go1.99 plan9/arm")
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    folders.add(cache_folder(tool))

    assert len(folders) == 7


def test_the_users_go_settings_do_not_change_the_build(tool: GoTool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOWORK", "/nowhere/go.work")

    assert subprocess.check_output([ensure(tool, print)], text=True) == "hello v2.1.0"


def test_two_processes_at_once_build_once_and_the_second_says_for_whom_it_waits(
    ensure_elsewhere: Callable[..., subprocess.Popen[str]], tmp_path: Path
):
    path, begun, go_on = blocking_go(tmp_path)
    first = ensure_elsewhere(PATH=path)
    eventually(begun.exists)
    second = ensure_elsewhere(PATH=path)
    assert second.stdout is not None
    waiting = second.stdout.readline()
    go_on.touch()
    outputs = [process.communicate()[0].splitlines()[-1] for process in (first, second)]

    assert waiting == (
        f"hello v2.1.0: waiting for process {first.pid}, which builds hello v2.1.0, one build runs at a time\n"
    )
    assert outputs[0] == outputs[1]
    assert begun.read_text() == "build\n"
    assert [first.returncode, second.returncode] == [0, 0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_after_a_killed_build_nothing_is_taken_for_finished_or_removed_under_one_that_lives(
    ensure_elsewhere: Callable[..., subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
):
    path, begun, go_on = blocking_go(tmp_path)
    killed = ensure_elsewhere(PATH=path)
    eventually(begun.exists)
    killed.send_signal(number)
    killed.communicate()
    left = entries()
    after = ensure_elsewhere(PATH=path)
    assert after.stdout is not None
    said = after.stdout.readline()
    meanwhile = entries()
    go_on.touch()
    built = after.communicate()[0].splitlines()[-1]

    assert killed.returncode != 0
    if number == signal.SIGKILL:  # go lives, and writes to its folder
        assert "waiting for process" in said
        assert any(PARTIAL in name for name in left)
        assert meanwhile == left
    else:
        assert left == []
    assert begun.read_text() == "build\n" * 2
    assert subprocess.check_output([built], text=True) == "hello v2.1.0"
    assert entries() == [Path(built).parent.name]


def test_an_interrupted_build_leaves_no_go_running(
    ensure_elsewhere: Callable[..., subprocess.Popen[str]], tmp_path: Path
):
    path, begun, _ = blocking_go(tmp_path)
    interrupted = ensure_elsewhere(PATH=path)
    eventually(begun.exists)
    interrupted.send_signal(signal.SIGTERM)
    interrupted.communicate()

    assert [
        one for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(one.info["cmdline"] or ())
    ] == []


def test_a_build_that_fails_tells_its_last_line_and_where_the_rest_is(tool: GoTool):
    (tool.folder / "main.go").write_text(HELLO.replace("version)", "version, missing)"))
    with pytest.raises(FleetError) as failed:
        ensure(tool, print)
    (log,) = cache().glob("*.log")

    assert str(failed.value) == (f"hello v2.1.0 cannot be built: ./main.go:7:44: undefined: missing (all of it: {log})")
    assert "undefined: missing" in log.read_text()
    assert not cache_folder(tool).exists()


def test_a_missing_go_is_named_with_what_needs_it(tool: GoTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FleetError) as refused:
        ensure(tool, print)

    assert str(refused.value) == (
        "hello v2.1.0 is needed for these tests: put Go on PATH to build it, or the tool itself"
    )


def test_a_go_that_is_too_old_says_which_one_is_needed(tool: GoTool):
    (tool.folder / "go.mod").write_text(GO_MOD.replace("go 1.21", "go 1.999"))
    with pytest.raises(FleetError, match=r"requires go >= 1\.999 \(running go 1\.\d+") as refused:
        ensure(tool, print)

    assert "\n" not in str(refused.value)


def test_a_tool_whose_module_is_not_required_is_named(tool: GoTool):
    with pytest.raises(FleetError, match=r"go\.mod requires no other\.test: add it by `go get -tool"):
        ensure(dataclasses.replace(tool, module="other.test"), print)


def test_a_cache_that_cannot_be_written_is_named(tool: GoTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    with pytest.raises(FleetError, match=r"tools cannot be written \(Not a directory\): set XDG_CACHE_HOME"):
        ensure(tool, print)


@pytest.fixture
def told(tool: GoTool) -> GoTool:
    """The tool, which tells its version."""
    return dataclasses.replace(tool, tell_version=("version",))


@pytest.mark.parametrize("line", ["v2.1.0", "2.1.0", "Version: 2.1.0", "hello/v2.1.0 linux"])
def test_a_tool_on_path_in_the_pinned_version_is_used(
    told: GoTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
):
    path = executable(tmp_path / "bin" / "hello", f'[ "$1" = version ] && echo "{line}" && echo more')
    monkeypatch.setenv("PATH", path_with(path.parent))
    said: list[str] = []

    assert find(told, said.append) == path
    assert said == [f"hello v2.1.0, from {path}"]


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("echo v2.1.1", "v2.1.1"),
        ("echo v2.1.0-rc.1", "v2.1.0-rc.1"),
        ("echo v12.1.0", "v12.1.0"),
        ("echo old; echo v2.1.0", "old"),
        ("exit 3", "nothing, exit code 3"),
    ],
)
def test_a_tool_on_path_in_another_version_is_passed_over_with_what_it_says(
    told: GoTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, line: str
):
    path = executable(tmp_path / "bin" / "hello", script)
    monkeypatch.setenv("PATH", path_with(path.parent))
    said: list[str] = []

    assert find(told, said.append) == cache_folder(told) / "hello"
    assert said[0] == f"{path} is not used: it says '{line}', pinned is v2.1.0"


def test_a_tool_that_tells_no_version_is_always_built(tool: GoTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", path_with(executable(tmp_path / "bin" / "hello", "echo v2.1.0").parent))

    assert find(tool, print) == cache_folder(tool) / "hello"
