"""Two nets keep everything but AWS out of the stack, each alone, tried on the real pulumi-eks and pulumi-kubernetes.

The guard is a stack transformation; beneath it `pulumi:disable-default-providers` in the stack file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import REPOSITORY
from tests.support.engine import STACK

if TYPE_CHECKING:
    from tests.support.engine import Project

pytestmark = pytest.mark.engine

GUARDED = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from infra import aws_only
aws_only.install()
"""
NAMESPACE = """
import pulumi_kubernetes as k8s
k8s.core.v1.Namespace("flux-system")
"""
CHART = """
import pulumi_kubernetes as k8s
k8s.helm.v4.Chart("chart", chart="x")
"""
EXPLICIT_PROVIDER = """
import pulumi_kubernetes as k8s
k8s.Provider("own", kubeconfig="{}")
"""
CLUSTER = """
import pulumi_eks as eks
eks.Cluster("cluster")
"""
INVOKE = """
import pulumi_kubernetes as k8s
k8s.kustomize.v2.Directory("directory", directory=".")
"""
DATA_SOURCE = """
import pulumi
pulumi.runtime.invoke("kubernetes:yaml:decode", {"text": "a: b"})
"""


@pytest.fixture
def guarded(project: Project) -> Project:
    """A project whose programs run with pulumi-eks and pulumi-kubernetes."""
    environment = REPOSITORY / ".venv-guard"
    assert (environment / ".done").exists(), "run: make .venv-guard/.done"
    return project


def preview(project: Project, program: str, *, net: bool = False) -> str:
    project.write(program, virtualenv=REPOSITORY / ".venv-guard")
    stack_file = project.folder.project / f"Pulumi.{STACK}.yaml"
    salt = next(line for line in stack_file.read_text().splitlines() if line.startswith("encryptionsalt"))
    config = 'config:\n  pulumi:disable-default-providers: ["*"]\n' if net else ""
    stack_file.write_text(f"{salt}\n{config}")
    done = project.run("preview", "--stack", STACK)
    assert done.returncode != 0, done.stdout
    return done.stdout


@pytest.mark.parametrize(
    ("program", "refused"),
    [
        (NAMESPACE, "kubernetes:core/v1:Namespace 'flux-system' is refused"),
        (CHART, "kubernetes:helm.sh/v4:Chart 'chart' is refused"),
        (EXPLICIT_PROVIDER, "pulumi:providers:kubernetes 'own' is refused"),
        (CLUSTER, "eks:index:Cluster 'cluster' is refused"),
        (INVOKE, "kubernetes:kustomize/v2:Directory 'directory' is refused"),
    ],
    ids=["resource", "component", "provider", "remote component", "remote component that reads files"],
)
def test_the_guard_alone_refuses_it_before_a_plugin_is_sought(guarded: Project, program: str, refused: str) -> None:
    printed = preview(guarded, GUARDED + program)
    assert f"{refused}: this stack holds AWS resources only, so that a preview never needs a live cluster" in printed
    assert "plugin" not in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("program", "package"),
    [(NAMESPACE, "kubernetes"), (CHART, "kubernetes"), (CLUSTER, "eks"), (DATA_SOURCE, "kubernetes")],
    ids=["resource", "component", "remote component", "data source"],
)
def test_the_stack_file_alone_refuses_what_needs_a_default_provider(
    guarded: Project, program: str, package: str
) -> None:
    printed = preview(guarded, program, net=True)
    assert f"Default provider for '{package}' disabled" in printed
    assert "could not find plugin" not in printed.lower()
