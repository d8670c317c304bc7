"""Every pinned version and the day its support ends: data, re-checked when a pin moves.

The line `# renovate:` above a pin says where renovate.json finds the next one.

Sources: EKS user guide, "Kubernetes versions" (support dates); the API call DescribeAddonVersions for 1.36 as published
in early October 2026 (add-ons); flux2 v2.9.5 (its controllers).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class KubernetesVersion:
    """A minor version that EKS offers, and its last day of standard support (extended: six times the price)."""

    minor: str
    standard_support_until: date


@dataclass(frozen=True)
class AddonVersions:
    """The versions of an EKS add-on that are known to be built for `kubernetes`; the first is the pin."""

    kubernetes: str
    versions: tuple[str, ...]

    @property
    def pin(self) -> str:
        """The version that the stack installs unless its config says otherwise."""
        return self.versions[0]


# renovate: datasource=endoflife-date depName=amazon-eks versioning=loose
KUBERNETES_DEFAULT = "1.36"

KUBERNETES: Mapping[str, KubernetesVersion] = MappingProxyType(
    {
        version.minor: version
        for version in (
            KubernetesVersion("1.34", date(2026, 12, 2)),
            KubernetesVersion("1.35", date(2027, 3, 27)),
            KubernetesVersion("1.36", date(2027, 8, 2)),
        )
    }
)
"""The minors in standard support when the pins were last checked."""

ADDONS: Mapping[str, AddonVersions] = MappingProxyType(
    {
        "vpc-cni": AddonVersions("1.36", ("v1.22.4-eksbuild.3", "v1.23.1-eksbuild.1", "v1.23.2-eksbuild.1")),
        "kube-proxy": AddonVersions("1.36", ("v1.36.0-eksbuild.25", "v1.36.0-eksbuild.45")),
        "eks-pod-identity-agent": AddonVersions("1.36", ("v1.3.10-eksbuild.3", "v1.4.0-eksbuild.3")),
        "coredns": AddonVersions("1.36", ("v1.14.3-eksbuild.23", "v1.14.7-eksbuild.10", "v1.14.7-eksbuild.11")),
        "aws-ebs-csi-driver": AddonVersions("1.36", ("v1.66.0-eksbuild.1",)),
        "metrics-server": AddonVersions("1.36", ("v0.9.0-eksbuild.11",)),
    }
)
"""The add-ons of the stack."""

# renovate: datasource=github-releases depName=fluxcd/flux2
FLUX = "2.9.5"
"""The Flux release whose bootstrap, CLI and components are used together."""

# renovate: datasource=golang-version depName=go
GO = "1.26.8"

PYTHON = "3.11"
"""The oldest Python that everything runs on; it moves by decision, not by release."""

# renovate: datasource=github-releases depName=pulumi/pulumi
PULUMI = "3.274.1"
"""The engine that the tests run; a `pulumi` of the same major and no older minor is accepted."""

# renovate: datasource=github-releases depName=rhysd/actionlint
ACTIONLINT = "1.7.12"

GO_TOOLS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "pulumi": ("github.com/pulumi/pulumi/pkg/v3", PULUMI),
        "actionlint": ("github.com/rhysd/actionlint", ACTIONLINT),
    }
)
"""Folder of `tools/` → the module and version that it builds."""

# renovate: datasource=pypi depName=pulumi
PULUMI_SDK = "3.272.0"
"""The newest in PyPI that goes with the engine."""

# renovate: datasource=pypi depName=pulumi-aws
PULUMI_AWS = "7.51.1"
"""The SDK, and so the plugin that the engine asks for."""
