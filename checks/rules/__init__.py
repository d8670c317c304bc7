"""The rules: a module for each stage, three for the order, and one for images, whose rules are of the order too."""

from __future__ import annotations

from checks.rule import registered
from checks.rules import (
    build,
    images,
    order_crds,
    order_dependencies,
    order_timing,
    policy,
    schema,
    substitution,
    syntax,
)

__all__ = [
    "RULES",
    "build",
    "images",
    "order_crds",
    "order_dependencies",
    "order_timing",
    "policy",
    "schema",
    "substitution",
    "syntax",
]

RULES = registered()
"""All of them, in the order of their stages."""
