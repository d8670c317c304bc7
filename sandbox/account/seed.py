"""What an account has that no code of the project makes: the roles of people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.account.clients import own_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.account.process import Account


def seed(account: Account, *, roles: Sequence[str]) -> None:
    """Create the roles (ARNs, path honoured; the account's root may assume them) that are missing."""
    iam = own_client("iam", endpoint=account.endpoint, region=account.region)
    for arn in roles:
        _create_role(iam, arn)


def _create_role(iam: Any, arn: str) -> None:
    """`arn:aws:iam::<account>:role<path><name>`."""
    _, partition, _, _, account_id, resource = arn.split(":", 5)
    path, _, name = resource.removeprefix("role").rpartition("/")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{account_id}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    try:
        iam.create_role(RoleName=name, Path=f"{path}/", AssumeRolePolicyDocument=json.dumps(trust))
    except iam.exceptions.EntityAlreadyExistsException:
        return
