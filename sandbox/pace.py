"""How much of AWS's time things take in the rehearsal: nothing, unless a person wants to see it."""

from __future__ import annotations

import os

VARIABLE = "INFRA_FLEET_SANDBOX_PACE"
"""A factor of AWS's durations; read by the account when it starts, and by the provider at each command."""


def factor() -> float:
    """0 unless it is set."""
    return float(os.environ.get(VARIABLE) or 0)
