"""The commands of a step: run one after the other, all that they print in one file, and their last line on view."""

from __future__ import annotations

import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from common import summary
from common.errors import CannotRunError, FleetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


OF_A_JOB = (summary.SUMMARY_VARIABLE, "GITHUB_OUTPUT")
"""What a command of a rehearsal has to say of an embedded account is not of the job that it runs in."""


@dataclass(frozen=True)
class Output:
    """What a command printed."""

    out: str
    err: str

    @property
    def text(self) -> str:
        """All of it, stdout first."""
        return self.out + self.err


class Commands:
    """Runs commands. Ctrl-C does not reach them by itself: each leads a process group."""

    def __init__(self, log: IO[str], show: Callable[[str], None], patience: float) -> None:
        """Begin.

        Args:
            log: gets every line.
            show: is told every line.
            patience: seconds that a command has to end after Ctrl-C.
        """
        self._log, self._show, self._patience = log, show, patience
        self._writing = threading.Lock()

    def say(self, line: str) -> None:
        """One line of our own."""
        self._write(f"{line}\n")

    def run(self, what: str, command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path) -> Output:
        """Run a command to its end.

        Args:
            what: it is called in the error.
            command: its arguments.
            environment: all of it.
            cwd: its folder.

        Raises:
            FleetError: its exit code is not 0; the last line that it printed is said.
        """
        self.say(f"$ {' '.join(map(str, command))}")
        try:
            child = subprocess.Popen(  # noqa: S603 our own arguments
                command,
                cwd=cwd,
                env={name: value for name, value in environment.items() if name not in OF_A_JOB},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                process_group=0,
            )
        except OSError as error:
            raise CannotRunError(f"{what} cannot be started: {error.strerror}") from None
        printed: dict[str, list[str]] = {"out": [], "err": []}
        readers = [
            threading.Thread(target=self._read, args=(stream, printed[name]), daemon=True)
            for name, stream in (("out", child.stdout), ("err", child.stderr))
            if stream
        ]
        for reader in readers:
            reader.start()
        try:
            ended = child.wait()
        except BaseException:
            self._end(child)
            raise
        for reader in readers:
            reader.join()
        output = Output("".join(printed["out"]), "".join(printed["err"]))
        if ended != 0:
            raise FleetError(f"{what} ended with exit code {ended}: {_last(output)}")
        return output

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line)
                self._write(line)

    def _write(self, line: str) -> None:
        with self._writing, suppress(ValueError):  # the log is closed: a process that was left prints on
            self._log.write(line)
            self._log.flush()
        if line.strip():
            self._show(line.strip())

    def _end(self, child: subprocess.Popen[str]) -> None:
        """Let a command end as after a Ctrl-C of its own, then make it."""
        if self._patience:
            with suppress(subprocess.TimeoutExpired, ProcessLookupError):
                child.send_signal(signal.SIGINT)
                child.wait(self._patience)
        child.kill()
        child.wait()


def _last(output: Output) -> str:
    """The line that says most: the last error, else the last line."""
    lines = [line.strip() for line in (output.err or output.out).splitlines() if line.strip()]
    lines = lines or [line.strip() for line in output.out.splitlines() if line.strip()]
    errors = [line for line in output.text.splitlines() if line.strip().startswith("error: ")]
    return (errors[-1:] or lines[-1:] or ["it printed nothing"])[0].strip()
