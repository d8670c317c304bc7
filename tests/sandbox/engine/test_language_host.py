"""The language host by itself: over gRPC, as the engine speaks to it, and its pure parts."""

# The wheel's generated stub is typed for grpc.aio as well, which grpc-stubs does not know.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import language_pb2 as pb
from pulumi.runtime.proto import language_pb2_grpc

from sandbox.engine.language_host import LanguageHost, arguments, direct, program_environment, response, serve
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def host(tmp_path: Path) -> LanguageHost:
    """A host whose executor is a script that the test writes."""
    return LanguageHost(engine="127.0.0.1:1", executor=tmp_path / "executor")


@pytest.fixture
def stub(host: LanguageHost) -> Iterator[language_pb2_grpc.LanguageRuntimeStub]:
    server, port = serve(host)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)
    server.stop(grace=None)


def info(root: Path, **options: str) -> pb.ProgramInfo:
    struct = Struct()
    struct.update(options)
    return pb.ProgramInfo(root_directory=str(root), program_directory=str(root), entry_point=".", options=struct)


def test_the_engine_is_told_of_no_package_to_download(stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path):
    program = info(tmp_path)

    assert not stub.GetRequiredPackages(pb.GetRequiredPackagesRequest(info=program)).packages
    assert not stub.GetRequiredPlugins(pb.GetRequiredPluginsRequest(info=program)).plugins
    assert not stub.RuntimeOptionsPrompts(pb.RuntimeOptionsRequest(info=program)).prompts
    assert not stub.GetPluginInfo(Empty()).version


def test_about_names_the_python_of_the_virtual_environment_relative_to_the_project(
    stub: language_pb2_grpc.LanguageRuntimeStub,
):
    prefix = Path(sys.prefix)
    about = stub.About(pb.AboutRequest(info=info(prefix.parent, virtualenv=prefix.name)))

    assert about.executable == str(prefix / "bin" / "python")
    assert about.version.split(".")[:2] == [str(part) for part in sys.version_info[:2]]


def test_without_a_virtual_environment_the_first_python_on_path_is_taken(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert stub.About(pb.AboutRequest(info=info(tmp_path))).executable == str(tmp_path / "python3")


def test_a_missing_python_is_refused_in_one_line(
    stub: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(grpc.RpcError) as refused:
        stub.Run(pb.RunRequest(info=info(tmp_path)))

    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert str(refused.value.details()).startswith("no python3 on PATH: ")


def test_the_programs_dependencies_are_listed_from_its_own_environment(
    stub: language_pb2_grpc.LanguageRuntimeStub,
):
    program = info(REPOSITORY, virtualenv=sys.prefix)
    every = stub.GetProgramDependencies(pb.GetProgramDependenciesRequest(info=program, transitiveDependencies=True))
    own = stub.GetProgramDependencies(pb.GetProgramDependenciesRequest(info=program))
    names = {dependency.name for dependency in every.dependencies}

    assert {"pulumi_aws", "grpcio"} <= names
    assert {dependency.name for dependency in own.dependencies} < names


def test_a_distribution_is_direct_unless_another_one_requires_it_however_it_is_spelt():
    found = [("Pulumi_AWS", "7", ["pulumi>=3", "typing.extensions ; python_version < '3.12'"])]
    found += [("pulumi", "3", list[str]()), ("typing-extensions", "4", list[str]())]

    assert list(direct(found, transitive=False)) == [("Pulumi_AWS", "7")]
    assert len(list(direct(found, transitive=True))) == 3


def test_installing_is_refused_with_the_command_that_does_it(stub: language_pb2_grpc.LanguageRuntimeStub):
    with pytest.raises(grpc.RpcError) as refused:
        list(stub.InstallDependencies(pb.InstallDependenciesRequest(info=info(REPOSITORY))))

    assert "make preview" in str(refused.value.details())


def test_a_run_hands_the_request_to_the_executor(
    stub: language_pb2_grpc.LanguageRuntimeStub, host: LanguageHost, tmp_path: Path
):
    host.executor.write_text(f"""
import json, os, sys
seen = {{"arguments": sys.argv[1:], "config": os.environ["PULUMI_CONFIG"], "path": sys.path[0]}}
open("{tmp_path}/seen", "w").write(json.dumps(seen))
""")
    stub.Handshake(pb.LanguageHandshakeRequest(engine_address="127.0.0.1:2"))
    answer = stub.Run(
        pb.RunRequest(
            info=info(tmp_path, virtualenv=sys.prefix),
            project="infra-fleet",
            stack="staging",
            pwd=str(tmp_path),
            dryRun=True,
            parallel=8,
            monitor_address="127.0.0.1:3",
            organization="organization",
            config={"infra-fleet:region": "eu-west-2"},
            args=["--dry_run=false", "last"],
        )
    )
    seen = json.loads((tmp_path / "seen").read_text())

    assert (answer.error, answer.bail) == ("", False)
    assert seen["config"] == '{"infra-fleet:region": "eu-west-2"}'
    assert seen["path"] == str(tmp_path)
    assert seen["arguments"] == [
        "--project=infra-fleet",
        "--stack=staging",
        f"--pwd={tmp_path}",
        "--dry_run=true",
        "--parallel=8",
        "--monitor=127.0.0.1:3",
        "--engine=127.0.0.1:2",
        "--organization=organization",
        f"--root_directory={tmp_path}",
        "--",
        ".",
        "--dry_run=false",
        "last",
    ]


def test_a_group_of_which_macos_leaves_only_zombies_needs_no_signal(
    stub: language_pb2_grpc.LanguageRuntimeStub, host: LanguageHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    host.executor.write_text("")
    monkeypatch.setattr(os, "killpg", Mock(side_effect=PermissionError))

    assert not stub.Run(pb.RunRequest(info=info(tmp_path, virtualenv=sys.prefix))).error


def test_secrets_go_into_the_environment_and_the_hosts_python_path_does_not():
    request = pb.RunRequest(config={"a:key": "hunter2"}, configSecretKeys=["a:key"])
    environ = program_environment(request, {"PATH": "/bin", "PYTHONPATH": "/host"})

    assert environ == {
        "PATH": "/bin",
        "PULUMI_CONFIG": '{"a:key": "hunter2"}',
        "PULUMI_CONFIG_SECRET_KEYS": '["a:key"]',
    }
    assert not any("hunter2" in argument for argument in arguments(request, "engine"))


@pytest.mark.parametrize(
    ("code", "error", "bail"),
    [
        (0, "", False),
        (32, "", True),
        (1, "the program exited with code 1", False),
        (-signal.SIGSEGV, "the program was ended by SIGSEGV", False),
    ],
)
def test_exit_codes_become_what_the_engine_understands(code: int, error: str, *, bail: bool):
    answer = response(code)

    assert (answer.error, answer.bail) == (error, bail)


@pytest.mark.parametrize("end", ["stdin", "SIGINT", "SIGTERM"])
def test_the_host_ends_quietly_when_the_engine_says_so_or_is_gone(end: str, tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.engine.language_host", "--executor", tmp_path, "-v=9", "127.0.0.1:1"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert 0 < int(process.stdout.readline()) < 65536
    if end != "stdin":
        process.send_signal(signal.Signals[end])
        assert process.wait() == 0
    rest, errors = process.communicate()

    assert (process.returncode, rest, errors) == (0, b"", b"")


def test_a_killed_host_takes_the_program_with_it(tmp_path: Path):
    executor = tmp_path / "executor"
    executor.write_text(f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("{tmp_path}/fifo", "w").write("up")  # a reader sees the end of the fifo when nobody holds it open any more
held = open("{tmp_path}/fifo", "w")
time.sleep(600)
""")
    subprocess.run(["mkfifo", tmp_path / "fifo"], check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.engine.language_host", "--executor", executor, "127.0.0.1:1"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        run = language_pb2_grpc.LanguageRuntimeStub(channel).Run.future(
            pb.RunRequest(info=info(tmp_path, virtualenv=sys.prefix))
        )
        with (tmp_path / "fifo").open() as fifo:
            assert fifo.read(2) == "up"
            process.kill()
            assert fifo.read() == ""
        assert run.exception() is not None
    process.wait()
