"""The sandbox and a real account never meet (docs/decisions/0008-sandbox-and-real-never-meet.md)."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from common.errors import CannotRunError

SANDBOX_VARIABLE = "INFRA_FLEET_SANDBOX"
"""Set by the sandbox in what it starts."""


def in_sandbox() -> bool:
    """Whether the sandbox started this process."""
    return bool(os.environ.get(SANDBOX_VARIABLE))


def refuse_other_world() -> None:
    """Refuse an AWS endpoint on this machine unless the sandbox started us, and any other one if it did.

    Raises:
        FleetError: the endpoint and who started us do not belong together.
    """
    for name, value in os.environ.items():
        if not name.startswith("AWS_ENDPOINT_URL") or not value:
            continue
        here = _is_here(value)
        if here and not in_sandbox():
            raise CannotRunError(
                f"{name} = {value!r} is on this machine: unset it, or run `fleet sandbox cluster bootstrap`"
            )
        if in_sandbox() and not here:
            raise CannotRunError(f"{name} = {value!r} is not on this machine, and the sandbox reaches nothing else")
    if in_sandbox() and not os.environ.get("AWS_ENDPOINT_URL"):
        raise CannotRunError("the sandbox's environment has no AWS_ENDPOINT_URL: start it anew by a sandbox command")


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
