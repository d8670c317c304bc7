"""The stack's outputs, and the ConfigMap that Flux substitutes into `k8s/`: one table for who writes and who reads."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_MAP_NAME = "terraform-outputs"
CONFIG_MAP_NAMESPACE = "flux-system"
_KEY = "config_map_key"


class OutputsError(Exception):
    """The outputs of a stack are not those of the contract."""


def _quoted_as(key: str) -> str:
    """An output that manifests quote as `${key}`; typed as its value, as dataclasses do."""
    return field(metadata={_KEY: key})  # pyright: ignore[reportReturnType]  # a field stands in for its value


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """The outputs of a stack that is up."""

    vpc_id: str = _quoted_as("VPC_ID")
    cluster_name: str = _quoted_as("CLUSTER_NAME")
    aws_region: str = _quoted_as("AWS_REGION")
    aws_account_id: str = _quoted_as("AWS_ACCOUNT_ID")
    environment: str = _quoted_as("ENVIRONMENT")
    ecr_registry: str = _quoted_as("ECR_REGISTRY")
    ingress_cidrs: str = _quoted_as("INGRESS_CIDRS")
    """The CIDRs that may reach applications, joined by commas as load balancer annotations take them."""
    ingress_scheme: str = _quoted_as("INGRESS_SCHEME")
    """What fits these CIDRs: internal, or internet-facing."""
    load_balancer_cidr: str = _quoted_as("LOAD_BALANCER_CIDR")
    """Where load balancers send from, for network policies; no pod has an address in it."""
    load_balancer_controller_role_arn: str = _quoted_as("LOAD_BALANCER_CONTROLLER_ROLE_ARN")
    cluster_endpoint: str
    cluster_certificate_authority: str
    """Base64 of the PEM certificate, as EKS gives it."""
    cluster_security_group_id: str
    oidc_issuer: str
    """With its `https://`."""
    private_subnet_ids: list[str]
    public_subnet_ids: list[str]
    node_group_names: list[str]

    @classmethod
    def parse(cls, outputs: Mapping[str, object]) -> StackOutputs:
        """Read what `pulumi stack output --json` prints.

        Raises:
            OutputsError: an output is missing or not of its type; a stack that is down has none.
        """
        problems: list[str] = []
        for name, kind in get_type_hints(cls).items():
            if name not in outputs:
                problems.append(f"{name} is missing")
            elif not _is(outputs[name], is_list=kind is not str):
                problems.append(
                    f"{name} is {outputs[name]!r}, expected {'a list of strings' if kind is not str else 'a string'}"
                )
        if problems:
            raise OutputsError(f"the stack's outputs are not those of the contract (is it up?): {'; '.join(problems)}")
        return cls(**{entry.name: outputs[entry.name] for entry in fields(cls)})  # pyright: ignore[reportArgumentType]  # checked above

    def config_map(self) -> dict[str, str]:
        """The data of the ConfigMap `terraform-outputs`."""
        return {key: getattr(self, name) for name, key in CONFIG_MAP_KEYS.items()}


def _is(value: object, *, is_list: bool) -> bool:
    if is_list:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)  # pyright: ignore[reportUnknownVariableType]
    return isinstance(value, str)


def _keys() -> dict[str, str]:
    entries: tuple[Field[object], ...] = fields(StackOutputs)
    return {entry.name: entry.metadata[_KEY] for entry in entries if _KEY in entry.metadata}


CONFIG_MAP_KEYS: Mapping[str, str] = _keys()
"""Output name → ConfigMap key, for the outputs that manifests quote."""
