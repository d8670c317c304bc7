from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import summary

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def read(text: str) -> dict[str, str]:
    """Read outputs as the runner does: name, delimiter, lines until the delimiter."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, delimiter = line.split("<<", 1)
        value: list[str] = []
        for row in lines:
            if row == delimiter:
                break
            value.append(row)
        found[name] = "\n".join(value)
    return found


@given(value=st.text(st.characters(exclude_characters="\r", exclude_categories=("Cs",))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_output_is_read_as_it_was_written(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "outputs"
    path.write_text("before<<x\n1\nx\n")
    monkeypatch.setenv("GITHUB_OUTPUT", str(path))

    summary.outputs(first=value, second="2")

    assert read(path.read_text("utf-8")) == {"before": "1", "first": value, "second": "2"}


def test_no_value_can_know_the_delimiter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(path))

    for _ in range(2):
        summary.outputs(name="value")

    first, second = re.findall("name<<(.*)", path.read_text())
    assert first != second


def test_summaries_follow_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))

    summary.write("# One")
    summary.write("Two, é")

    assert path.read_text("utf-8") == "# One\nTwo, é\n"


def test_nothing_is_written_outside_of_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    summary.outputs(name="value")
    summary.write("text")

    assert list(tmp_path.iterdir()) == []
