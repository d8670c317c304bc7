"""checks.yaml says what the contract and k8s/ say, and this repository is clean."""

from __future__ import annotations

import re

import yaml

from checks import binaries, tree
from checks.config import Kind, load
from checks.findings import Severity
from checks.flux import Flux
from checks.run import run
from checks.tree import FLUX_GROUP
from infra.contract import names, outputs, versions
from tests.support.checkout import REPOSITORY

CONFIG = load(REPOSITORY)


def test_the_variables_are_the_keys_of_the_config_map() -> None:
    name = f"ConfigMap/{outputs.CONFIG_MAP_NAMESPACE}/{outputs.CONFIG_MAP_NAME}"
    assert set(CONFIG.variables) == {name}
    assert set(CONFIG.variables[name]) == set(outputs.CONFIG_MAP_KEYS.values())
    assert all(variable.type is Kind.STRING for variable in CONFIG.variables[name].values())


def test_the_samples_fit_together_as_the_outputs_of_one_stack_do() -> None:
    (values,) = CONFIG.variables.values()
    sample = {key: variable.sample for key, variable in values.items()}
    assert sample["ECR_REGISTRY"] == names.ecr_registry(sample["AWS_ACCOUNT_ID"], sample["AWS_REGION"])
    role = names.role_arn(sample["AWS_ACCOUNT_ID"], names.iam_path(sample["CLUSTER_NAME"])[1:])
    assert sample["LOAD_BALANCER_CONTROLLER_ROLE_ARN"].startswith(role)


def test_the_versions_are_those_of_the_contract_and_of_the_tree() -> None:
    assert CONFIG.kubernetes == versions.KUBERNETES_DEFAULT
    assert CONFIG.charts == versions.CHARTS
    releases = Flux(tree.build(tree.read(REPOSITORY, CONFIG), binaries.kustomize())).releases
    assert {release.chart_name: release.version for release in releases} == versions.CHARTS


def test_the_components_are_those_that_the_guide_asks_for() -> None:
    assert set(CONFIG.bootstrap.components) < set(versions.FLUX_CONTROLLERS)
    assert set(versions.FLUX_CONTROLLERS) - set(CONFIG.bootstrap.components) == {"notification-controller"}
    assert CONFIG.bootstrap.folder == "k8s/flux-system/flux-system"


def test_this_repository_is_clean() -> None:
    found = run(REPOSITORY, CONFIG)
    assert [finding for finding in found.findings if finding.severity is not Severity.NOTE] == []
    assert found.left == ()
    documents = [
        document for path in (REPOSITORY / "k8s").rglob("*.yaml") for document in yaml.safe_load_all(path.read_text())
    ]
    written = {
        each["metadata"]["name"] for each in documents if each and str(each.get("apiVersion")).startswith(FLUX_GROUP)
    }
    assert found.kustomizations == len(written | {CONFIG.bootstrap.namespace}), "those written, and the bootstrap's own"
    assert found.objects > found.kustomizations


def test_no_variable_of_the_tree_is_unknown_to_the_stack() -> None:
    used = {
        name
        for path in (REPOSITORY / "k8s").rglob("*.yaml")
        for name in re.findall(r"(?<!\$)\$\{([A-Z_]+)\}", path.read_text())
    }
    assert used <= set(outputs.CONFIG_MAP_KEYS.values())
