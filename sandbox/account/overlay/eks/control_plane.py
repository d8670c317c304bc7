"""Where a cluster's API server is, and whose certificate it shows."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Collection

    from sandbox.account import process

VALIDITY = timedelta(days=3650)


@dataclass(frozen=True)
class ControlPlane:
    """What a client needs to reach and to trust a cluster: `certificate_authority` is base64 of a PEM certificate."""

    endpoint: str
    certificate_authority: str
    issuer: str


REAL: process.ControlPlane | None = None
"""The API server of the sandbox, which one cluster at a time has behind it; set before the first request."""


def provision(region: str, taken: Collection[str]) -> ControlPlane:
    """A control plane of its own; endpoint and OIDC issuer share an id as on EKS.

    Nothing is behind its endpoint unless it is the sandbox's API server, which none of the `taken` endpoints is.
    """
    identity = secrets.token_hex(16).upper()
    issuer = f"https://oidc.eks.{region}.amazonaws.com/id/{identity}"
    if REAL is not None and REAL.endpoint not in taken:
        return ControlPlane(REAL.endpoint, base64.b64encode(REAL.authority.read_bytes()).decode(), issuer)
    endpoint = f"https://{identity}.gr7.{region}.eks.amazonaws.com"
    return ControlPlane(endpoint, base64.b64encode(_authority()).decode(), issuer)


def _authority() -> bytes:
    """A new, self-signed CA certificate (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
