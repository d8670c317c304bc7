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

# renovate: datasource=go depName=sigs.k8s.io/kustomize/kustomize/v5
KUSTOMIZE = "5.8.1"
"""On kustomize's API v0.21.1, as the pinned Flux's kustomize-controller is."""

# renovate: datasource=go depName=github.com/yannh/kubeconform
KUBECONFORM = "0.7.0"

# renovate: datasource=go depName=github.com/kyverno/kyverno
KYVERNO = "1.19.1"

# renovate: datasource=go depName=github.com/google/go-containerregistry
CRANE = "0.21.9"
"""Pushes images in the proof of the image flow, and is the registry there."""

PROMETHEUS = "0.314.0"
"""The rule engine of the Prometheus that the chart runs, 3.14.0: it moves with the chart."""

# renovate: datasource=go depName=sigs.k8s.io/controller-tools
CONTROLLER_TOOLS = "0.20.1"
"""Makes the CRDs of the API modules that `tools/crds` requires."""

# renovate: datasource=go depName=k8s.io/kubernetes
KUBERNETES_SANDBOX = "1.36.3"
"""The API server that stands for EKS in the sandbox, and whose validation the checks run: of the default minor."""

# renovate: datasource=go depName=go.etcd.io/etcd/server/v3
ETCD = "3.6.16"

# renovate: datasource=go depName=sigs.k8s.io/kwok
KWOK = "0.8.0"
"""Nodes and pods of the sandbox's cluster."""

# renovate: datasource=go depName=helm.sh/helm/v4
HELM = "4.2.4"

FLUX_CONTROLLERS: Mapping[str, str] = MappingProxyType(
    {
        "source-controller": "1.9.5",
        "kustomize-controller": "1.9.5",
        "helm-controller": "1.6.4",
        "image-reflector-controller": "1.2.5",
        "image-automation-controller": "1.2.5",
        "notification-controller": "1.9.4",
    }
)
"""Those of the pinned Flux, whose CRDs are `github.com/fluxcd/<name>/api` at the same version."""

GO_TOOLS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "pulumi": ("github.com/pulumi/pulumi/pkg/v3", PULUMI),
        "actionlint": ("github.com/rhysd/actionlint", ACTIONLINT),
        "kustomize": ("sigs.k8s.io/kustomize/kustomize/v5", KUSTOMIZE),
        "kubeconform": ("github.com/yannh/kubeconform", KUBECONFORM),
        "kyverno": ("github.com/kyverno/kyverno", KYVERNO),
        "crane": ("github.com/google/go-containerregistry", CRANE),
        "promtool": ("github.com/prometheus/prometheus", PROMETHEUS),
        "crds": ("sigs.k8s.io/controller-tools", CONTROLLER_TOOLS),
        "kubernetes": ("k8s.io/kubernetes", KUBERNETES_SANDBOX),
        "kube-validate": ("k8s.io/kubernetes", KUBERNETES_SANDBOX),
        "etcd": ("go.etcd.io/etcd/server/v3", ETCD),
        "kwok": ("sigs.k8s.io/kwok", KWOK),
        "helm": ("helm.sh/helm/v4", HELM),
        "source-controller": ("github.com/fluxcd/source-controller", FLUX_CONTROLLERS["source-controller"]),
        "kustomize-controller": ("github.com/fluxcd/kustomize-controller", FLUX_CONTROLLERS["kustomize-controller"]),
        "helm-controller": ("github.com/fluxcd/helm-controller", FLUX_CONTROLLERS["helm-controller"]),
        "flux-bootstrap": ("github.com/fluxcd/flux2/v2", FLUX),
    }
)
"""Folder of `tools/` → the module and version that it builds."""

CRD_MODULES: Mapping[str, str] = MappingProxyType(
    {
        **{f"github.com/fluxcd/{controller}/api": version for controller, version in FLUX_CONTROLLERS.items()},
        # What the chart kube-prometheus-stack 88.5.3 installs.
        "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring": "0.93.1",
        "github.com/fluxcd/flagger": "1.36.1",
        "github.com/cert-manager/cert-manager": "1.21.2",
    }
)
"""The modules whose custom resources manifests are checked against: those that `tools/crds/go.mod` requires."""

CHARTS: Mapping[str, str] = MappingProxyType(
    {"aws-load-balancer-controller": "3.5.0", "kube-prometheus-stack": "88.5.3"}
)
"""The charts of `k8s/`, each of the version whose CRDs, webhooks and IAM policy were read: they move by a person."""

# renovate: datasource=pypi depName=pulumi
PULUMI_SDK = "3.272.0"
"""The newest in PyPI that goes with the engine."""

# renovate: datasource=pypi depName=pulumi-aws
PULUMI_AWS = "7.51.1"
"""The SDK, and so the plugin that the engine asks for."""
