"""What the sweep's calls need, for the permanent layer to grant: `make golden` writes it, a test compares."""

from __future__ import annotations

from infra.contract.sweep_policies import DECLARED
from teardown import declared_permissions

if __name__ == "__main__":
    DECLARED.write_text(declared_permissions.declared().to_json(), "utf-8")
