"""What all tests share. No property is given a deadline: on a busy machine it would fail for being slow."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.support.engine", "tests.support.account"]

settings.register_profile("fleet", deadline=None)
settings.load_profile("fleet")
