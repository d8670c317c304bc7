"""The `pulumi` on PATH, in a project's folder, on the backend that the environment names."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING, cast

import yaml

from infra.commands.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NO_STACK = 6
"""Exit code of pulumi for a stack that is not in the backend (cmd/exit_codes.go of 3.274)."""

BACKEND_VARIABLE = "PULUMI_BACKEND_URL"


def project_name(folder: Path) -> str:
    """The name in a project's Pulumi.yaml.

    Raises:
        CommandError: the file cannot be read, or has no name.
    """
    path = folder / "Pulumi.yaml"
    try:
        document: object = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}): name the project's folder with -C") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    name = cast("dict[object, object]", document).get("name") if isinstance(document, dict) else None
    if not isinstance(name, str):
        raise CommandError(f"{path} does not name a project: `name:` is {name!r}")
    return name


def backend() -> str:
    """Where the state lies, as `pulumi login` takes it. Raises CommandError: the environment does not say."""
    url = os.environ.get(BACKEND_VARIABLE)
    if not url:
        raise CommandError(
            f"{BACKEND_VARIABLE} is not set: set it to where the state lies, "
            "such as s3://infra-fleet-state-<account>-<region>?region=<region>"
        )
    return url


def run(folder: Path, *arguments: str, tell: Callable[[str], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; gives its exit code, stdout and stderr. `tell` gets each line of stderr as it comes.

    Raises:
        CommandError: there is no pulumi.
    """
    command = ["pulumi", "--non-interactive", *arguments]
    said: list[str] = []
    try:
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out,
            subprocess.Popen(  # noqa: S603 our own arguments
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            ) as process,
        ):
            for line in process.stderr or ():
                said.append(line)
                if tell:
                    tell(line.rstrip())
            code = process.wait()
            out.seek(0)
            return subprocess.CompletedProcess(command, code, out.read(), "".join(said))
    except FileNotFoundError:
        raise CommandError("pulumi is not on PATH: install the version that mise.toml names") from None


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that failed said."""
    return " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}, without a word"
