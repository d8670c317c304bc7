"""What the program asks AWS for, whole, in files that a reviewer reads: `make golden` writes them, a test compares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.support import recorder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.recorder import Recording

HERE = Path(__file__).parent / "goldens"

EVERY_SETTING: Mapping[str, object] = {
    "accountId": "210987654321",
    "environment": "production",
    "clusterName": "blue",
    "region": "us-east-1",
    "zones": ["us-east-1b", "us-east-1f"],
    "vpcCidr": "172.16.0.0/18",
    "serviceCidr": "10.100.0.0/20",
    "natStrategy": "per-zone",
    "endpointAccess": "public",
    "endpointPublicCidrs": ["203.0.113.0/24", "198.51.100.7/32"],
    "ingressCidrs": ["203.0.113.0/24", "198.51.100.0/24"],
    "addonVersions": {"coredns": "v1.14.7-eksbuild.11"},
    "nodeGroups": {
        "arm": {
            "instanceTypes": ["t4g.large", "m7g.large"],
            "amiType": "AL2023_ARM_64_STANDARD",
            "capacityType": "ON_DEMAND",
            "minSize": 2,
            "desiredSize": 4,
            "maxSize": 6,
            "diskGib": 80,
            "amiRelease": "1.36.4-20260923",
        },
        "burst": {"instanceTypes": ["t3.xlarge"], "cpuCredits": "standard"},
        "x86": {},
    },
    "nodeSessionManager": True,
    "jumpBox": True,
    "hostedZoneIds": ["Z0123456789ABCDEFGHIJ"],
    "clusterAdmins": ["arn:aws:iam::210987654321:role/team/admin"],
    "clusterViewers": [
        "arn:aws:iam::210987654321:role/developers",
        {"role": "arn:aws:iam::210987654321:role/auditors", "namespaces": ["default", "team-*"]},
    ],
    "clusterEditors": [{"role": "arn:aws:iam::210987654321:role/developers", "namespaces": ["team-a"]}],
    "controlPlaneLogs": ["audit", "scheduler"],
    "nightlyTeardown": False,
    "upHours": "Mon-Sat 07-19",
    "deletionProtection": True,
    "permissionsBoundary": "arn:aws:iam::210987654321:policy/boundary",
    "tags": {"team": "platform"},
}
"""A config in which every setting that shows in a resource is another than its default."""

CONFIGS: Mapping[str, Mapping[str, object]] = {"default": recorder.CONFIG, "every-setting": EVERY_SETTING}


def page(name: str) -> Path:
    """The file of a config."""
    return HERE / f"{name}.yaml"


def render(stack: Recording) -> str:
    """The inputs of every resource and the outputs of the stack, JSON documents unfolded."""
    resources = {entry.label: _unfolded(entry.inputs) for entry in stack.registrations.values() if entry.custom}
    return yaml.safe_dump({"resources": resources, "outputs": _unfolded(stack.outputs)}, width=120)


def _unfolded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _unfolded(inner) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [_unfolded(inner) for inner in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str) and value[:1] in {"{", "["}:
        return _unfolded(json.loads(value))
    return int(value) if isinstance(value, float) and value.is_integer() else value


if __name__ == "__main__":
    for name, config in CONFIGS.items():
        page(name).write_text(render(recorder.run_stack(config, preview=False)))
