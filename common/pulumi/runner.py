"""Runs the pulumi on PATH in a project's folder, on the backend that the environment names.

Not by `pulumi.automation`: its reads always pass `--show-secrets`, its import leaves the state in the clear in a
temporary file, and it gives up a stream at the first byte that is not UTF-8
(docs/decisions/0017-one-floor-one-command.md).
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

import yaml

from common.errors import CannotRunError, FleetError, UnknownError
from common.pulumi import foreground

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

NO_STACK = 6
"""Exit code of pulumi for a stack that is not in the backend (cmd/exit_codes.go of 3.274)."""

PROJECT_FILE = "Pulumi.yaml"
BACKEND_VARIABLE = "PULUMI_BACKEND_URL"
MISSING = "pulumi is not on PATH: `mise install` installs the version that mise.toml names"


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str
    """Also what went to stdout, where both were asked for in one."""
    interrupted: bool = False
    """Whether it was ended at its deadline."""

    @property
    def line(self) -> str:
        """What a command that failed said, in one line."""
        return " ".join((self.stderr or self.stdout).split()) or f"exit code {self.code}, without a word"


@dataclass(frozen=True)
class Stack:
    """A stack of the project in a folder."""

    folder: Path
    name: str
    environment: Mapping[str, str] | None = None
    """Instead of this process' own, whole."""

    def run(self, *arguments: str, tell: Callable[[str], None] | None = None) -> Done:
        """Run a command on the stack to its end, as the function `run` does."""
        return run(self.folder, *arguments, "--stack", self.name, tell=tell, environment=self.environment)

    def show(self, *arguments: str) -> int:
        """Run a command that a person watches, in the foreground; gives its exit code. Raises FleetError."""
        command = ["pulumi", *arguments, "--stack", self.name]
        return foreground.run(command, self.environment or os.environ, self.folder)

    def export(self) -> str | None:
        """The deployment as JSON, secrets encrypted; None for a stack that the backend has never heard of.

        Raises:
            UnknownError: the backend does not say.
            FleetError: there is no pulumi.
        """
        done = self.run("stack", "export")
        if done.code == NO_STACK:
            return None
        if done.code != 0:
            raise UnknownError(done.line)
        return done.stdout

    def outputs(self) -> str:
        """The outputs as JSON, secrets masked. Raises FleetError: there are none, or no pulumi."""
        return self._need("stack", "output", "--json")

    def init(self, secrets_provider: str) -> None:
        """Make the stack unless the backend holds it. Raises FleetError."""
        if self.export() is None:
            self._need("stack", "init", "--no-select", f"--secrets-provider={secrets_provider}")

    def take(self, deployment: Path) -> None:
        """Replace the stack's state by an exported one. Raises FleetError."""
        self._need("stack", "import", f"--file={deployment}")

    def free(self) -> None:
        """Remove all locks of the stack; a run that holds one goes on. Raises FleetError: pulumi fails."""
        done = self.run("cancel", "--yes")
        if done.code != 0:
            raise FleetError(f"the lock of {self.name} was not freed: pulumi: {done.line}")

    def _need(self, *arguments: str) -> str:
        done = self.run(*arguments)
        if done.code != 0:
            raise FleetError(f"pulumi {' '.join(arguments[:2])} --stack {self.name} failed: {done.line}")
        return done.stdout


def run(
    folder: Path,
    *arguments: str,
    tell: Callable[[str], None] | None = None,
    environment: Mapping[str, str] | None = None,
    document: str = "",
    together: bool = False,
    deadline: float | None = None,
) -> Done:
    """Run a command to its end.

    Args:
        folder: of the project.
        arguments: of pulumi.
        tell: gets each line of stderr as it comes.
        environment: instead of this process' own, whole.
        document: the command's standard input.
        together: stdout goes where stderr goes, line by line.
        deadline: seconds until it is interrupted as by Ctrl-C, so that it writes down how far it came.

    Raises:
        FleetError: there is no pulumi.
    """
    said: list[str] = []
    late = threading.Event()

    def interrupt(process: subprocess.Popen[str]) -> None:
        late.set()
        if tell:
            tell(f"pulumi {arguments[0]} has taken {deadline:.0f} s, which is all that it may: interrupted")
        process.send_signal(signal.SIGINT)

    try:
        # Files without a name, whose end pulumi sees: a pipe could fill up while nobody reads.
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as given,
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out,
            subprocess.Popen(  # noqa: S603 our own arguments
                ["pulumi", "--non-interactive", *arguments],  # noqa: S607 the person's own pulumi
                cwd=folder,
                env=environment,
                stdin=_rewound(given, document),
                stdout=subprocess.PIPE if together else out,
                stderr=subprocess.STDOUT if together else subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            ) as process,
            _interrupted(process, deadline, interrupt),
        ):
            for line in (process.stdout if together else process.stderr) or ():
                said.append(line)
                if tell:
                    tell(line.rstrip())
            code = process.wait()
            out.seek(0)
            return Done(code, out.read(), "".join(said), late.is_set())
    except FileNotFoundError:
        raise CannotRunError(MISSING) from None


def project_name(folder: Path) -> str:
    """The name in a project's Pulumi.yaml.

    Raises:
        FleetError: the file cannot be read, or has no name.
    """
    name = _project(folder).get("name")
    if not isinstance(name, str):
        raise CannotRunError(f"{folder / PROJECT_FILE} does not name a project: `name:` is {name!r}")
    return name


def program_folder(folder: Path) -> Path:
    """The folder of a project's program: that of its Pulumi.yaml, unless `main` names another. Raises FleetError."""
    return folder / str(_project(folder).get("main") or "")


def _project(folder: Path) -> Mapping[object, object]:
    path = folder / PROJECT_FILE
    try:
        document: object = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise CannotRunError(f"{path} cannot be read ({error.strerror}): name the project's folder with -C") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CannotRunError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    return cast("dict[object, object]", document) if isinstance(document, dict) else {}


def backend() -> str:
    """Where the state lies, as `pulumi login` takes it. Raises FleetError: the environment does not say."""
    url = os.environ.get(BACKEND_VARIABLE)
    if not url:
        raise CannotRunError(
            f"{BACKEND_VARIABLE} is not set: set it to where the state lies, "
            "such as s3://infra-fleet-state-<account>-<region>?region=<region>"
        )
    return url


@contextmanager
def _interrupted(
    process: subprocess.Popen[str], deadline: float | None, interrupt: Callable[[subprocess.Popen[str]], None]
) -> Generator[None]:
    """Within, a process that is not done at its deadline is interrupted."""
    timer = threading.Timer(deadline or 0.0, interrupt, (process,))
    if deadline is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _rewound(file: IO[str], text: str) -> IO[str]:
    file.write(text)
    file.flush()
    file.seek(0)
    return file
