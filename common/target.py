"""Proves account, region and cluster before the first write: the only way to clients that may write.

Everything that changes AWS, Kubernetes or the stack's state takes a `Proven` or a `ProvenCluster`, and nothing but this
module makes them. Clients that are not proven refuse to send an operation that would change something.

Source: STS API reference, GetCallerIdentity; EKS API reference, Cluster; AWS SDKs reference, AWS region.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.aws import Aws, account_of, said
from common.errors import CannotRunError, FleetError
from common.kubernetes import kubeconfig
from common.kubernetes.api import NAMESPACE, Cluster
from common.text import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from common.pulumi.exported_state import StackState

REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
ALIVE = ("ACTIVE", "UPDATING")
_SEAL = object()


@dataclass(frozen=True)
class Target:
    """The one cluster of a stack, and where it is."""

    account_id: str
    region: str
    cluster: str
    stack: str


class NotProvenError(CannotRunError):
    """Account, region or cluster are not those of the stack. Nothing was changed."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}. Nothing was changed")


class ProvenAccount(Aws):
    """Clients that may write, in the account of the settings. Only `prove_account` makes one."""

    is_proven = True

    def __init__(self, aws: Aws, seal: object) -> None:
        """Of the credentials that were proven."""
        _check(seal)
        super().__init__(aws.region, aws.session)


class Proven(ProvenAccount):
    """Clients that may write: in the stack's account and region, where no other cluster has the name of the stack's.

    Only `prove` makes one.
    """

    def __init__(self, aws: Aws, target: Target, state: StackState, status: str, seal: object) -> None:
        """Of the credentials that were proven."""
        super().__init__(aws, seal)
        self.target = target
        self._identity = state.identity
        self.status = status
        """Of the cluster, as EKS says; empty if EKS has none of its name."""

    @property
    def is_alive(self) -> bool:
        """Whether the cluster's API server and controllers may be at work."""
        return self.status in ALIVE

    def require(self, stack: str) -> None:
        """Raises NotProvenError: another stack was proven."""
        if stack != self.target.stack:
            raise NotProvenError(f"{self.target.stack} is proven, not {stack}", "name one stack")

    def cluster(self) -> tuple[ProvenCluster | None, str]:
        """The state's cluster if its API server answers, else why it does not."""
        if not self.status:
            return None, "the cluster is gone"
        if not self.is_alive:
            return None, f"the cluster is {self.status}"
        if not self._identity.endpoint or not self._identity.authority:
            return (
                None,
                "the stack's state has no endpoint and certificate authority, so no cluster is proven to be its",
            )
        found = ProvenCluster(self.target, self._identity.endpoint, self._identity.authority, _SEAL)
        try:
            found.get(NAMESPACE, "kube-system")
        except FleetError as error:
            return None, f"the cluster cannot be reached: {error}"
        return found, ""


class ProvenCluster(Cluster):
    """The API server of the state's cluster, by the endpoint and certificate authority of the state.

    Only `Proven.cluster` makes one.
    """

    def __init__(self, target: Target, endpoint: str, authority: str, seal: object) -> None:
        """Connect at the first call."""
        _check(seal)
        super().__init__(kubeconfig.of_cluster(target.cluster, target.region, endpoint, authority))


def prove(aws: Aws, target: Target, state: StackState, captured: Target | None = None) -> Proven:
    """Prove that settings, state, environment, credentials and EKS are of one account, region and cluster.

    Args:
        aws: clients with the credentials to prove.
        target: what the stack's settings name.
        state: the stack's.
        captured: what the captured file says, if there is one.

    Raises:
        NotProvenError: one of them is of another account, region or cluster.
        UnknownError: AWS does not say.
    """
    _compare_state(target, state)
    if captured:
        _compare_captured(target, captured)
    for name in REGION_VARIABLES:
        if (region := os.environ.get(name)) and region != target.region:
            raise NotProvenError(
                f"{name} is {region}, but the settings of {target.stack} say {target.region}",
                f"unset it, or set it to {target.region}",
            )
    if aws.region != target.region:
        raise NotProvenError(f"the clients are of {aws.region}, not {target.region}", "make them for that region")
    account = account_of(aws)
    if account != target.account_id:
        raise NotProvenError(
            f"the credentials are of account {account}, but {target.cluster} is in {target.account_id}",
            f"use credentials of {target.account_id}, or name another stack with --stack",
        )
    return Proven(aws, target, state, _status(aws, target, state), _SEAL)


def prove_account(aws: Aws, account_id: str, setting: str) -> ProvenAccount:
    """Prove that the credentials are of an account.

    Args:
        aws: clients with the credentials to prove.
        account_id: the account that the settings name.
        setting: where they name it.

    Raises:
        NotProvenError: they are of another account.
        UnknownError: AWS does not say.
    """
    account = account_of(aws)
    if account != account_id:
        raise NotProvenError(
            f"the credentials are of account {account}, but {setting} is {account_id}",
            "use that account's credentials, or correct the setting",
        )
    return ProvenAccount(aws, _SEAL)


def _compare_state(target: Target, state: StackState) -> None:
    """Raises NotProvenError: the state is of another account, region or cluster than the settings."""
    identity = state.identity
    names: Collection[str] = {identity.cluster} if identity.cluster else ()
    compared = (
        ("account", identity.account_ids, target.account_id, "accountId"),
        ("region", identity.regions, target.region, "region"),
        ("cluster", names, target.cluster, "clusterName"),
    )
    for what, in_state, wanted, setting in compared:
        others = sorted(set(in_state) - {wanted})
        if others:
            raise NotProvenError(
                f"the state of {target.stack} is of {what} {', '.join(others)}, but its settings say {wanted}",
                f"correct infra-fleet:{setting} in Pulumi.{target.stack}.yaml, or the backend (PULUMI_BACKEND_URL)",
            )


def _compare_captured(target: Target, captured: Target) -> None:
    """Raises NotProvenError: the captured file is of another cluster."""
    before = (captured.cluster, captured.account_id, captured.region)
    if before != (target.cluster, target.account_id, target.region):
        raise NotProvenError(
            f"the captured file is of {' in '.join(before)}, but {target.stack} is {target.cluster} in "
            f"{target.account_id} in {target.region}",
            f"remove .teardown/{target.stack}.json, if that cluster is gone",
        )


def _status(aws: Aws, target: Target, state: StackState) -> str:
    """The status of the cluster, which must be the state's; empty if there is none.

    Raises:
        NotProvenError: the cluster of that name is another.
        UnknownError: AWS does not say.
    """
    eks, identity = aws.client("eks"), state.identity
    with said("eks", "describe_cluster"):
        try:
            found: Mapping[str, Any] = eks.describe_cluster(name=target.cluster)["cluster"]
        except eks.exceptions.ResourceNotFoundException:
            return ""
        status: str = found["status"]
        endpoint, authority = clean(found.get("endpoint", "")), found.get("certificateAuthority", {}).get("data", "")
    where = f"the cluster {target.cluster} in {target.account_id}, {target.region}"
    remedy = "it is another cluster of the same name, which this stack has not made: see who owns it"
    if identity.endpoint and identity.endpoint.rstrip("/") != endpoint.rstrip("/"):
        at = endpoint or f"nowhere yet ({status})"
        raise NotProvenError(f"{where} is at {at}, but the state says {identity.endpoint}", remedy)
    if identity.authority and identity.authority != authority:
        prints = f"{_fingerprint(authority)}, but the state says {_fingerprint(identity.authority)}"
        raise NotProvenError(f"{where} at {endpoint} has the certificate authority {prints}", remedy)
    return status


def _fingerprint(authority: str) -> str:
    """Enough of a hash to tell two certificates apart."""
    return f"sha256:{hashlib.sha256(authority.encode()).hexdigest()[:16]}" if authority else "none"


def _check(seal: object) -> None:
    if seal is not _SEAL:
        raise TypeError("only common.target makes what may write")
