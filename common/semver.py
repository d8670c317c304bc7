"""Semantic versions and the ranges of an ImagePolicy, as image-reflector-controller reads them.

Source: Semantic Versioning 2.0.0; fluxcd/pkg version 0.16.0 (what is a version); Masterminds/semver 3.5.0 (ranges). Its
oddities are kept: `^*` takes 0.0.x alone, `~0.0.0` everything, and `<=*` what is below 0.1.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

_TAIL = r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_VERSION = re.compile(rf"v?(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+))?(?:\.(?P<patch>[0-9]+))?{_TAIL}")
_PARTIAL = r"v?[0-9xX*]+(?:\.[0-9xX*]+){0,2}" + _TAIL.replace("?P<pre>", "?:")
_COMPARATOR = rf"(?:!=|>=|=>|<=|=<|~>|[=<>~^])?\s*{_PARTIAL}"
_HYPHEN = re.compile(rf"\s*({_PARTIAL})\s+-\s+({_PARTIAL})\s*".replace("X*]", "X*|]"))
"""With a bar among the digits, as there: `1||2 - 3` without spaces is not a range."""

_ALL_OF = re.compile(rf"\s*{_COMPARATOR}(?:(?:\s*,\s*|\s+){_COMPARATOR})*\s*")
_ONE = re.compile(rf"(?P<operator>[!=<>~^]*)\s*(?P<numbers>v?[0-9xX*]+(?:\.[0-9xX*]+){{0,2}}){_TAIL}")
_LONGEST = 512
"""Characters that a range may have."""


class RangeError(Exception):
    """A text is not a version range."""


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


def parse(tag: str) -> Version | None:
    """A version such as v1.2.3-rc.1; None for what is none, as everything with fewer than two dots."""
    return _version(tag) if tag.count(".") > 1 else None


def _version(text: str) -> Version | None:
    found = _VERSION.fullmatch(text)
    pre = tuple(found["pre"].split(".")) if found and found["pre"] else ()
    if found is None or any(each.isdecimal() and each != str(int(each)) for each in pre):
        return None
    return Version((int(found["major"]), int(found["minor"] or 0), int(found["patch"] or 0)), pre)


@dataclass(frozen=True)
class _Comparator:
    operator: str
    base: Version
    """With 0 for what is missing or a wildcard."""
    given: int
    """How many of its numbers are given, from the first on."""

    def holds(self, version: Version) -> bool:
        of, base = version.numbers, self.base.numbers
        match self.operator:
            case "=":
                return version == self.base if self.given == len(base) else self._tilde(version)
            case "!=":
                is_partial = self.given in (1, 2)
                same = of[: self.given] == base[: self.given] if is_partial else version == self.base
                return not same or (self.given > 1 and version.pre != self.base.pre)
            case ">":
                return of[: self.given] > base[: self.given] if self.given in (1, 2) else version > self.base
            case ">=":
                return version >= self.base
            case "<":
                return version < self.base
            case "<=":
                compared = self.given or 2
                return of[:compared] <= base[:compared] if self.given < len(base) else version <= self.base
            case "~":
                return self._tilde(version)
            case _:
                return self._caret(version)

    def _tilde(self, version: Version) -> bool:
        """As many equal numbers as are given, but two at most."""
        takes_all = not any(self.base.numbers) and self.given not in (1, 2)
        fixed = 1 if self.given == 1 else 2
        return version >= self.base and (takes_all or version.numbers[:fixed] == self.base.numbers[:fixed])

    def _caret(self, version: Version) -> bool:
        """Equal numbers up to the first that is not 0."""
        base = self.base.numbers
        fixed = 1 if base[0] or self.given == 1 else 2 if base[1] or self.given == 2 else 3
        return version >= self.base and version.numbers[:fixed] == base[:fixed]


@dataclass(frozen=True)
class Range:
    """Alternatives of comparators that must all hold."""

    alternatives: tuple[tuple[_Comparator, ...], ...]

    def __contains__(self, version: Version) -> bool:
        return any(
            (not version.pre or any(each.base.pre for each in all_of)) and all(each.holds(version) for each in all_of)
            for all_of in self.alternatives
        )


def parse_range(text: str) -> Range:
    """Parse a range such as `>=1.0.0 <2.0.0 || 3.x`. Raises RangeError."""
    parts = _HYPHEN.sub(r">=\1, <=\2 ", text).split("||")
    if len(text) > _LONGEST or not all(_ALL_OF.fullmatch(part) for part in parts):
        raise RangeError(f"{text!r} is not a version range")
    return Range(tuple(tuple(map(_comparator, _ONE.finditer(part))) for part in parts))


_SAME = {"": "=", "=>": ">=", "=<": "<=", "~>": "~"}
"""Operators that are other spellings."""


def _comparator(found: re.Match[str]) -> _Comparator:
    numbers: list[str] = []
    for part in found["numbers"].removeprefix("v").split("."):
        if part in {"x", "X", "*"}:
            break
        numbers.append(part)
    base = _version(".".join(numbers or ["0"]) + (f"-{found['pre']}" if found["pre"] else ""))
    if base is None:
        raise RangeError(f"{found[0]!r} is not a version range")
    return _Comparator(_SAME.get(found["operator"], found["operator"]), base, len(numbers))
