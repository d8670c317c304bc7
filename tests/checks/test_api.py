"""What the API server's own code says of objects, on the validator itself."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import api, binaries, schemas, tree
from checks.config import load
from common.errors import CannotRunError
from infra.contract import versions
from tests.checks import trees

if TYPE_CHECKING:
    from pathlib import Path


def asked(*lines: Any) -> list[dict[str, Any]]:
    done = subprocess.run(
        [binaries.kube_validate()],
        input="\n".join(map(json.dumps, lines)),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_is_of_the_version_that_the_sandbox_runs() -> None:
    said = subprocess.check_output([binaries.kube_validate(), "--version"], text=True)
    assert said.split() == ["kube-validate", f"v{versions.KUBERNETES_SANDBOX}"]


# The first group is another API server's; objects of the others are made by controllers or asked questions.
UNKNOWN = {"apiregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "events.k8s.io"}
NEVER_APPLIED = {"ComponentStatus", "Binding", "Event"}


def test_every_kind_that_a_manifest_can_be_applied_as_is_known() -> None:
    known = schemas.ensure(versions.KUBERNETES_DEFAULT, binaries.say)
    kinds = sorted(
        kind for kind in known.kinds if known.is_core(kind) and kind[0] not in UNKNOWN and kind[2] not in NEVER_APPLIED
    )
    objects = [
        {"object": {"apiVersion": "/".join(filter(None, (group, version))), "kind": kind, "metadata": {"name": "a"}}}
        for group, version, kind in kinds
    ]
    unknown = [kind for kind, said in zip(kinds, asked(*objects), strict=True) if not said["known"]]
    assert (unknown, len(kinds) > 50) == ([], True)


def test_an_unknown_kind_and_a_version_that_is_not_served_are_not_judged() -> None:
    for version, kind in (("example.com/v1", "Shop"), ("apps/v9", "Deployment"), ("v1", "Nothing")):
        said = asked({"object": {"apiVersion": version, "kind": kind, "metadata": {"name": "A B"}}})
        assert said == [{"known": False, "problems": []}]


@pytest.mark.parametrize("line", ["{", "[]", '{"other": 1}', '{"object": []}'])
def test_what_it_does_not_understand_ends_it(line: str) -> None:
    done = subprocess.run([binaries.kube_validate()], input=line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kube-validate: document 1")


def test_an_answer_that_is_missing_is_not_a_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = trees.write(tmp_path)
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    for script, reason in (("exit 3", "0 answers for"), ("echo no >&2; exit 1", "no"), ("echo '{}'", "1 answers for")):
        tool = tmp_path / "tool"
        tool.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setattr(binaries, "kube_validate", lambda tool=tool: tool)
        with pytest.raises(CannotRunError, match=f"kube-validate failed: {reason}"):
            api.refusals(model, use_cache=False)


def test_an_encrypted_object_is_not_judged(tmp_path: Path) -> None:
    secret = """-- k8s/applications/config.yaml --
apiVersion: v1
kind: Secret
metadata: {name: a, namespace: applications}
data: {key: "ENC[AES256_GCM,data:bm8=,iv:bm8=]"}
sops: {version: 3.9.0}
"""
    root = trees.write(tmp_path, secret)
    model = tree.build(tree.read(root, load(root)), binaries.kustomize())
    assert api.refusals(model) == ()
    root = trees.write(tmp_path, secret.replace("sops:", "stringData:"))
    (refusal,) = api.refusals(tree.build(tree.read(root, load(root)), binaries.kustomize()))
    assert (refusal.field, refusal.path) == ("data.key", ("data", "key"))


CRON_JOB = """-- k8s/infrastructure/cron.yaml --
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: observability, labels: {vpc: "${VPC_ID}"}}
spec:
  schedule: "${SCHEDULE}"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Always
          containers: [{name: web, image: "ghcr.io/acme/web:1.0.0"}]
"""


def test_a_value_that_is_not_known_may_be_a_good_one(tmp_path: Path) -> None:
    def refused(text: str) -> list[str]:
        root = trees.write(tmp_path, text)
        model = tree.build(tree.read(root, load(root)), binaries.kustomize())
        return [each.field for each in api.refusals(model)]

    policy = "spec.jobTemplate.spec.template.spec.restartPolicy"
    assert refused(CRON_JOB) == [policy]
    assert refused(CRON_JOB.replace("${SCHEDULE}", "${SCHEDULE:=daily}")) == ["spec.schedule", policy]
    assert refused(CRON_JOB.replace("${SCHEDULE}", "every day")) == ["spec.schedule", policy]


MANIFEST: dict[str, Any] = {
    "data": {"a.b": "x", "3": "y"},
    "spec": {
        "containers": [{"name": "one"}, {"name": "two", "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}],
        "words": ["a", "b"],
    },
}


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("", ()),
        ("spec", ("spec",)),
        ("spec.containers[1].ports[0].port", ("spec", "containers", 1, "ports", 0, "port")),
        ("data[a.b]", ("data", "a.b")),
        ("data[3]", ("data", "3")),
        ('spec.containers[name="two"].ports', ("spec", "containers", 1, "ports")),
        ('spec.containers[name="two"].ports[port=53,protocol="UDP"]', ("spec", "containers", 1, "ports", 0)),
        ('spec.containers[name="two"].ports[port=53,protocol="TCP"]', ("spec", "containers", 1, "ports", 1)),
        ('spec.containers[name="three"].ports', ("spec", "containers")),
        ("spec.containers[7].ports", ("spec", "containers")),
        ("spec.new.field", ("spec", "new", "field")),
    ],
)
def test_a_field_leads_to_its_line(field: str, path: tuple[str | int, ...]) -> None:
    assert api.steps(field, MANIFEST) == path


@given(st.text(alphabet='ab.[]"=,3\\', max_size=20))
def test_no_field_is_too_odd(field: str) -> None:
    assert len(api.steps(field, MANIFEST)) <= len(field)
