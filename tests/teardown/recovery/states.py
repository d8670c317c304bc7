"""Small exported states for tests."""

from __future__ import annotations

from typing import Any

from teardown.recovery.deployment import Deployment, Entry

PREFIX = "urn:pulumi:staging::infra-fleet::"
STACK = f"{PREFIX}pulumi:pulumi:Stack::infra-fleet-staging"
PROVIDER = f"{PREFIX}pulumi:providers:aws::aws"

VPC = "aws:ec2/vpc:Vpc"
EIP = "aws:ec2/eip:Eip"


def urn(kind: str, name: str) -> str:
    return f"{PREFIX}{kind}::{name}"


def entry(kind: str, name: str, **more: Any) -> Entry:
    """A resource of the stack as the engine writes it."""
    return {
        "urn": urn(kind, name),
        "custom": True,
        "type": kind,
        "parent": STACK,
        "provider": f"{PROVIDER}::0a1b2c3d-0000-4000-8000-000000000000",
        **more,
    }


def base() -> list[Entry]:
    """The stack and its provider."""
    return [
        {"urn": STACK, "custom": False, "type": "pulumi:pulumi:Stack"},
        {
            "urn": PROVIDER,
            "custom": True,
            "id": "0a1b2c3d-0000-4000-8000-000000000000",
            "type": "pulumi:providers:aws",
            "parent": STACK,
        },
    ]


def exported(resources: list[Entry], pending: list[tuple[str, Entry]]) -> Deployment:
    """A state as `pulumi stack export` prints it."""
    operations = [{"resource": resource, "type": kind} for kind, resource in pending]
    deployment = {
        "manifest": {"time": "2026-11-28T20:00:00Z", "magic": "", "version": "v3.274.1"},
        "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:x"}},
        "resources": resources,
        "pending_operations": operations,
        "metadata": {},
    }
    return Deployment({"version": 3, "deployment": deployment})
