"""Service Quotas, of which moto knows those of VPCs: the quotas that a stack meets.

Sources: Service Quotas API reference, GetServiceQuota (NoSuchResourceException where no value was ever applied to the
account) and GetAWSDefaultServiceQuota; Amazon EC2 and Amazon VPC endpoints and quotas (the defaults).
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.responses import ServiceQuotasResponse

DEFAULTS = {
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5),
    ("ec2", "L-34B43A08"): ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5),
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5),
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 5),
    ("vpc", "L-A4707A72"): ("Internet gateways per Region", 5),
    ("vpc", "L-FE5A380F"): ("NAT gateways per Availability Zone", 5),
}
"""Service code and quota code → name and AWS's default."""

APPLIED = {("ec2", "L-1216C47A"): 64, ("ec2", "L-34B43A08"): 64}
"""What AWS has raised in an account that has been in use for a while."""


def get_service_quota(response: Any) -> str:
    """GetServiceQuota: of those quotas alone that have a value of the account's own."""
    return _told(response, APPLIED)


def get_aws_default_service_quota(response: Any) -> str:
    """GetAWSDefaultServiceQuota, which moto lacks."""
    return _told(response, {key: value for key, (_, value) in DEFAULTS.items()})


def _told(response: Any, values: dict[tuple[str, str], int]) -> str:
    request = json.loads(response.body)
    key = service, code = request["ServiceCode"], request["QuotaCode"]
    if key not in values:
        raise NoSuchResource
    quota = {"ServiceCode": service, "QuotaCode": code, "QuotaName": DEFAULTS[key][0], "Value": float(values[key])}
    return json.dumps({"Quota": quota})


def install() -> None:
    """Answer as above."""
    for operation in (get_service_quota, get_aws_default_service_quota):
        setattr(ServiceQuotasResponse, operation.__name__, operation)
