"""What a person sees at a terminal: tables wrap at its width with nothing lost, and colours are optional."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence

ARN = "arn:aws:elasticloadbalancing:eu-west-2:123456789012:loadbalancer/app/k8s-shop-web-0123456789/50dc6c495c0c9188"
REPORT = f"""
from common.console import give
from teardown import report
from teardown.claim import Claim
from teardown.kinds import balancers, network
from teardown.kinds.base import Leftover
from teardown.report import Report

balancer = Leftover(balancers.BALANCER, "{ARN}", Claim.OURS, "frontend", monthly=19.32)
volume = Leftover(network.VOLUME, "vol-0123456789abcdef0", Claim.OURS, held="its pod is still there", monthly=0.53)
give(*Report("staging", good=False, left=report.rows([balancer, volume])).lines())
"""
ESCAPE = re.compile(r"\x1b\[[\d;]*m")


def at_terminal(columns: int, arguments: Sequence[str], **environment: str) -> str:
    """What a program prints at a terminal of so many columns."""
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (50, columns))
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**kept, "TERM": "xterm", **environment},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    said = b""
    try:
        while part := os.read(controller, 1 << 16):
            said += part
    except OSError:  # Linux: the other end is closed
        pass
    finally:
        os.close(controller)
    process.wait()
    return said.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 100])
def test_a_table_wraps_at_the_terminal_s_width_and_loses_nothing(columns: int) -> None:
    said = ESCAPE.sub("", at_terminal(columns, ["-c", REPORT]))
    table = [line for line in said.splitlines() if line.startswith("  ")]
    assert max(map(cell_len, table)) <= columns
    assert table[0].split()[:2] == ["RESOURCE", "ID"]
    start, end = table[0].index("ID"), table[0].index("COST")
    shown = "".join(line[start:end].strip() for line in table[1:])
    assert ARN.split(":", 5)[-1] in shown.replace("  ", "")
    assert "vol-0123456789abcdef0" in shown
    assert "$19.32/month" in said


def test_a_narrow_terminal_has_fewer_columns_and_a_wide_one_all() -> None:
    heads = {columns: ESCAPE.sub("", at_terminal(columns, ["-c", REPORT])).splitlines()[1] for columns in (80, 200)}
    assert heads[80].split() == ["RESOURCE", "ID", "COST"]
    assert heads[200].split() == ["RESOURCE", "ID", "NAME", "MADE", "BY", "AGE", "COST", "NOTE"]


def test_a_row_is_a_line_where_nobody_looks() -> None:
    done = subprocess.run([sys.executable, "-c", REPORT], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    (row,) = (line for line in done.stdout.splitlines() if ARN.split(":", 5)[-1] in line)
    assert "$19.32/month" in row
    assert "\x1b" not in done.stdout
    assert not any(line.endswith(" ") for line in done.stdout.splitlines())


def test_no_color_is_none() -> None:
    assert ESCAPE.search(at_terminal(100, ["-c", REPORT]))
    plain = at_terminal(100, ["-c", REPORT], NO_COLOR="1")
    assert not re.search(r"\x1b\[[\d;]*3\dm", plain)


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("arguments", [["-h"], ["teardown", "-h"], ["teardown", "run", "-h"]], ids=" ".join)
def test_a_help_fits_the_terminal(columns: int, arguments: list[str]) -> None:
    said = at_terminal(columns, ["-m", "fleet", *arguments])
    assert said.startswith("Usage: fleet")
    assert max(map(cell_len, said.splitlines())) <= columns
