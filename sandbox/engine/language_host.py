"""Pulumi's language host for Python: the engine starts it as `pulumi-language-python` and asks it to run the program.

It speaks pulumi/language.proto, whose classes the pulumi wheel ships. The first line on its stdout is its port; what
comes after on stdout and stderr the engine shows as it is, so the program just inherits both. The engine holds a pipe
to its stdin, whose end says that the engine is gone, and sends SIGINT when it needs the host no more (sources:
sdk/go/common/resource/plugin/plugin.go and langruntime_plugin.go of pulumi 3.274).
"""

# ruff: noqa: N802, ARG002 - the service names its methods and their parameters

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import language_pb2 as pb
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2

from sandbox.engine import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PATIENCE = 2.0
"""Seconds between SIGTERM and SIGKILL for a program; the engine gives the host itself 5."""

MESSAGE_BYTES = 400 * 1024 * 1024
"""gRPC's limit for one message, as in Pulumi's SDKs."""

PRINT_VERSION = "import platform; print(platform.python_version())"
PRINT_DISTRIBUTIONS = """
import importlib.metadata, json
print(json.dumps([[d.name, d.version, d.requires or []] for d in importlib.metadata.distributions()]))
"""


class HostError(Exception):
    """The program cannot be run: one line for the user."""


def python(info: pb.ProgramInfo) -> str:
    """The Python that runs the program: that of runtime.options.virtualenv, else the first `python3` on PATH.

    Raises HostError, which names what is missing and how to make it.
    """
    virtualenv = info.options.fields.get("virtualenv")
    if virtualenv is None:
        ambient = shutil.which("python3")
        if ambient is None:
            raise HostError("no python3 on PATH: install it, or name a virtualenv in runtime.options of Pulumi.yaml")
        return ambient
    folder = Path(info.root_directory, virtualenv.string_value)
    interpreter = folder / "bin" / "python"
    if not interpreter.exists():
        raise HostError(
            f"runtime.options.virtualenv of Pulumi.yaml: {folder} is not a virtual environment; "
            f"`make preview` makes the repository's, `python3 -m venv {folder}` an empty one"
        )
    return str(interpreter)


def direct(distributions: Sequence[tuple[str, str, Sequence[str]]], *, transitive: bool) -> Iterator[tuple[str, str]]:
    """The (name, version) of each (name, version, requirements), less what another one requires unless `transitive`."""
    required = {_normal(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for _, _, lines in distributions for line in lines}
    for name, version, _ in distributions:
        if transitive or _normal(name) not in required:
            yield name, version


def _normal(name: str) -> str:
    """A distribution's name in the form in which two spellings are equal (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def arguments(request: pb.RunRequest, engine: str) -> list[str]:
    """The executor's arguments for a run; `engine` is the address of the engine's own service."""
    named = {
        "project": request.project,
        "stack": request.stack,
        "pwd": request.pwd,
        "dry_run": "true" if request.dryRun else "false",
        "parallel": str(request.parallel),
        "monitor": request.monitor_address,
        "engine": engine,
        "organization": request.organization,
        "root_directory": request.info.root_directory,
    }
    entry = request.info.entry_point or "."
    return [*(f"--{name}={value}" for name, value in named.items()), "--", entry, *request.args]


def program_environment(request: pb.RunRequest, environ: Mapping[str, str]) -> dict[str, str]:
    """The host's environment and the stack's config, which is where the SDK reads it: secrets never are arguments.

    PYTHONPATH is the host's own way to its modules, not the program's.
    """
    return {name: value for name, value in environ.items() if name != "PYTHONPATH"} | {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def response(code: int) -> pb.RunResponse:
    """What the engine is told about a program that exited with `code`, negative when a signal ended it."""
    if code == 0:
        return pb.RunResponse()
    if code == program.SHOWN:
        return pb.RunResponse(bail=True)
    if code < 0:
        return pb.RunResponse(error=f"the program was ended by {signal.Signals(-code).name}")
    return pb.RunResponse(error=f"the program exited with code {code}")


@dataclass
class Programs:
    """The programs that run, each the leader of a process group of its own, so that no Ctrl-C reaches it directly."""

    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, executor: Sequence[str], environ: Mapping[str, str]) -> int:
        """Run the executor's command to its end, with the host's stdout and stderr; gives its exit code."""
        lifeline, held = os.pipe()
        try:
            process = self._start(executor, environ, lifeline)
            if process is None:
                return -signal.SIGTERM
            code = process.wait()
            _signal(process, signal.SIGKILL)  # what the program left behind holds our stdout, which the engine awaits
            self._running.discard(process)
            return code
        finally:
            os.close(lifeline)
            os.close(held)

    def _start(
        self, executor: Sequence[str], environ: Mapping[str, str], lifeline: int
    ) -> subprocess.Popen[bytes] | None:
        interpreter, *rest = executor
        with self._lock:
            if self._ended:
                return None
            process = subprocess.Popen(  # noqa: S603 the user's own program
                [interpreter, "-u", program.__file__, str(lifeline), *rest],
                env=environ,
                stdin=subprocess.DEVNULL,
                pass_fds=[lifeline],
                process_group=0,
            )
            self._running.add(process)
            return process

    def end(self) -> None:
        """End what runs, and start nothing more."""
        with self._lock:
            self._ended = True
        for process in tuple(self._running):
            _signal(process, signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the group that `process` leads, if anyone is left in it: of zombies alone, macOS says EPERM."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


@dataclass
class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Serves the engine at address `engine`; programs run under the script `executor`."""

    engine: str
    executor: Path
    programs: Programs = field(default_factory=Programs)

    def Handshake(self, request: pb.LanguageHandshakeRequest, context: grpc.ServicerContext):
        """An engine that attaches says where it listens."""
        self.engine = request.engine_address
        return pb.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext):
        """No version: the host goes with whatever engine started it."""
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(self, request: pb.GetRequiredPackagesRequest, context: grpc.ServicerContext):
        """None: the engine would download them before it knows whether the program uses them."""
        return pb.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: pb.GetRequiredPluginsRequest, context: grpc.ServicerContext):
        """None, as above, for older engines."""
        return pb.GetRequiredPluginsResponse()

    def RuntimeOptionsPrompts(self, request: pb.RuntimeOptionsRequest, context: grpc.ServicerContext):
        """Nothing to ask in `pulumi new`."""
        return pb.RuntimeOptionsResponse()

    def Cancel(self, request: Empty, context: grpc.ServicerContext):
        """Advice, given at the end of each command too: the program ends by itself, or with the host."""
        return Empty()

    def About(self, request: pb.AboutRequest, context: grpc.ServicerContext):
        """The program's Python."""
        executable = self._python(request.info, context)
        return pb.AboutResponse(executable=executable, version=_output(executable, PRINT_VERSION).strip())

    def GetProgramDependencies(self, request: pb.GetProgramDependenciesRequest, context: grpc.ServicerContext):
        """The distributions in the program's environment; those that no other one asks for, unless all are wanted."""
        executable = self._python(request.info, context)
        found = json.loads(_output(executable, PRINT_DISTRIBUTIONS))
        return pb.GetProgramDependenciesResponse(
            dependencies=[
                pb.DependencyInfo(name=name, version=version)
                for name, version in direct(found, transitive=request.transitiveDependencies)
            ]
        )

    def InstallDependencies(
        self, request: pb.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.InstallDependenciesResponse]:
        """Refused: the environment is made from hashed pins, and not by the engine."""
        context.abort(
            grpc.StatusCode.FAILED_PRECONDITION,
            "this language host installs nothing: `make preview` makes the virtual environment of the repository",
        )

    def Run(self, request: pb.RunRequest, context: grpc.ServicerContext):
        """Run the program to its end."""
        executor = [self._python(request.info, context), str(self.executor), *arguments(request, self.engine)]
        return response(self.programs.run(executor, program_environment(request, os.environ)))

    def _python(self, info: pb.ProgramInfo, context: grpc.ServicerContext) -> str:
        try:
            return python(info)
        except HostError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def _output(interpreter: str, code: str) -> str:
    return subprocess.check_output([interpreter, "-c", code], text=True)  # noqa: S603 the program's own Python


def serve(host: LanguageHost) -> tuple[grpc.Server, int]:
    """Serve `host` on loopback; gives the server and its port."""
    limits = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(), options=limits)  # pyright: ignore[reportUnknownMemberType] grpc-stubs
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _await(wanted: int) -> None:
    """Wait for a byte from `wanted`, or the end of stdin."""
    while True:
        ready, _, _ = select.select([wanted, 0], [], [])
        if wanted in ready or not os.read(0, 1024):
            return


def main(argv: Sequence[str]) -> None:
    """Serve until the engine says it is enough (SIGINT), is gone (stdin ends), or someone ends us (SIGTERM)."""
    parser = argparse.ArgumentParser(prog="pulumi-language-python")
    parser.add_argument("--executor", type=Path, required=True)
    parser.add_argument("--tracing")  # the engine's own flags come first, then its address
    parser.add_argument("--logtostderr", action="store_true")
    parser.add_argument("-v")
    parser.add_argument("engine")
    options = parser.parse_args(argv)

    wanted, enough = os.pipe()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: os.write(enough, b"."))

    host = LanguageHost(engine=options.engine, executor=options.executor)
    server, port = serve(host)
    print(port, flush=True)  # noqa: T201 the protocol
    _await(wanted)
    host.programs.end()
    server.stop(grace=PATIENCE).wait()


if __name__ == "__main__":
    main(sys.argv[1:])
