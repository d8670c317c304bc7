"""The built engine for tests, and small projects for it, each in a sandbox folder of its own.

Every session loads these fixtures, and those that want an engine load the sandbox.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.engine.pulumi import Pulumi
    from sandbox.folder import Folder

STACK = "test"


@pytest.fixture(scope="session")
def pulumi() -> Pulumi:
    """The built engine, which takes our language host; the first run on a machine builds it."""
    from sandbox.engine.pulumi import Pulumi
    from tools.build import ensure
    from tools.catalogue import PULUMI

    return Pulumi(ensure(PULUMI, print), PULUMI.version)


@pytest.fixture
def project(tmp_path: Path, pulumi: Pulumi) -> Project:
    """An empty project with a stack."""
    from sandbox.engine.pulumi import prepare_bin
    from sandbox.folder import Folder

    made = Project(Folder(tmp_path / "sandbox"))
    prepare_bin(made.folder, pulumi)
    made.state.mkdir(parents=True)
    made.write("")
    assert made.run("stack", "init", STACK).returncode == 0
    return made


@dataclass(frozen=True)
class Project:
    """A project of one program, `test`, with the stack STACK."""

    folder: Folder

    def write(self, program: str, *, virtualenv: Path | None = None) -> None:
        """Set the program, and the virtual environment that it runs in (this one by default)."""
        options = {"virtualenv": str(virtualenv or sys.prefix)}
        settings = {"name": "test", "runtime": {"name": "python", "options": options}}
        self.folder.project.mkdir(parents=True, exist_ok=True)
        (self.folder.project / "Pulumi.yaml").write_text(yaml.safe_dump(settings))
        (self.folder.project / "__main__.py").write_text(textwrap.dedent(program))

    @property
    def environ(self) -> dict[str, str]:
        """Of the engine, with no account."""
        from sandbox.engine.environment import environment

        backend = environment(self.folder, account={}, backend=self.state.as_uri())
        return {**backend, "PULUMI_CONFIG_PASSPHRASE": ""}

    @property
    def state(self) -> Path:
        """The backend, a folder."""
        return self.folder.root / "state"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a pulumi command to its end; stdout and stderr come together in stdout."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder.project,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a pulumi command, as the leader of a process group; its output goes to the file `output`."""
        with self.output.open("w") as output:
            return subprocess.Popen(
                [self.folder.bin / "pulumi", *arguments, "--non-interactive"],
                cwd=self.folder.project,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    @property
    def output(self) -> Path:
        """What the started command printed so far."""
        return self.folder.project / "output"

    @property
    def checkpoint(self) -> dict[str, Any]:
        """The stack's deployment in the state."""
        path = self.state / ".pulumi" / "stacks" / "test" / f"{STACK}.json"
        return json.loads(path.read_text())["checkpoint"]["latest"] or {}

    @property
    def resources(self) -> list[str]:
        """The names of the resources in the state."""
        return [resource["urn"].rpartition("::")[2] for resource in self.checkpoint.get("resources", [])]

    @property
    def locks(self) -> list[Path]:
        """The locks on the stack."""
        return [path for path in (self.state / ".pulumi" / "locks").rglob("*.json") if path.is_file()]

    def running(self) -> list[str]:
        """The command lines of all processes, wherever they hang, that were started for this sandbox folder."""
        from sandbox.folder import FOLDER_VARIABLE

        found: list[str] = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(FOLDER_VARIABLE) == str(self.folder.root):
                    found.append(" ".join(process.cmdline()))
            except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
                continue
        return found


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for a condition that comes true in its own time; a minute without it is a failure."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def executable(path: Path, script: str) -> Path:
    """A shell script at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script + "\n")
    path.chmod(0o755)
    return path


def path_with(*folders: Path) -> str:
    """PATH with folders before the machine's."""
    return os.pathsep.join([*map(str, folders), os.environ["PATH"]])
