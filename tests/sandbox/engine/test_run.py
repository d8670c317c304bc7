from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.engine.run import run
from sandbox.errors import SandboxError
from sandbox.folder import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = """
import signal, sys, time
got = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: got.append(signal.Signals(number).name))
print("ready", flush=True)
while len(got) < int(sys.argv[1]):
    time.sleep(0.02)
time.sleep(0.3)  # one that comes twice, comes now
print("got", *got, flush=True)
sys.exit(9)
"""
"""A child that wants so many signals, tells which came, and exits with 9."""

PARENT = """
import os, sys
from pathlib import Path
from sandbox.engine.run import run
sys.exit(run([sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ, Path.cwd()))
"""


def command(signals: int) -> list[str]:
    return [sys.executable, "-c", PARENT, COUNTS, str(signals)]


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
    with pytest.raises(SandboxError, match=r"missing cannot be started: No such file"):
        run([tmp_path / "missing"], os.environ, tmp_path)


def test_our_own_handlers_are_back_afterwards():
    before = signal.getsignal(signal.SIGINT)
    run([sys.executable, "-c", ""], os.environ, REPOSITORY)

    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("to_group", [False, True], ids=["one process", "the group"])
@pytest.mark.parametrize("sent", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_without_a_terminal_each_signal_reaches_the_child_once(sent: list[signal.Signals], *, to_group: bool):
    parent = subprocess.Popen(
        command(len(sent)),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    for number in sent:
        (os.killpg if to_group else os.kill)(parent.pid, number)
        time.sleep(0.2)  # two of a kind that wait together are one
    output = parent.communicate()[0]

    assert output.split() == ["got", *(number.name for number in sent)]
    assert parent.returncode == 9


def test_at_a_terminal_ctrl_c_reaches_the_child_once():
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(REPOSITORY)
        os.execv(sys.executable, command(1))  # noqa: S606
    try:
        read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        shown = read_until(terminal, b"got SIGINT\r\n")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)

    assert shown.count(b"SIGINT") == 1
    assert os.waitstatus_to_exitcode(status) == 9


def read_until(terminal: int, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        shown += os.read(terminal, 1024)
    return shown
