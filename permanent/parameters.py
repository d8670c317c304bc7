"""The secrets that outlive a cluster: SSM parameters that are generated once, and whose values nobody prints.

They are not Pulumi resources, so that no state holds them: whoever may preview may decrypt the state.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_ssm import SSMClient


def token() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def signing_key() -> str:
    """An Ed25519 key in OpenSSH's format, without a passphrase: image-automation-controller signs commits with it.

    Source: SigningKey of image-automation-controller's API v1.
    """
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        .decode()
    )


GENERATORS: Mapping[str, Callable[[], str]] = {
    names.LOAD_HARNESS_API_KEY: token,
    names.GRAFANA_ADMIN_PASSWORD: token,
    names.IMAGE_AUTOMATION_SIGNING_KEY: signing_key,
}
"""Parameter name → what makes its value."""


def missing(ssm: SSMClient) -> list[str]:
    """The parameters that are still to be generated. Their values are not read."""
    filters = [{"Key": "Name", "Option": "Equals", "Values": list(GENERATORS)}]
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=filters)  # pyright: ignore[reportArgumentType]
    there = {parameter.get("Name") for page in pages for parameter in page["Parameters"]}
    return [name for name in GENERATORS if name not in there]


def generate(ssm: SSMClient) -> list[str]:
    """Generate what is missing, and give the names of what was made. A value that is there is never replaced."""
    made: list[str] = []
    for name in missing(ssm):
        try:
            ssm.put_parameter(
                Name=name,
                Value=GENERATORS[name](),
                Type="SecureString",
                Overwrite=False,
                Description="Made once by fleet account; outlives the cluster",
                Tags=[{"Key": "project", "Value": names.PROJECT}, {"Key": "managed-by", "Value": "permanent"}],
            )
        except ssm.exceptions.ParameterAlreadyExists:  # somebody else was faster
            continue
        made.append(name)
    return made


def public_signing_key(ssm: SSMClient) -> str:
    """The public half of the signing key, as `ssh-keygen` and GitHub write it."""
    stored = ssm.get_parameter(Name=names.IMAGE_AUTOMATION_SIGNING_KEY, WithDecryption=True)["Parameter"].get(
        "Value", ""
    )
    key = serialization.load_ssh_private_key(stored.encode(), password=None)
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
