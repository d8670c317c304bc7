"""How a question is put: until the answer is valid, and not for ever."""

from __future__ import annotations

from collections.abc import Callable

from common.errors import CannotRunError

Ask = Callable[[str, str | None], str]
"""Put a question, with what Enter stands for."""

Say = Callable[[str], None]
"""Told a line for the person."""

TRIES = 3
"""How often a question is put."""


def until_valid(ask: Callable[[], str], problem_of: Callable[[str], str], say: Say) -> str:
    """Ask until the answer is valid, and say what is wrong with it.

    Args:
        ask: puts the question.
        problem_of: what is wrong with an answer; empty: nothing.
        say: told what is wrong.

    Raises:
        CannotRunError: it is wrong each time.
    """
    problem = ""
    for _ in range(TRIES):
        said = ask().strip()
        problem = problem_of(said)
        if not problem:
            return said
        say(problem)
    raise CannotRunError(problem)
