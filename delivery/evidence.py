"""What says whether a stack is up: its state, as pulumi exports it, and EKS. A source that fails gives no answer."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from common.aws import Aws, account_of, said
from common.errors import UnknownError
from common.pulumi import exported_state, runner
from common.pulumi.runner import Stack
from infra.contract import names

if TYPE_CHECKING:
    from pathlib import Path

    from common.pulumi.exported_state import StackState
    from infra.settings import Settings

ABSENT = "none"
"""What stands for the status of a cluster that EKS does not have."""


class NoAnswerError(Exception):
    """A source gives no answer: the reason, and the remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def recorded(folder: Path, stack: str, region: str) -> StackState:
    """Ask the state. Raises NoAnswerError, and FleetError where there is no pulumi."""
    try:
        exported = Stack(folder, stack).export()
        if exported is not None:
            return exported_state.parse(exported)
    except UnknownError as error:
        raise NoAnswerError(
            f"the state cannot be read: {error}", f"see that {runner.backend()} is the right backend"
        ) from None
    init = ["pulumi", "stack", "init", stack, f"--secrets-provider={names.secrets_provider(region)}"]
    raise NoAnswerError("the backend has no such stack", f"make it once: {shlex.join(init)}")


def status(settings: Settings) -> str:
    """The cluster's status in EKS, or ABSENT, when the right account is asked. Raises NoAnswerError."""
    client = Aws(settings.region)
    try:
        account = account_of(client)
        if account != settings.account_id:
            raise NoAnswerError(
                f"the credentials are of account {account}, the stack is in {settings.account_id}",
                f"use credentials of {settings.account_id}, or correct {names.PROJECT}:accountId",
            )
        eks = client.client("eks")
        with said("eks", "describe_cluster"):
            try:
                return eks.describe_cluster(name=settings.cluster_name)["cluster"].get("status", "without a status")
            except eks.exceptions.ResourceNotFoundException:
                return ABSENT
    except UnknownError as error:
        raise NoAnswerError(
            f"AWS does not say: {error}", "see to the credentials (aws sts get-caller-identity) and the network"
        ) from None
