"""An application's image without a container engine: what its Dockerfile says, installed and started here."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 300
"""Seconds that a command of the Dockerfile may take: a hang is a failure."""

_STANDARD_LIBRARY_LESS = ("site-packages", "test", "idlelib", "__pycache__", "config-*")


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile of stages, as far as those of applications/ are written."""

    path: Path

    @cached_property
    def stages(self) -> list[list[tuple[str, str]]]:
        """The instructions of each stage, with their arguments."""
        lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", self.path.read_text(), flags=re.MULTILINE)).splitlines()
        stages: list[list[tuple[str, str]]] = []
        for instruction, _, arguments in (line.partition(" ") for line in lines if line.strip()):
            if instruction == "FROM":
                stages.append([])
            stages[-1].append((instruction, arguments.strip()))
        return stages

    def all(self, instruction: str, stage: int = -1) -> list[str]:
        """The arguments of each such instruction of a stage."""
        return [arguments for name, arguments in self.stages[stage] if name == instruction]

    def one(self, instruction: str) -> str:
        """Those of the only one in the last stage."""
        (found,) = self.all(instruction)
        return found

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the last stage, as they are written."""
        return dict(part.split("=", 1) for line in self.all("ENV") for part in shlex.split(line))

    @property
    def context(self) -> list[str]:
        """The files that a build gets: what .dockerignore takes away from the folder, and gives back."""
        rules = [line for line in (self.path.parent / ".dockerignore").read_text().splitlines() if line[:1] not in "#"]
        folder = self.path.parent
        names = (str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
        return sorted(name for name in names if not _ignored(name, rules))


def _ignored(name: str, rules: Sequence[str]) -> bool:
    """Whether the last rule that fits a file, or a folder around it, takes it away.

    Source: Docker docs, "Build context", .dockerignore files.
    """
    path = Path(name)
    around = [name, *(str(parent) for parent in path.parents)]
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        patterns = (pattern, pattern.removeprefix("**/"), pattern.replace("**/", "*/"))
        if any(fnmatch.fnmatchcase(each, one) for each in around for one in patterns):
            ignored = not rule.startswith("!")
    return ignored


class Installed:
    """The image's file system below a folder that an unprivileged user can read and nobody writes to."""

    def __init__(self, dockerfile: Dockerfile, root: Path) -> None:
        self.root = root
        self._dockerfile = dockerfile
        self._python = _python(root / "python")
        self._build()
        for path in [root, *root.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222 | (0o555 if path.is_dir() else 0o444))

    def _build(self) -> None:
        """The first stage, with its paths below the folder."""
        folder = Path("/")
        for instruction, arguments in self._dockerfile.stages[0]:
            if instruction == "WORKDIR":
                folder = Path(arguments)
                self._here(folder).mkdir(parents=True)
            elif instruction == "COPY":
                source, target = arguments.split()
                for name in self._dockerfile.context:
                    if Path(name).is_relative_to(source):
                        inside = Path(name).relative_to(source) if name != source else Path(name).name
                        copy = self._here(folder) / target / inside
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(self._dockerfile.path.parent / name, copy)
            elif instruction == "RUN":
                self._shell(arguments, self._here(folder))

    def _shell(self, command: str, folder: Path) -> None:
        variables = {"PATH": f"{self._python.parent}:{os.environ['PATH']}"}
        command = re.sub(r"(?<!\S)/app\b", str(self.root / "app"), command)
        done = subprocess.run(
            ["sh", "-ec", command], cwd=folder, env=variables, capture_output=True, text=True, timeout=LONGEST
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def _here(self, path: Path) -> Path:
        return self.root / path.relative_to("/")

    @property
    def user(self) -> tuple[int, int] | None:
        """The user it runs as: the image's, where a test may become another one."""
        if os.geteuid() != 0:
            return None
        user, group = self._dockerfile.one("USER").split(":")
        return int(user), int(group)

    def popen(self, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[str]:
        """Start a command as a container of the image would, with more environment."""
        variables = {**self._dockerfile.environment, **environment}
        own = variables["PATH"].replace("/app", str(self.root / "app"))
        variables["PATH"] = own.replace("${PATH}", "/usr/bin:/bin")
        # A Python that is built with a library of its own knows it by the path that is closed to others.
        variables["LD_LIBRARY_PATH"] = str(self._python.parent.parent / "lib")
        uid, gid = self.user or (None, None)
        return subprocess.Popen(
            command,
            executable=shutil.which(command[0], path=variables["PATH"]),
            cwd=self._here(Path(self._dockerfile.one("WORKDIR"))),
            env=variables,
            user=uid,
            group=gid,
            extra_groups=[] if uid is not None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _python(folder: Path) -> Path:
    """A Python without any package, in a folder that everybody may read: the one of the tests may be a person's own."""
    library = sysconfig.get_path("stdlib")
    base = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "bin").mkdir(parents=True)
    shutil.copy2(base / "bin" / name, folder / "bin" / name)
    (folder / "bin" / "python").symlink_to(name)
    ignore = shutil.ignore_patterns(*_STANDARD_LIBRARY_LESS)
    shutil.copytree(library, folder / "lib" / name, ignore=ignore, symlinks=True)
    for shared in (base / "lib").glob("libpython3*.so*"):
        shutil.copy2(shared, folder / "lib" / shared.name)
    return folder / "bin" / "python"
