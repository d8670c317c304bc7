"""Semantic versions and the ranges that an ImagePolicy takes.

Source: Semantic Versioning 2.0.0, and Masterminds/semver v3, which image-reflector-controller uses: comparators, hyphen
ranges, wildcards, tilde and caret; a range without a pre-release takes none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

_VERSION = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?")
_PARTIAL = r"v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
_COMPARATOR = re.compile(rf"\s*(=|==|!=|>|<|>=|=>|<=|=<|~|~>|\^)?\s*({_PARTIAL})\s*")
_HYPHEN = re.compile(rf"\s*({_PARTIAL})\s+-\s+({_PARTIAL})\s*")


class RangeError(Exception):
    """A text is no range of versions."""


@total_ordering
@dataclass(frozen=True)
class Version:
    """One version."""

    numbers: tuple[int, int, int]
    pre: tuple[str, ...] = ()

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]:
        """Numbers first; a pre-release before its release; its numeric parts as numbers, and before words."""
        parts = tuple((not each.isdecimal(), int(each) if each.isdecimal() else 0, each) for each in self.pre)
        return self.numbers, not self.pre, parts


def parse(text: str) -> Version | None:
    """A version such as v1.2.3-rc.1, where minor and patch may be missing; None for what is none."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    return Version((int(major), int(minor or 0), int(patch or 0)), tuple(pre.split(".")) if pre else ())


@dataclass(frozen=True)
class _Bound:
    """All versions from `low` on that are below `high`."""

    low: Version | None = None
    high: Version | None = None
    low_open: bool = False
    high_closed: bool = False
    negated: bool = False

    def holds(self, version: Version) -> bool:
        above = self.low is None or version > self.low or (version == self.low and not self.low_open)
        below = self.high is None or version < self.high or (version == self.high and self.high_closed)
        return (above and below) is not self.negated

    @property
    def takes_pre(self) -> bool:
        return any(end is not None and bool(end.pre) for end in (self.low, self.high))


@dataclass(frozen=True)
class Range:
    """Alternatives of bounds that must all hold."""

    alternatives: tuple[tuple[_Bound, ...], ...]

    def __contains__(self, version: Version) -> bool:
        return any(
            all(bound.holds(version) and (not version.pre or bound.takes_pre) for bound in bounds)
            for bounds in self.alternatives
        )


def parse_range(text: str) -> Range:
    """Parse a range such as `>=1.0.0 <2.0.0 || 3.x`. Raises RangeError."""
    return Range(tuple(tuple(_bounds(part)) for part in text.split("||")))


def _bounds(text: str) -> list[_Bound]:
    found: list[_Bound] = []
    rest = text.strip()
    while rest:
        if (hyphen := _HYPHEN.match(rest)) is not None:
            found += [_bound(">=", hyphen.groups()[1:5]), _bound("<=", hyphen.groups()[6:10])]
            rest = rest[hyphen.end() :].lstrip(" ,")
            continue
        comparator = _COMPARATOR.match(rest)
        if comparator is None or not comparator[2]:
            raise RangeError(f"{text.strip()!r} is no range of versions")
        found.append(_bound(comparator[1] or "=", comparator.groups()[2:6]))
        rest = rest[comparator.end() :].lstrip(" ,")
    if not found:
        raise RangeError(f"{text!r} is no range of versions")
    return found


def _bound(operator: str, parts: tuple[str | None, ...]) -> _Bound:
    """One comparator; a part that is missing or a wildcard leaves the rest open."""
    numbers: list[int] = []
    for part in parts[:3]:
        if part is None or not part.isdecimal():
            break
        numbers.append(int(part))
    pre = tuple(parts[3].split(".")) if parts[3] and len(numbers) == 3 else ()
    low = Version((*numbers, *[0] * (3 - len(numbers))), pre)  # pyright: ignore[reportArgumentType]  # three of them
    step = _next(numbers, len(numbers))
    exact = len(numbers) == 3
    match operator:
        case "=" | "==" | "!=":
            ends = (low, low) if exact else (low if numbers else None, step)
            return _Bound(*ends, high_closed=exact, negated=operator == "!=")
        case ">":
            return _Bound(low, low_open=True) if exact or step is None else _Bound(step)
        case ">=" | "=>":
            return _Bound(low)
        case "<":
            return _Bound(high=low)
        case "<=" | "=<":
            return _Bound(high=low, high_closed=True) if exact else _Bound(high=step)
        case "~" | "~>":
            return _Bound(low, _next(numbers, min(len(numbers), 2)))
        case _:
            first = next((index for index, number in enumerate(numbers) if number), max(len(numbers) - 1, 0))
            return _Bound(low, _next(numbers, first + 1) if numbers else None)


def _next(numbers: list[int], length: int) -> Version | None:
    """The first version after all that begin with so many of the numbers."""
    if not length:
        return None
    head = [*numbers[: length - 1], numbers[length - 1] + 1]
    return Version((*head, *[0] * (3 - len(head))))  # pyright: ignore[reportArgumentType]  # three of them
