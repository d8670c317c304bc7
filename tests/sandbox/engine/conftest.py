from __future__ import annotations

from tests.support.engine import project, pulumi

__all__ = ["project", "pulumi"]
