"""What goes wrong, each as one line for the person who runs pulumi."""

from __future__ import annotations

import re

from common.errors import FleetError

_LONGEST = 1000  # A server that breaks answers with a page of HTML.
_MISSING = re.compile(r"(NotFound(Exception|Error)?|NoSuch\w+)$|^404$")


class ProviderError(FleetError):
    """Something that the engine shows on the resource: the message says what is wrong with it."""


class AwsError(ProviderError):
    """A call that AWS refused, or that never reached it."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.operation = operation
        self.code = code
        self.message = " ".join(message.split())[:_LONGEST]
        super().__init__(f"{operation}: {code}: {self.message}")

    @property
    def missing(self) -> bool:
        """Whether AWS says that what the call was about is not there."""
        return bool(_MISSING.search(self.code))


class CancelledError(ProviderError):
    """The engine asked to stop while a wait was going on."""


class IncompleteError(Exception):
    """The resource is there, but making it did not finish: the engine keeps it in the state and tries again."""

    def __init__(self, resource_id: str, state: dict[str, object], reason: str) -> None:
        self.resource_id = resource_id
        self.state = state
        self.reason = reason
        super().__init__(reason)
