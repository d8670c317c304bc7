"""The floor is proven on the teardown's accounts, where what it refuses would be deleted."""

from __future__ import annotations

from tests.teardown.conftest import aws, home, living, town

__all__ = ["aws", "home", "living", "town"]
