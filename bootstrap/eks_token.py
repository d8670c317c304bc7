"""The token that an EKS cluster takes: a presigned request to STS, which the cluster sends on to learn who asks.

Source: aws-iam-authenticator, "API Authorization from Outside a Cluster" (form and header of the token, its 15
minutes); Kubernetes API, ExecCredential of client.authentication.k8s.io/v1beta1, which every client of today speaks.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError
from botocore.signers import RequestSigner

from common.errors import CannotRunError

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

PREFIX = "k8s-aws-v1."
HEADER = "x-k8s-aws-id"
"""Binds the token to one cluster: it is part of what is signed."""

URL_LIFE = 60
"""Seconds that STS takes the request for; the cluster asks it at once."""

TOKEN_LIFE = timedelta(minutes=14)
"""How long kubectl may use one token: the cluster takes it for 15 minutes."""


def presigned(cluster: str, region: str) -> str:
    """A token for a cluster, with the credentials of the environment.

    Raises:
        FleetError: there are no credentials.
    """
    try:
        session = boto3.Session(region_name=region)
        sts: STSClient = session.client("sts")  # pyright: ignore[reportUnknownMemberType]  # overloads of boto3-stubs
        credentials = session.get_credentials()
        if credentials is None:
            raise CannotRunError(
                "there are no AWS credentials: sign in (aws sso login), or set them in the environment"
            )
        signer = RequestSigner(sts.meta.service_model.service_id, region, "sts", "v4", credentials, session.events)
        request = {
            "method": "GET",
            "url": f"{sts.meta.endpoint_url.rstrip('/')}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {HEADER: cluster},
            "context": {},
        }
        url = signer.generate_presigned_url(request, region_name=region, expires_in=URL_LIFE, operation_name="")
    except BotoCoreError as error:
        raise CannotRunError(f"AWS credentials are not available: {error}") from None
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def exec_credential(cluster: str, region: str, now: datetime | None = None) -> str:
    """What kubectl reads from its exec plugin: JSON with the token and when to ask again. Raises FleetError."""
    until = (now or datetime.now(UTC)) + TOKEN_LIFE
    status = {"expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ"), "token": presigned(cluster, region)}
    return json.dumps(
        {"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": status}
    )
