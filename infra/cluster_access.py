"""Who may use a cluster below its administrators: a role, and the namespaces in which it may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, model_validator

from infra.config import Model, RoleArn, matches, once
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Collection

# EKS user guide, "Associate access policies with access entries": `*` stands for the rest of a name.
Namespace = Annotated[
    str,
    matches(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|[a-z0-9][a-z0-9-]{0,61}\*", "a namespace such as team-a, or team-*"),
]


class Access(Model):
    """A role and where it may use the cluster. An ARN alone stands for the whole cluster."""

    role: RoleArn
    """The role's ARN, with its path."""
    namespaces: Annotated[tuple[Namespace, ...], AfterValidator(once)] = ()
    """Where; `team-*` stands for every name that begins so. Default: the whole cluster."""

    @model_validator(mode="before")
    @classmethod
    def _from_arn(cls, value: object) -> object:
        return {"role": value} if isinstance(value, str) else value


def check_account(arns: Collection[str], account: str | None) -> None:
    """Refuse roles of another account than the stack's. Raises ValueError."""
    for arn in arns:
        if account is not None and f"::{account}:" not in arn:
            raise ValueError(f"{arn} is of another account; allowed: roles of {account}")


def check_below_administrators(arns: Collection[str], administrators: Collection[str]) -> None:
    """Refuse a role that is listed twice, or that may do everything anyway. Raises ValueError."""
    found = [_name(arn) for arn in arns]
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise ValueError(f"role {twice[0]} is listed twice; allowed: each role once, with all its namespaces")
    above = {names.DEPLOY_ROLE, *map(_name, administrators)}
    if both := sorted(above & set(found)):
        raise ValueError(f"role {both[0]} administers the cluster; allowed: roles below administrators")


def check_same_role(arns: Collection[str], others: Collection[str]) -> None:
    """Refuse two roles of one name, such as at two paths: IAM has one role of a name. Raises ValueError."""
    by_name = {_name(arn): arn for arn in others}
    for arn in arns:
        other = by_name.get(_name(arn), arn)
        if other != arn:
            raise ValueError(f"{arn} is {other} in clusterViewers; allowed: one ARN for a role")


def _name(arn: str) -> str:
    """A role's name without its path, which is unique in an account."""
    return arn.rpartition("/")[2]
