from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.account.seed import seed
from tests.sandbox.account.aws import Aws, unique

if TYPE_CHECKING:
    from sandbox.account.process import Account


def test_seeding_makes_what_is_missing_and_leaves_the_rest_alone(account: Account, aws: Aws) -> None:
    name = unique("deploy")
    arn = f"arn:aws:iam::111122223333:role/infra-fleet/permanent/{name}"

    seed(account, roles=[arn])
    made = aws.iam.get_role(RoleName=name)["Role"]
    seed(account, roles=[arn, f"arn:aws:iam::111122223333:role/{name}-plain"])

    assert aws.iam.get_role(RoleName=name)["Role"]["RoleId"] == made["RoleId"]
    assert made["Arn"] == arn
    (statement,) = made["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    assert aws.iam.get_role(RoleName=f"{name}-plain")["Role"]["Path"] == "/"
