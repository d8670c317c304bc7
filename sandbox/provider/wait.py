"""Waiting for AWS: look, and look again, until it is so, the engine's timeout is over or the engine cancels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import CancelledError, ProviderError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

POLL_SECONDS = 0.1
"""Between two looks: the embedded account answers at once."""

DEFAULT_SECONDS = 1200.0
"""How long a wait may take when the program sets no custom timeout: twenty minutes, pulumi-aws' usual default."""


PATIENCE = 1200.0
"""How long a refused deletion is tried again at AWS's own pace: twenty minutes, as pulumi-aws does for subnets."""


@dataclass(frozen=True)
class Waiter:
    """The waits of one operation, which share its deadline (on time.monotonic)."""

    deadline: float
    cancelled: threading.Event
    tell: Callable[[str], None]
    """Takes what is waited for: the engine shows it on the resource."""

    @classmethod
    def within(cls, seconds: float, cancelled: threading.Event, tell: Callable[[str], None]) -> Waiter:
        """Waits that end after some seconds; 0 means the default."""
        return cls(time.monotonic() + (seconds or DEFAULT_SECONDS), cancelled, tell)

    def __call__(self, what: str, look: Callable[[], tuple[bool, str]]) -> None:
        """Look until it says True. Raises ProviderError at the deadline, with what AWS said last."""
        told = ""
        while True:
            done, said = look()
            if done:
                return
            if said != told:
                self.tell(f"waiting for {what}; AWS says: {said}")
                told = said
            if time.monotonic() >= self.deadline:
                raise ProviderError(f"timed out waiting for {what}; AWS said last: {said}")
            if self.cancelled.wait(POLL_SECONDS):
                raise CancelledError(f"cancelled while waiting for {what}; AWS said last: {said}")
