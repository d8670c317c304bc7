"""Ports that a cluster keeps are none that an outgoing connection may get before they are served."""

from __future__ import annotations

import socket

import pytest

from common.errors import CannotRunError
from sandbox.cluster import layout

# Linux hands out 32768 to 60999 unless told otherwise (Documentation/networking/ip-sysctl.rst).
FIRST_EPHEMERAL = 32768


def test_no_port_is_one_that_the_system_hands_out() -> None:
    found = layout.free_ports(200)
    assert len(set(found)) == 200
    assert max(found) < FIRST_EPHEMERAL


def test_a_port_that_is_taken_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", layout.free_ports(1)[0]))
        port = taken.getsockname()[1]
        monkeypatch.setattr(layout, "PORTS", range(port, port + 1))
        with pytest.raises(CannotRunError, match="only 0 are free"):
            layout.free_ports(1)
    assert layout.free_ports(1) == [port]
