"""The rules: a module for each stage or for one subject of it."""

from __future__ import annotations

from checks.rule import registered
from checks.rules import (
    api,
    build,
    expressions,
    images,
    kustomizations,
    namespaces,
    order_crds,
    order_dependencies,
    order_timing,
    policy,
    references,
    schema,
    substitution,
    syntax,
)

__all__ = [
    "RULES",
    "api",
    "build",
    "expressions",
    "images",
    "kustomizations",
    "namespaces",
    "order_crds",
    "order_dependencies",
    "order_timing",
    "policy",
    "references",
    "schema",
    "substitution",
    "syntax",
]

RULES = registered()
"""All of them, in the order of their stages."""
