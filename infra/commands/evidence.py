"""What says whether a stack is up: its state, as pulumi exports it, and EKS. A source that fails gives no answer."""
# boto3-stubs are installed for some services alone, and boto3.client is typed for all.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pydantic
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from pydantic import BaseModel, JsonValue

from common.text import clean
from infra.commands import engine
from infra.contract import names

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings

CLUSTER_TYPE = "aws:eks/cluster:Cluster"

ABSENT = "none"
"""What stands for the status of a cluster that EKS does not have."""


class NoAnswerError(Exception):
    """A source gives no answer: the reason, and the remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True)
class Recorded:
    """What the state says: the names of its clusters, and the resources that a killed run was at."""

    clusters: tuple[str, ...]
    pending: tuple[str, ...] = ()


class _Resource(BaseModel):
    type: str
    urn: str
    id: str = ""
    delete: bool = False
    outputs: dict[str, JsonValue] = {}

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


class _Pending(BaseModel):
    type: str
    resource: _Resource


class _Deployment(BaseModel):
    resources: tuple[_Resource, ...] | None = None
    pending_operations: tuple[_Pending, ...] | None = None


class _Export(BaseModel):
    deployment: _Deployment


def recorded(folder: Path, stack: str, region: str) -> Recorded:
    """Ask the state. Raises NoAnswerError, and CommandError where there is no pulumi."""
    done = engine.run(folder, "stack", "export", "--stack", stack)
    if done.returncode == engine.NO_STACK:
        init = ["pulumi", "stack", "init", stack, f"--secrets-provider={names.secrets_provider(region)}"]
        raise NoAnswerError("the backend has no such stack", f"make it once: {shlex.join(init)}")
    if done.returncode != 0:
        said = engine.one_line(done)
        raise NoAnswerError(f"the state cannot be read: {said}", f"see that {engine.backend()} is the right backend")
    return parse(done.stdout)


def parse(exported: str) -> Recorded:
    """Read what `pulumi stack export` prints. A cluster that only waits for its deletion is not there.

    Raises:
        NoAnswerError: it is no state.
    """
    try:
        deployment = _Export.model_validate_json(exported).deployment
    except pydantic.ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise NoAnswerError(f"pulumi stack export prints no state: {problem}", "see what it prints") from None
    clusters = [resource for resource in deployment.resources or () if resource.type == CLUSTER_TYPE]
    return Recorded(
        tuple(str(cluster.outputs.get("name") or cluster.id) for cluster in clusters if not cluster.delete),
        tuple(f"{pending.type} {pending.resource.name}" for pending in deployment.pending_operations or ()),
    )


def status(settings: Settings) -> str:
    """The cluster's status in EKS, or ABSENT, once it is sure that the right account is asked. Raises NoAnswerError."""
    try:
        account = boto3.client("sts", region_name=settings.region).get_caller_identity()["Account"]
        if account != settings.account_id:
            raise NoAnswerError(
                f"the credentials are of account {account}, the stack is in {settings.account_id}",
                f"use credentials of {settings.account_id}, or correct {names.PROJECT}:accountId",
            )
        eks = boto3.client("eks", region_name=settings.region)
        try:
            return eks.describe_cluster(name=settings.cluster_name)["cluster"].get("status", "without a status")
        except eks.exceptions.ResourceNotFoundException:
            return ABSENT
    except (BotoCoreError, ClientError, ResponseParserError, KeyError) as error:
        raise NoAnswerError(
            f"AWS does not say: {clean(error)}", "see to the credentials (aws sts get-caller-identity) and the network"
        ) from None
