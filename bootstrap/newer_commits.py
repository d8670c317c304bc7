"""Which commits of the branch are good while a cluster is verified: what was pushed, and what came after it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from common.errors import UnknownError

if TYPE_CHECKING:
    from bootstrap.github_repository import Repository

PAUSE = 15.0
"""Seconds between two questions about a commit that is not good: Flux may be about to fetch the next one."""


@dataclass
class Commits:
    """The good commits, by what the Git host says when another one is seen. Image automation commits by itself."""

    host: Repository
    good: list[str]
    """The last is the newest that is known."""
    _next: float = field(default=0.0)

    def take(self, seen: str) -> bool:
        """Learn of a commit that the cluster is at; gives whether `good` has changed.

        Raises:
            FleetError: the branch is gone, or the token is refused. A host that does not answer is asked again.
        """
        if not seen or seen in self.good or time.monotonic() < self._next:
            return False
        try:
            newer = self._newer(seen)
        except UnknownError:
            newer = None
        if newer is None:
            self._next = time.monotonic() + PAUSE
            return False
        self.good = newer
        return True

    def _newer(self, seen: str) -> list[str] | None:
        """What is good now; None: what was."""
        newest, head = self.good[-1], self.host.head()
        if seen == head or self.host.is_ahead(newest, seen):
            return [*self.good, seen]
        is_rewritten = head != newest and not self.host.is_ahead(newest, head)
        return [head] if is_rewritten else None
