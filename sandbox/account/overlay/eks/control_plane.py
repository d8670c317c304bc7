"""Where a cluster's API server is, and whose certificate it shows."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALIDITY = timedelta(days=3650)


@dataclass(frozen=True)
class ControlPlane:
    """What a client needs to reach and to trust a cluster: `certificate_authority` is base64 of a PEM certificate."""

    endpoint: str
    certificate_authority: str
    issuer: str


def provision(region: str) -> ControlPlane:
    """A control plane of its own, with nothing behind its endpoint; endpoint and OIDC issuer share an id as on EKS."""
    identity = secrets.token_hex(16).upper()
    return ControlPlane(
        endpoint=f"https://{identity}.gr7.{region}.eks.amazonaws.com",
        certificate_authority=base64.b64encode(_authority()).decode(),
        issuer=f"https://oidc.eks.{region}.amazonaws.com/id/{identity}",
    )


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
