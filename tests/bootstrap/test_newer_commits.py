"""Commits that land while a cluster is verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootstrap import newer_commits
from bootstrap.newer_commits import Commits
from common.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


class Host:
    """A branch with its history, oldest first."""

    def __init__(self, *history: str) -> None:
        self.history: Sequence[str] = history
        self.asked = 0
        self.is_away = False

    def head(self) -> str:
        self.asked += 1
        if self.is_away:
            raise UnknownError("away")
        return self.history[-1]

    def is_ahead(self, of: str, commit: str) -> bool:
        known = of in self.history and commit in self.history
        return known and self.history.index(of) <= self.history.index(commit)


def commits(host: Any, *good: str) -> Commits:
    return Commits(host, list(good))


def test_a_newer_commit_of_the_branch_is_good_and_so_is_the_one_before_it() -> None:
    known = commits(Host("a", "b"), "a")
    assert known.take("b")
    assert known.good == ["a", "b"]


def test_one_between_what_was_pushed_and_the_head_is_good() -> None:
    known = commits(Host("a", "b", "c"), "a")
    assert known.take("b")
    assert known.good == ["a", "b"]


def test_an_older_one_is_not_and_nobody_is_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("a", "b")
    known = commits(host, "b")
    assert not any(known.take("a") for _ in range(5))
    assert (known.good, host.asked) == (["b"], 1)
    monkeypatch.setattr(newer_commits, "PAUSE", 0)
    known.take("")
    assert host.asked == 1


def test_a_branch_that_was_written_anew_counts_from_its_head() -> None:
    known = commits(Host("x", "y"), "a")
    assert known.take("b")
    assert known.good == ["y"]


def test_a_host_that_is_away_is_asked_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newer_commits, "PAUSE", 0)
    host = Host("a", "b")
    known = commits(host, "a")
    host.is_away = True
    assert not known.take("b")
    host.is_away = False
    assert known.take("b")
