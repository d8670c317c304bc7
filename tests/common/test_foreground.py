from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from common.errors import FleetError
from common.pulumi.foreground import run
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

CHILD = """
import os, signal, sys
wanted = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGWINCH}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
print(os.getppid(), os.getpid(), flush=True)
while (number := signal.sigwait(wanted)) != signal.SIGWINCH:
    print(signal.Signals(number).name, flush=True)
sys.exit(9)
"""
"""Shows each signal; at SIGWINCH, which comes after all that wait with it, exits with 9."""

PARENT = """
import fcntl, os, signal, sys, termios
from pathlib import Path
from common.pulumi.foreground import run
if os.isatty(0):
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if sys.argv[2] == "below a shell":
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)
    if below := os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(below, 0)[1]))
signal.signal(signal.SIGWINCH, lambda number, frame: print("idle", flush=True))
sys.exit(run([sys.executable, "-c", sys.argv[1]], os.environ, Path.cwd()))
"""
"""Runs the child, at the terminal that stdin may be; says at SIGWINCH that it has handled what came before.

It leads its session, or is "below a shell" that leads it and stays when a signal comes.
"""


@contextmanager
def session(stdin: int, place: str = "leader") -> Generator[subprocess.Popen[str]]:
    """A session in which the child is run."""
    command = [sys.executable, "-c", PARENT, CHILD, place]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=stdin, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process


def shown(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def pids(process: subprocess.Popen[str]) -> tuple[int, int]:
    """The parent's id, and the child's, which is up."""
    parent, child = map(int, shown(process).split())
    return parent, child


def ends_without_another(process: subprocess.Popen[str], parent: int, child: int) -> bool:
    """Whether the child has got no signal but those that were read."""
    os.kill(parent, signal.SIGWINCH)
    idle = shown(process)
    os.kill(child, signal.SIGWINCH)
    return (idle, process.communicate()[0], process.returncode) == ("idle", "", 9)


def test_the_childs_exit_code_is_ours():
    assert run([sys.executable, "-c", "raise SystemExit(7)"], os.environ, REPOSITORY) == 7


def test_a_child_that_a_signal_ended_exits_as_a_shell_says_it():
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    assert run([sys.executable, "-c", program], os.environ, REPOSITORY) == 137


def test_the_child_gets_the_given_environment_and_folder_alone(tmp_path: Path):
    program = "import os; open('seen', 'w').write(repr((os.getcwd(), os.environ.get('ONE'), 'HOME' in os.environ)))"
    run([sys.executable, "-c", program], {"ONE": "1"}, tmp_path)

    assert (tmp_path / "seen").read_text() == repr((str(tmp_path), "1", False))


def test_a_missing_command_is_named(tmp_path: Path):
    with pytest.raises(FleetError, match=r"missing cannot be started: No such file"):
        run([tmp_path / "missing"], os.environ, tmp_path)


def test_our_own_handlers_are_back_afterwards():
    before = signal.getsignal(signal.SIGINT)
    run([sys.executable, "-c", ""], os.environ, REPOSITORY)

    assert signal.getsignal(signal.SIGINT) is before


def test_with_its_stdin_closed_it_runs_the_child_as_without_a_terminal():
    command = [sys.executable, "-c", PARENT, "raise SystemExit(7)", "leader"]
    done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *command], cwd=REPOSITORY, check=False)

    assert done.returncode == 7


@pytest.mark.parametrize("to_group", [False, True], ids=["one process", "the group"])
@pytest.mark.parametrize(
    "sent", [[signal.SIGHUP], [signal.SIGINT], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT]], ids=str
)
def test_without_a_terminal_each_signal_reaches_the_child_once(sent: list[signal.Signals], *, to_group: bool):
    with session(subprocess.DEVNULL) as process:
        parent, child = pids(process)
        for number in sent:
            (os.killpg if to_group else os.kill)(parent, number)
            assert shown(process) == number.name

        assert ends_without_another(process, parent, child)


@pytest.mark.parametrize("sent", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["leader", "below a shell"])
def test_at_a_terminal_a_hangup_ctrl_c_and_a_signal_to_us_reach_the_child_once(place: str, sent: signal.Signals):
    ours, terminal = pty.openpty()
    with open(ours, "wb", buffering=0) as person, session(terminal, place) as process:  # noqa: PTH123
        os.close(terminal)
        parent, child = pids(process)
        match sent, place:
            case signal.SIGHUP, "leader":
                person.close()
            case signal.SIGHUP, _:  # a shell passes it on to the group of its job
                os.killpg(process.pid, sent)
            case signal.SIGINT, _:
                person.write(b"\x03")
            case _:
                os.kill(parent, sent)

        assert shown(process) == sent.name
        assert ends_without_another(process, parent, child)
