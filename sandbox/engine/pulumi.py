"""The pulumi that the sandbox runs: the user's, where it is as new as the tested one, else a built one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox import files
from sandbox.folder import CODE, Folder
from tools.build import Say, cache_folder, ensure
from tools.catalogue import PULUMI, PULUMI_EXECUTOR

ENGINE_VARIABLE = "INFRA_FLEET_ENGINE"
"""Set to "built", it makes the sandbox pass over a pulumi on PATH."""

_HOST = "pulumi-language-python"


@dataclass(frozen=True)
class Pulumi:
    """A pulumi and the language host that goes with it."""

    path: Path
    version: str
    """Such as v3.274.1."""
    host: Path | None = None
    """Its own language host for Python; a built one has none and takes ours."""


def find(folder: Folder, say: Say) -> Pulumi:
    """The pulumi on PATH if it fits, else the built one, which is built first if it has to be; says which.

    It fits with the tested major version, a minor version not below the tested one, and a language host of its own.
    Raises FleetError when it has to be built and cannot be.
    """
    found = None if os.environ.get(ENGINE_VARIABLE) == "built" else _on_path(folder, say)
    if found is None:
        path = ensure(PULUMI, say)
        found = Pulumi(path, PULUMI.version)
        say(f"pulumi {found.version}, built from tools/pulumi")
    else:
        say(f"pulumi {found.version}, from {found.path.parent}")
    return found


def is_there(folder: Folder) -> bool:
    """Whether `find` would find one without building it. Raises FleetError when Go is missing or too old."""
    is_built = os.environ.get(ENGINE_VARIABLE) == "built"
    return (not is_built and _on_path(folder, lambda _line: None) is not None) or cache_folder(PULUMI).exists()


def prepare_bin(folder: Folder, pulumi: Pulumi) -> None:
    """Make `pulumi` the one of the sandbox's bin folder, and give it its language host.

    The host lies in PULUMI_HOME, as a plugin would: on PATH or next to a link the engine warns of it (sources:
    getPluginInfoAndPath in sdk/go/common/workspace/plugins.go). An engine with a host next to it takes that one first.
    """
    folder.bin.mkdir(parents=True, exist_ok=True)
    link = folder.bin / "pulumi"
    if not link.is_symlink() or link.readlink() != pulumi.path:
        partial = folder.bin / f".pulumi.{os.getpid()}"
        partial.symlink_to(pulumi.path)
        partial.replace(link)

    if pulumi.host is None:
        executor = pulumi.path.parent / PULUMI_EXECUTOR
        # It is ended by SIGINT: one that comes before it has set its handler is ignored, not shown as a traceback.
        command = "trap '' INT\n" + module_command("sandbox.engine.language_host", "--executor", str(executor))
    else:
        command = shlex.join(["exec", str(pulumi.host)])
    files.write(folder.pulumi_home / "plugins" / "language-python-v1.0.0" / _HOST, script(command), executable=True)


def script(command: str) -> str:
    """A shell script that becomes `command`, with its own arguments after it."""
    return f'#!/bin/sh\n{command} "$@"\n'


def module_command(module: str, *arguments: str) -> str:
    """The shell command that becomes a module of this clone, in this Python."""
    python = shlex.join([sys.executable, "-m", module, *arguments])
    return f"PYTHONPATH={shlex.quote(str(CODE))} exec {python}"


class _UnfitError(Exception):
    """Why a pulumi on PATH is not used: what follows "it"."""


def _on_path(folder: Folder, say: Say) -> Pulumi | None:
    """The first pulumi on PATH, the sandbox's own link aside, if it fits; says why one does not."""
    entries = os.get_exec_path()
    path = shutil.which("pulumi", path=os.pathsep.join(entry for entry in entries if Path(entry) != folder.bin))
    if path is None:
        return None
    try:
        return _fitting(Path(path), folder)
    except _UnfitError as reason:
        say(f"{path} is not used: it {reason}")
        return None


def _fitting(path: Path, folder: Folder) -> Pulumi:
    version = _version(path, folder)
    if not fits(version, PULUMI.version):
        raise _UnfitError(f"is {version}, tested is {PULUMI.version}")
    host = _own_host(path)
    if host is None:
        raise _UnfitError(f"is {version}, but has no {_HOST} next to it or on PATH")
    return Pulumi(path, version, host)


def fits(version: str, tested: str) -> bool:
    """Whether a version such as v3.280.0 has the tested major version and not an older minor version."""
    (major, minor), (tested_major, tested_minor) = _numbers(version), _numbers(tested)
    return major == tested_major and minor >= tested_minor


def _numbers(version: str) -> tuple[int, int]:
    major, minor = version.removeprefix("v").split(".")[:2]
    return int(major), int(minor)


def _version(path: Path, folder: Folder) -> str:
    """What `pulumi version` says. It leaves the user's Pulumi home alone."""
    environ = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_HOME": str(folder.pulumi_home)}
    try:
        done = subprocess.run(  # noqa: S603 the user's own pulumi
            [path, "version"], env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise _UnfitError(f"does not start: {error.strerror}") from None
    version = done.stdout.strip()
    if done.returncode != 0 or not re.fullmatch(r"v?\d+\.\d+\.\d+\S*", version):
        raise _UnfitError(f"does not say its version, `pulumi version` exits with {done.returncode}")
    return version


def _own_host(pulumi: Path) -> Path | None:
    """The language host next to a pulumi, or where its links lead, or on PATH."""
    for folder in (pulumi.parent, pulumi.resolve().parent):
        host = folder / _HOST
        if os.access(host, os.X_OK):
            return host
    on_path = shutil.which(_HOST)
    return Path(on_path) if on_path else None
