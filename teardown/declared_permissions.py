"""What the calls of all kinds need, as each declares it next to them."""

from __future__ import annotations

from infra.contract.sweep_policies import Declared
from teardown.kinds import KINDS


def declared() -> Declared:
    """The permissions of all kinds."""
    return Declared(
        tuple(permission for kind in KINDS for permission in kind.reads),
        tuple(permission for kind in KINDS for permission in kind.writes),
    )
