"""AWS clients of the account's region, with the person's own credentials."""

# boto3-stubs knows the services that are installed with it; of the others the overloads are unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient


def s3(region: str) -> S3Client:
    """Amazon S3."""
    return boto3.client("s3", region_name=region)


def ssm(region: str) -> SSMClient:
    """Systems Manager."""
    return boto3.client("ssm", region_name=region)


def sts(region: str) -> STSClient:
    """Security Token Service."""
    return boto3.client("sts", region_name=region)
