"""The contract: who writes an output and who reads it agree, and one file pins every version."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from infra.contract import names, outputs, versions
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

GUIDE_KEYS = {"VPC_ID", "CLUSTER_NAME", "AWS_REGION", "AWS_ACCOUNT_ID", "ENVIRONMENT", "ECR_REGISTRY"}


def test_the_config_map_has_the_keys_that_manifests_quote() -> None:
    assert set(outputs.CONFIG_MAP_KEYS.values()) == {
        *GUIDE_KEYS,
        "INGRESS_CIDRS",
        "INGRESS_SCHEME",
        "LOAD_BALANCER_CIDR",
        "LOAD_BALANCER_CONTROLLER_ROLE_ARN",
    }


def test_outputs_of_a_stack_that_is_down_are_refused_by_name() -> None:
    with pytest.raises(outputs.OutputsError, match=r"\(is it up\?\): vpc_id is missing; cluster_name is missing"):
        outputs.StackOutputs.parse({})


def test_an_output_of_another_type_is_refused() -> None:
    with pytest.raises(outputs.OutputsError, match="private_subnet_ids is 'a', expected a list of strings"):
        outputs.StackOutputs.parse({"private_subnet_ids": "a"})


def test_names_of_a_cluster_are_where_aws_expects_them() -> None:
    assert names.log_group("staging") == "/aws/eks/staging/cluster"
    assert names.iam_path("staging") == "/infra-fleet/staging/"
    assert names.role_arn("123456789012", names.DEPLOY_ROLE) == "arn:aws:iam::123456789012:role/infra-fleet-deploy"


def test_the_pinned_kubernetes_is_offered_and_every_addon_is_pinned_for_it() -> None:
    assert versions.KUBERNETES_DEFAULT in versions.KUBERNETES
    assert {addon.kubernetes for addon in versions.ADDONS.values()} == {versions.KUBERNETES_DEFAULT}


def test_every_file_that_names_a_version_names_the_pinned_one() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    mise = tomllib.loads((REPOSITORY / "mise.toml").read_text())["tools"]
    assert f"pulumi-aws=={versions.PULUMI_AWS}" in project["project"]["dependencies"]
    assert f"pulumi=={versions.PULUMI_SDK}" in project["project"]["dependencies"]
    assert project["project"]["requires-python"] == f">={versions.PYTHON}"
    assert mise == {
        "pulumi": versions.PULUMI,
        "go": versions.GO,
        "python": versions.PYTHON,
        "kustomize": versions.KUSTOMIZE,
        "kubeconform": versions.KUBECONFORM,
        "kyverno": versions.KYVERNO,
    }


@pytest.mark.parametrize("go_mod", sorted(REPOSITORY.glob("tools/*/go.mod")), ids=lambda path: path.parent.name)
def test_every_built_tool_is_pinned_to_the_version_of_the_contract(go_mod: Path) -> None:
    module, version = versions.GO_TOOLS[go_mod.parent.name]
    assert re.search(rf"^\s*(require )?{re.escape(module)} v{re.escape(version)}\b", go_mod.read_text(), re.MULTILINE)
    assert re.search(rf"^go {re.escape(versions.GO)}$", go_mod.read_text(), re.MULTILINE)


def test_the_custom_resources_are_those_of_the_pinned_modules() -> None:
    go_mod = (REPOSITORY / "tools" / "crds" / "go.mod").read_text()
    direct = dict(re.findall(r"^\t(\S+) v(\S+)$", go_mod, re.MULTILINE))
    assert direct == versions.CRD_MODULES


def test_the_contract_imports_the_standard_library_alone() -> None:
    for path in (REPOSITORY / "infra" / "contract").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            imported = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            others = {name.split(".")[0] for name in imported if name != "infra.contract"}
            assert others <= sys.stdlib_module_names, path.name


def test_a_page_shows_the_program_as_it_is() -> None:
    page = (REPOSITORY / "docs" / "change-the-platform.md").read_text()
    assert f"```python\n{(REPOSITORY / '__main__.py').read_text()}```\n" in page
