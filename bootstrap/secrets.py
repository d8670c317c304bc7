"""The secrets that manifests take for granted, from the environment or from SSM Parameter Store.

They outlive the cluster there, and are never generated here: a key that changes each morning is nobody's. No value is
ever part of an argument, a message or a log.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from bootstrap.config_map import MANAGER, namespace
from common.errors import FleetError
from common.kubernetes.api import SECRET
from common.kubernetes.objects import mapping
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ssm import SSMClient

    from common.kubernetes.api import Cluster


@dataclass(frozen=True)
class Wanted:
    """A Secret that the bootstrap makes, from one value."""

    namespace: str
    name: str
    key: str
    variable: str
    """The environment variable that may have the value."""
    parameter: str
    """The SSM parameter that has it otherwise."""
    beside: tuple[tuple[str, str], ...] = ()
    """Other keys, which are not secret."""

    @property
    def label(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


WANTED = (
    Wanted("applications", "load-harness-api-key", "API_KEY", "LOAD_HARNESS_API_KEY", names.LOAD_HARNESS_API_KEY),
    Wanted(
        "observability",
        "grafana-admin",
        "admin-password",
        "GRAFANA_ADMIN_PASSWORD",
        names.GRAFANA_ADMIN_PASSWORD,
        (("admin-user", "admin"),),
    ),
    Wanted(
        "flux-system",
        "image-automation-signing-key",
        "identity",
        "IMAGE_AUTOMATION_SIGNING_KEY",
        names.IMAGE_AUTOMATION_SIGNING_KEY,
    ),
)
"""docs/k8s.md has the same table."""


def read(region: str) -> dict[str, str]:
    """Every value, by Secret.

    Raises:
        FleetError: one is nowhere (the command that sets it is named), or AWS does not say.
    """
    values = {each.label: os.environ.get(each.variable, "") for each in WANTED}
    asked = [each.parameter for each in WANTED if not values[each.label]]
    found = _parameters(region, asked) if asked else {}
    values = {each.label: values[each.label] or found.get(each.parameter, "") for each in WANTED}
    absent = [each for each in WANTED if not values[each.label]]
    if absent:
        raise FleetError("; ".join(map(_absent, absent)))
    return values


def _absent(wanted: Wanted) -> str:
    return (
        f"the value of Secret {wanted.label} is absent: neither {wanted.variable} nor the SSM parameter "
        f"{wanted.parameter} has it. `fleet account apply` makes the parameter"
    )


def apply(cluster: Cluster, values: Mapping[str, str]) -> list[str]:
    """Make every Secret, and its namespace if it is not there; gives those that changed.

    Raises:
        FleetError: the cluster refuses.
    """
    changed: list[str] = []
    for wanted in WANTED:
        namespace(cluster, wanted.namespace)
        plain = {wanted.key: values[wanted.label], **dict(wanted.beside)}
        data = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        there = cluster.get(SECRET, wanted.name, wanted.namespace)
        if there is not None and mapping(there, "data") == data:
            continue
        metadata = {"name": wanted.name, "namespace": wanted.namespace}
        cluster.apply(SECRET, {"metadata": metadata, "type": "Opaque", "data": data}, MANAGER, force=True)
        changed.append(wanted.label)
    return changed


def _parameters(region: str, asked: list[str]) -> dict[str, str]:
    try:
        ssm: SSMClient = boto3.Session(region_name=region).client("ssm")  # pyright: ignore[reportUnknownMemberType]
        found = ssm.get_parameters(Names=asked, WithDecryption=True)["Parameters"]
    except (BotoCoreError, ClientError) as error:
        raise FleetError(f"SSM does not say what {', '.join(asked)} are: {error}") from None
    return {each.get("Name", ""): each.get("Value", "") for each in found}
