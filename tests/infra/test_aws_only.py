"""The guard lets AWS and our own components through, and nothing else."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
import pytest

from infra import aws_only
from tests.support import recorder


def foreign(kind: str) -> None:
    aws_only.install()
    pulumi.CustomResource(kind, "x", {})


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(
    "kind", ["kubernetes:core/v1:Namespace", "eks:index:Cluster", "random:index/randomId:RandomId", "awsx:ec2:Vpc"]
)
def test_a_resource_of_another_package_is_refused_with_the_reason(kind: str, *, preview: bool) -> None:
    with pytest.raises(pulumi.RunError, match=f"{kind} 'x' is refused: this stack holds AWS resources only"):
        recorder.run(lambda: foreign(kind), preview=preview)


@pytest.mark.parametrize("package", ["kubernetes", "eks", "awsx"])
def test_a_provider_of_another_package_is_refused(package: str) -> None:
    def program() -> None:
        aws_only.install()
        pulumi.ProviderResource(package, "x", {})

    with pytest.raises(pulumi.RunError, match=f"pulumi:providers:{package} 'x' is refused"):
        recorder.run(program, preview=True)


def test_a_remote_component_of_another_package_is_refused() -> None:
    def program() -> None:
        aws_only.install()
        pulumi.ComponentResource("eks:index:Cluster", "x", {}, remote=True)

    with pytest.raises(pulumi.RunError, match="eks:index:Cluster 'x' is refused"):
        recorder.run(program, preview=True)


def test_aws_and_our_components_pass() -> None:
    def program() -> None:
        aws_only.install()
        component = pulumi.ComponentResource("infra-fleet:index:Network", "network")
        aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", opts=pulumi.ResourceOptions(parent=component))
        aws.Provider("aws", region="eu-west-2")

    assert len(recorder.run(program, preview=True).registrations) == 3


def test_the_guard_is_the_programs_first_statement() -> None:
    source = (recorder.REPOSITORY / "__main__.py").read_text()
    body = [line for line in source.splitlines() if line and not line.startswith(("import", "from", '"""', " ", "#"))]
    assert body[0] == "aws_only.install()"
