"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

pytest_plugins = ["tests.support.engine", "tests.support.account"]

# No property is given a deadline: on a busy machine it would fail for being slow.
settings.register_profile("fleet", deadline=None)
settings.load_profile("fleet")


def pytest_configure() -> None:
    """Undo what nohup and background jobs of a shell leave ignored: the commands under test inherit it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
