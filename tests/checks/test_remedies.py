"""A remedy fits its case: what was misspelt is named, and what is another program's is told how to be left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks import config, run
from checks.findings import Finding, Stage
from tests.checks import trees

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """-- k8s/infrastructure/job.yaml --
apiVersion: batch/v1
kind: CronJob
metadata: {{name: job, namespace: observability}}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: job
              image: example.com/job:1.0.0
              command: [{command}]
              args: ['{args}']
              env: [{{name: TOKEN, value: x}}]
"""
FILE = """-- k8s/infrastructure/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {{name: files, namespace: observability}}
data:
  {name}: |
    {text}
"""


def found(root: Path, stage: Stage, text: str) -> dict[str, Finding]:
    """The findings of a stage of a tree, by rule."""
    trees.write(root, text)
    return {finding.rule: finding for finding in run.run(root, config.load(root), stages=[stage]).findings}


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (SCRIPT.format(command="sh, -c", args="echo ${f##*/}"), "$${f} if the script"),
        (SCRIPT.format(command="/bin/bash", args="${other}"), "$${other} if the script"),
        (SCRIPT.format(command="job", args="f=1; echo ${f}"), "$${f} if the script"),
        (SCRIPT.format(command="job", args="--token=${TOKEN}"), "$${TOKEN} if the script"),
        (SCRIPT.format(command="job", args="--to=${REGION}"), "give REGION a value or a default; known are"),
        (SCRIPT.format(command="sh, -c", args="echo ${VPC_IDD}"), "did you mean VPC_ID?"),
        (FILE.format(name="run.sh", text="echo ${name}"), "annotate the ConfigMap with"),
        (FILE.format(name="dashboard.json", text="${datasource}"), "if what reads dashboard.json is to see"),
        (FILE.format(name="greeting", text="${datasource}"), "give datasource a value"),
    ],
)
def test_a_variable_without_a_value_is_told_whose_it_may_be(tmp_path: Path, text: str, remedy: str) -> None:
    assert remedy in found(tmp_path, Stage.SUBSTITUTION, text)["S2"].remedy


def test_what_follows_from_a_misspelt_variable_is_not_said_again(tmp_path: Path) -> None:
    text = FILE.format(name="id", text="x").replace("|\n    x", '"${VPC_IDD}"')
    trees.write(tmp_path, text)
    findings = run.run(tmp_path, config.load(tmp_path), stages=[Stage.SUBSTITUTION]).findings
    assert {finding.rule for finding in findings} >= {"S2", "S9"}
    assert not [each for each in findings if each.rule == "S7" or each.object.startswith("VPC_ID ")]


FIELD = """-- k8s/applications/web.yaml --
apiVersion: {api}
kind: {kind}
metadata: {{name: web, namespace: applications}}
spec:
  {field}: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - {{name: web, image: example.com/web:1.0.0, {inner}}}
"""


@pytest.mark.parametrize(
    ("values", "rule", "remedy"),
    [
        ({"field": "replica"}, "K1", "did you mean replicas?"),
        ({"inner": "imagePullPolicie: Always"}, "K1", "did you mean imagePullPolicy?"),
        ({"kind": "Deploymnet"}, "K2", "did you mean Deployment?"),
    ],
)
def test_a_misspelt_field_or_kind_is_named(tmp_path: Path, values: dict[str, str], rule: str, remedy: str) -> None:
    default = {"api": "apps/v1", "kind": "Deployment", "field": "replicas", "inner": "imagePullPolicy: Always"}
    assert remedy in found(tmp_path, Stage.SCHEMA, FIELD.format(**default | values))[rule].remedy


def test_a_misspelt_namespace_is_named(tmp_path: Path) -> None:
    text = FILE.format(name="a", text="b").replace("observability", "observabilty")
    assert found(tmp_path, Stage.ORDER, text)["E5"].remedy.startswith("did you mean observability?")


DEPENDENCY = """-- k8s/applications/child.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: child, namespace: {namespace}}}
spec:
  interval: 5m
  retryInterval: 1m
  path: ./k8s/child
  prune: true
  dependsOn: [{{name: {name}}}]
  sourceRef: {{kind: GitRepository, name: flux-system, namespace: flux-system}}
-- k8s/child/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {{name: child, namespace: applications}}
"""


@pytest.mark.parametrize(
    ("namespace", "name", "remedy"),
    [
        ("applications", "infrastructure", "name flux-system/infrastructure: set namespace: flux-system in the entry"),
        ("flux-system", "infrastructur", "did you mean flux-system/infrastructure?"),
    ],
)
def test_a_dependency_is_named_with_its_namespace(tmp_path: Path, namespace: str, name: str, remedy: str) -> None:
    assert remedy in found(tmp_path, Stage.ORDER, DEPENDENCY.format(namespace=namespace, name=name))["E3"].remedy
