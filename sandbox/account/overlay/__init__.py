"""What moto lacks or gets wrong for this stack, added through its seams: backend classes, a response class, a route."""

from __future__ import annotations

from sandbox.account.overlay import budgets, default_account, ec2, ecr, eks, kms, logs, s3


def install(account_id: str) -> None:
    """Put the overlay in place, before the first request: moto builds its backends and routes on first use."""
    default_account.install(account_id)
    for service in (budgets, ec2, ecr, eks, kms, logs, s3):
        service.install()
