"""What a check finds: the rule, where it is in the sources, why Flux would refuse it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"
    """Flux would refuse it, or never finish, or do what nobody meant."""
    WARNING = "warning"
    """It works, slowly or by luck; an error with --strict."""
    NOTE = "note"
    """What could not be checked."""


class Stage(Enum):
    """The stages, in the order in which Flux itself works; one that finds an error is the last."""

    YAML = "yaml"
    BUILD = "build"
    SUBSTITUTION = "substitution"
    SCHEMA = "schema"
    ORDER = "order"
    POLICY = "policy"


@dataclass(frozen=True, order=True)
class Place:
    """A line of a source file."""

    file: str
    """From the root, with slashes."""
    line: int = 1


@dataclass(frozen=True)
class Finding:
    """One thing that one rule has to say."""

    rule: str
    """Such as E1."""
    severity: Severity
    place: Place
    object: str
    """`Kind namespace/name`, or what else the finding is about."""
    why: str
    """Why Flux would refuse it, without a full stop."""
    remedy: str
    """What to do, without a full stop."""
