"""Every tool that is built here, by name; `infra.contract.versions` pins what their go.mod require."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tools.build import GoTool

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).resolve().parent
"""Where each tool's go.mod is, in a folder of its own."""

PULUMI_EXECUTOR = "pulumi-language-python-exec"
"""Pulumi's script that runs a program in the Python it is started with: it comes with Pulumi's Go SDK."""

_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"

PULUMI = GoTool(
    name="pulumi",
    folder=FOLDER / "pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    module="github.com/pulumi/pulumi/pkg/v3",
    minutes=8,
    why="every preview",
    tags=("osusergo", "grpcnotrace"),
    ldflags=f"-s -w -X {_PULUMI_SDK}/go/common/version.Version={{version}}",
    files={PULUMI_EXECUTOR: (_PULUMI_SDK, f"python/cmd/{PULUMI_EXECUTOR}")},
)
"""With Pulumi's own tags and flags (its .goreleaser.yml); without the version it would not know its own.

The sandbox has a rule of its own for a pulumi on PATH.
"""

ACTIONLINT = GoTool(
    name="actionlint",
    folder=FOLDER / "actionlint",
    package="github.com/rhysd/actionlint/cmd/actionlint",
    module="github.com/rhysd/actionlint",
    minutes=0.2,
    why="linting the workflows",
    tell_version=("-version",),
)

KUSTOMIZE = GoTool(
    name="kustomize",
    folder=FOLDER / "kustomize",
    package="sigs.k8s.io/kustomize/kustomize/v5",
    module="sigs.k8s.io/kustomize/kustomize/v5",
    minutes=0.4,
    why="building what Flux applies",
    tell_version=("version",),
)
"""It reads its version from the module that it is built from."""

KUBECONFORM = GoTool(
    name="kubeconform",
    folder=FOLDER / "kubeconform",
    package="github.com/yannh/kubeconform/cmd/kubeconform",
    module="github.com/yannh/kubeconform",
    minutes=0.1,
    why="checking manifests against schemas",
    ldflags="-s -w -X main.version={version}",
    tell_version=("-v",),
)

KUBE_VALIDATE = GoTool(
    name="kube-validate",
    folder=FOLDER / "kube-validate",
    package=".",
    module="k8s.io/kubernetes",
    minutes=3,
    why="checking manifests as the API server does",
    ldflags="-s -w -X main.version={version}",
)
"""Our own, on Kubernetes' packages for validation. Built in seconds after kube-apiserver: they share most of it."""

KYVERNO = GoTool(
    name="kyverno",
    folder=FOLDER / "kyverno",
    package="github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno",
    module="github.com/kyverno/kyverno",
    minutes=7,
    why="checking manifests against policies",
    ldflags="-s -w -X github.com/kyverno/kyverno/pkg/version.BuildVersion={version}",
    tell_version=("version",),
)

CRANE = GoTool(
    name="crane",
    folder=FOLDER / "crane",
    package="github.com/google/go-containerregistry/cmd/crane",
    module="github.com/google/go-containerregistry",
    minutes=0.2,
    why="the proof of the image flow",
    ldflags="-s -w -X github.com/google/go-containerregistry/cmd/crane/cmd.Version={version}",
    tell_version=("version",),
)
"""It also is a registry: `crane registry serve`."""

PROMTOOL = GoTool(
    name="promtool",
    folder=FOLDER / "promtool",
    package="github.com/prometheus/prometheus/cmd/promtool",
    module="github.com/prometheus/prometheus",
    minutes=3,
    why="testing the alert rules",
    tags=("remove_all_sd",),
)
"""Without the service discovery of any cloud, which no rule needs."""

CONTROLLER_GEN = GoTool(
    name="controller-gen",
    folder=FOLDER / "crds",
    package="sigs.k8s.io/controller-tools/cmd/controller-gen",
    module="sigs.k8s.io/controller-tools",
    minutes=1,
    why="making the schemas of custom resources",
)
"""In the module whose packages it reads, so that it always runs on them."""

ETCD = GoTool(
    name="etcd",
    folder=FOLDER / "etcd",
    package="go.etcd.io/etcd/server/v3",
    module="go.etcd.io/etcd/server/v3",
    minutes=0.8,
    why="the sandbox's cluster",
    tell_version=("--version",),
)


def _kubernetes(name: str, minutes: float, *tell_version: str) -> GoTool:
    """A command of Kubernetes, which learns its version from the linker."""
    version = "k8s.io/component-base/version"
    return GoTool(
        name=name,
        folder=FOLDER / "kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        module="k8s.io/kubernetes",
        minutes=minutes,
        why="the sandbox's cluster",
        ldflags=f"-s -w -X {version}.gitVersion={{version}} -X {version}.gitMajor={{major}} "
        f"-X {version}.gitMinor={{minor}}",
        tell_version=tell_version,
    )


KUBE_APISERVER = _kubernetes("kube-apiserver", 7, "--version")
KUBE_CONTROLLER_MANAGER = _kubernetes("kube-controller-manager", 1, "--version")
KUBE_SCHEDULER = _kubernetes("kube-scheduler", 0.5, "--version")
KUBECTL = _kubernetes("kubectl", 0.5, "version", "--client")

KWOK = GoTool(
    name="kwok",
    folder=FOLDER / "kwok",
    package="sigs.k8s.io/kwok/cmd/kwok",
    module="sigs.k8s.io/kwok",
    minutes=1.7,
    why="the sandbox's nodes and pods",
    ldflags="-s -w -X sigs.k8s.io/kwok/pkg/consts.Version={version}",
)
"""Its stages are read from its module, so it is always built."""

SOURCE_CONTROLLER = GoTool(
    name="source-controller",
    folder=FOLDER / "source-controller",
    package="github.com/fluxcd/source-controller",
    module="github.com/fluxcd/source-controller",
    minutes=5.5,
    why="the sandbox's cluster",
)

KUSTOMIZE_CONTROLLER = GoTool(
    name="kustomize-controller",
    folder=FOLDER / "kustomize-controller",
    package="github.com/fluxcd/kustomize-controller",
    module="github.com/fluxcd/kustomize-controller",
    minutes=3.5,
    why="the sandbox's cluster",
)

HELM_CONTROLLER = GoTool(
    name="helm-controller",
    folder=FOLDER / "helm-controller",
    package="github.com/fluxcd/helm-controller",
    module="github.com/fluxcd/helm-controller",
    minutes=10,
    why="the sandbox's cluster",
)

HELM = GoTool(
    name="helm",
    folder=FOLDER / "helm",
    package="helm.sh/helm/v4/cmd/helm",
    module="helm.sh/helm/v4",
    minutes=1.6,
    why="the charts of the sandbox's cluster",
    ldflags="-s -w -X helm.sh/helm/v4/internal/version.version={version}",
    tell_version=("version", "--template={{.Version}}"),
)

FLUX_BOOTSTRAP = GoTool(
    name="flux-bootstrap",
    folder=FOLDER / "flux-bootstrap",
    package=".",
    module="github.com/fluxcd/flux2/v2",
    minutes=1,
    why="the sandbox's bootstrap",
    ldflags="-s -w -X main.version={number}",
)
"""Our own, on Flux's packages: the flux CLI cannot be built from its module. It is of Flux's version."""

TOOLS: Mapping[str, GoTool] = MappingProxyType(
    {
        tool.name: tool
        for tool in (
            *(PULUMI, ACTIONLINT, KUSTOMIZE, KUBECONFORM, KUBE_VALIDATE, KYVERNO, CONTROLLER_GEN, CRANE, PROMTOOL),
            *(ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER, KUBECTL, KWOK),
            *(SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER, HELM_CONTROLLER, HELM, FLUX_BOOTSTRAP),
        )
    }
)
"""By name."""
