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

CONTROLLER_GEN = GoTool(
    name="controller-gen",
    folder=FOLDER / "crds",
    package="sigs.k8s.io/controller-tools/cmd/controller-gen",
    module="sigs.k8s.io/controller-tools",
    minutes=1,
    why="making the schemas of custom resources",
)
"""In the module whose packages it reads, so that it always runs on them."""

TOOLS: Mapping[str, GoTool] = MappingProxyType(
    {tool.name: tool for tool in (PULUMI, ACTIONLINT, KUSTOMIZE, KUBECONFORM, KYVERNO, CONTROLLER_GEN)}
)
"""By name."""
