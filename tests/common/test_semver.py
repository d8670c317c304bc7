"""Versions and ranges, as the image controllers read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import semver

CASES: list[tuple[str, str, bool | str]] = json.loads((Path(__file__).parent / "semver_cases.json").read_text("utf-8"))[
    "cases"
]

NUMBERS = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))


def version(text: str) -> semver.Version:
    found = semver.parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize(("wanted", "tag", "expected"), CASES)
def test_a_range_takes_what_flux_takes(wanted: str, tag: str, expected: bool | str) -> None:
    if expected == "no range":
        with pytest.raises(semver.RangeError):
            semver.parse_range(wanted)
    elif expected == "no version":
        assert semver.parse(tag) is None
    else:
        assert (version(tag) in semver.parse_range(wanted)) is expected


@pytest.mark.parametrize(
    ("wanted", "takes", "refuses"),
    [
        (">=1.0.0", ["1.0.0", "v1.2.3", "2.0.0"], ["0.9.9", "1.1.0-rc.1"]),
        (">=1.0.0-0", ["1.0.0", "1.1.0-rc.1", "1.0.0-alpha"], ["0.9.9"]),
        ("1.x", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.9", "1.0.0-rc.1"]),
        ("*", ["0.0.1", "9.9.9"], ["1.0.0-rc.1"]),
        ("1.2", ["1.2.0", "1.2.9"], ["1.3.0"]),
        ("=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("!=1.2.3", ["1.2.4", "1.2.2"], ["1.2.3"]),
        (">1", ["2.0.0"], ["1.9.9"]),
        (">1.2.3", ["1.2.4"], ["1.2.3"]),
        ("<2", ["1.9.9"], ["2.0.0"]),
        ("<=2", ["2.9.9"], ["3.0.0"]),
        ("<=2.1.0", ["2.1.0"], ["2.1.1"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]),
        ("~1", ["1.0.0", "1.9.0"], ["2.0.0"]),
        ("^1.2.3", ["1.2.3", "1.9.0"], ["2.0.0", "1.2.2"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("1.0.0 - 2.0.0", ["1.0.0", "2.0.0"], ["2.0.1", "0.9.0"]),
        (">=1.0.0 <2.0.0 || 3.x", ["1.5.0", "3.1.0"], ["2.0.0", "4.0.0"]),
        (">=1.0.0, <2.0.0", ["1.5.0"], ["2.0.0"]),
        (">=1.0.0-0 <2.0.0", ["1.5.0", "1.5.0-rc.1"], ["2.0.0"]),
    ],
)
def test_a_range_takes_what_it_should(wanted: str, takes: list[str], refuses: list[str]) -> None:
    parsed = semver.parse_range(wanted)
    assert [text for text in (*takes, *refuses) if version(text) in parsed] == takes


@pytest.mark.parametrize("text", ["", "newest", ">=", "1.2.3.4", ">=a.b.c", "||"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(semver.RangeError):
        semver.parse_range(text)


def test_versions_are_ordered_as_the_specification_says() -> None:
    pre = ["alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
    ordered = [*(f"1.0.0-{each}" for each in pre), "1.0.0"]
    backwards = ordered[::-1]
    assert sorted(backwards, key=version) == ordered
    assert [semver.parse(text) for text in ("latest", "main", "", "sha-0a1b", "v1.2.3.4")] == [None] * 5


@given(NUMBERS, NUMBERS)
def test_bounds_split_all_releases_in_two(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    text = ".".join(map(str, one))
    found = semver.Version(other)
    assert (found in semver.parse_range(f">={text}")) is (other >= one)
    assert (found in semver.parse_range(f"<{text}")) is (other < one)
    assert (found in semver.parse_range(f"={text}")) is (other == one)
