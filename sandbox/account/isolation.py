"""Environments without the user's AWS: no profile, no file, no endpoint and no metadata service but what is put in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOREIGN = ("AWS_", "MOTO_")
"""Prefixes of variables that change which account an SDK talks to, or how moto behaves."""

CLOSED = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def isolated(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without the variables of `FOREIGN`, and with the user's AWS files out of reach."""
    return {key: value for key, value in environment.items() if not key.startswith(FOREIGN)} | CLOSED
