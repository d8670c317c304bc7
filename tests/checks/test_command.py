"""What a person and a workflow see: output, exit codes, stages that stop, and what cannot run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from fleet.app import app
from tests.checks import trees
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = """
-- k8s/infrastructure/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: observability}
data:
  vpc: in ${VPC_IDS}
  account: "${AWS_ACCOUNT_ID}"
  percent, colon: 100% of it
-- k8s/applications/config.yaml --
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: a, namespace: applications}
"""
WARNED = """
-- k8s/flux-system/flux-system/kustomizations.yaml --
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: infrastructure, namespace: flux-system}
spec:
  interval: 5m
  path: ./k8s/infrastructure
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
"""
NOTED = """
-- k8s/infrastructure/release.yaml --
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: other, namespace: observability}
spec:
  interval: 10m
  chart:
    spec:
      chart: some-chart
      version: 1.0.0
      sourceRef: {kind: HelmRepository, name: charts, namespace: flux-system}
-- k8s/infrastructure/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: observability}
data: {vpc: "in ${VPC_ID}"}
"""


def checks(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fleet", "check", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_stage_is_complete_before_it_is_the_last(tmp_path: Path) -> None:
    done = checks(str(trees.write(tmp_path, BROKEN)), "--format=json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    found = [(finding["rule"], finding["line"]) for finding in report["findings"] if finding["severity"] == "error"]
    assert found == [("S2", 5), ("S7", 6)]
    assert report["stages"] == ["yaml", "build", "substitution"]
    assert report["notRun"] == ["schema", "order", "policy"]
    assert {"file", "line", "object", "rule", "severity", "why", "remedy"} == set(report["findings"][0])


def test_a_finding_for_people_names_the_line_and_what_to_do(tmp_path: Path) -> None:
    done = checks(str(trees.write(tmp_path, BROKEN)))
    assert "k8s/infrastructure/config.yaml:5: error S2: ConfigMap observability/a\n" in done.stdout
    assert 'variable not set (strict mode): "VPC_IDS"\n' in done.stdout
    assert "→ did you mean VPC_ID? Otherwise give VPC_IDS a value or a default" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "✗ 8 objects of 3 Flux Kustomizations (not followed: none): 2 errors, 1 note "
        "(yaml, build, substitution; not run: schema, order, policy)"
    )


def test_githubs_annotations_are_escaped(tmp_path: Path) -> None:
    root = trees.write(tmp_path, BROKEN.replace("${VPC_IDS}", "100% ${VPC%}"))
    done = checks(str(root), "--format=github")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert line.startswith("::error file=k8s/infrastructure/config.yaml,line=5,title=S1 ConfigMap observability/a::")
    assert "%" not in line.replace("%25", "").replace("%3A", "").replace("%2C", "")


def test_one_stage_alone_runs_as_a_step_of_a_workflow(tmp_path: Path) -> None:
    root = trees.write(tmp_path, BROKEN)
    assert checks(str(root), "--stage=yaml").returncode == 0
    assert checks(str(root), "--stage=substitution").returncode == 1
    done = checks(str(root), "--stage=order", "--format=json")
    assert {finding["rule"] for finding in json.loads(done.stdout)["findings"]} == {"E4"}
    assert json.loads(done.stdout)["stages"] == ["order"]


def test_warnings_fail_strict_runs_alone_and_notes_none(tmp_path: Path) -> None:
    warned, noted = tmp_path / "warned", tmp_path / "noted"
    assert checks(str(trees.write(warned, WARNED))).returncode == 0
    done = checks(str(warned), "--strict")
    assert done.returncode == 1
    assert "warning E11" in done.stdout
    done = checks(str(trees.write(noted, NOTED)), "--strict")
    assert done.returncode == 0, done.stdout
    assert "note E22" in done.stdout


def test_explain_prints_a_rule_and_names_the_others_where_there_is_none() -> None:
    done = checks("--explain", "e1")
    assert done.stdout.startswith("E1: ")
    assert "\nBad:\n" in done.stdout
    assert done.stdout.endswith("Severity: error.\n")
    done = checks("--explain", "E99")
    assert done.returncode == 2
    assert "unknown rule E99" in done.stderr


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "checks.yaml is missing"),
        ("kubernetes: [}", "checks.yaml:1: not valid YAML"),
        ("bootstrap: {path: k8s}", "kubernetes is missing"),
        ('kubernetes: "1.36"\nbootstrap: {path: /k8s}', "bootstrap.path = '/k8s': "),
        (
            'kubernetes: "1.36"\nbootstrap: {path: k8s/flux-system}\nvariable: {}',
            "variable: unknown setting; did you mean variables?",
        ),
    ],
)
def test_what_cannot_run_says_so_in_lines_and_ends_with_2(tmp_path: Path, config: str | None, said: str) -> None:
    root = trees.write(tmp_path)
    (root / "checks.yaml").unlink()
    if config is not None:
        (root / "checks.yaml").write_text(config)
    done = checks(str(root))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_none_and_a_kubernetes_without_schemas_are_named(tmp_path: Path) -> None:
    done = checks(str(tmp_path / "nowhere"), f"--config={trees.write(tmp_path / 'there') / 'checks.yaml'}")
    assert (done.returncode, "nowhere is not a folder" in done.stderr) == (2, True)
    root = trees.write(tmp_path / "old", NOTED.replace("-- k8s", "-- k8s", 1))
    (root / "checks.yaml").write_text((root / "checks.yaml").read_text().replace('"1.36"', '"1.11"'))
    done = checks(str(root))
    assert done.returncode == 2
    assert "1.11" in done.stderr
    assert "Traceback" not in done.stderr


def test_tools_that_cannot_be_had_end_it_with_2(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = checks(
        str(trees.write(tmp_path / "tree")), PATH=str(tmp_path / "bin"), XDG_CACHE_HOME=str(tmp_path / "cache")
    )
    assert done.returncode == 2
    assert "kustomize" in done.stderr
    assert "put Go on PATH" in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_are_said_before_what_follows_from_them(tmp_path: Path) -> None:
    done = checks(str(trees.write(tmp_path, BROKEN)))
    severities = re.findall(r"^\S+:\d+: (error|warning|note) ", done.stdout, re.MULTILINE)
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert len(set(severities)) > 1
    first = re.search(r": error (\w+): ", done.stdout)
    assert first
    assert done.stderr.splitlines()[-1].endswith(f"fleet check --explain {first[1]}")


def test_the_tree_is_the_one_around_the_folder_or_a_named_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = trees.write(tmp_path, BROKEN)
    within = next(folder for folder in root.rglob("*") if folder.is_dir())
    monkeypatch.chdir(within)
    around = CliRunner().invoke(app, ["check", "--stage=yaml"])
    monkeypatch.chdir(REPOSITORY)
    named = CliRunner().invoke(app, ["check", f"-C{root}", "--stage=yaml"])
    assert around.stdout == named.stdout
    assert named.stdout.endswith("files: nothing found (yaml)\n")
