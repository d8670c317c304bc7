"""What the permanent layer asks AWS for: what was reviewed, protected, and open only to the intended principals."""

from __future__ import annotations

import json
import runpy
import sys
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.contract import names
from permanent import image_repositories, state_bucket
from tests.permanent import golden
from tests.support import recorder
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from tests.support.recorder import Recording

ISSUER = "token.actions.githubusercontent.com"
HOUR = 3600


@pytest.fixture(scope="module")
def layer() -> Recording:
    return recorder.run_permanent(preview=False)


@pytest.mark.parametrize("name", golden.CONFIGS)
def test_the_inputs_of_every_resource_are_those_that_were_reviewed(name: str) -> None:
    found = golden.render(recorder.run_permanent(golden.CONFIGS[name], preview=False))
    assert found == golden.page(name).read_text(), "if this is meant: make golden, and review its diff"


@pytest.mark.parametrize("preview", [True, False])
def test_every_resource_is_protected_and_of_aws_and_has_the_one_provider(*, preview: bool) -> None:
    found = recorder.run_permanent(preview=preview)
    (provider,) = (entry for entry in found.registrations.values() if entry.type == "pulumi:providers:aws")
    resources = [entry for entry in found.registrations.values() if entry.custom and entry is not provider]
    assert resources
    for entry in resources:
        assert entry.type.startswith("aws:")
        assert entry.protect, entry.label
        assert entry.provider.startswith(provider.urn), entry.label


def test_the_provider_works_in_its_account_alone_and_tags_what_it_makes(layer: Recording) -> None:
    (provider,) = (entry for entry in layer.registrations.values() if entry.type == "pulumi:providers:aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["123456789012"]
    assert json.loads(provider.inputs["defaultTags"]) == {"tags": {"project": "infra-fleet", "managed-by": "pulumi"}}


def test_the_program_finds_its_packages_when_its_folder_alone_is_on_the_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.path", [path for path in sys.path if path not in ("", str(REPOSITORY))])
    assert recorder.run_permanent(preview=True).all("Bucket")


@pytest.mark.parametrize(
    ("role", "operator", "subject", "hours"),
    [
        (names.PREVIEW_ROLE, "StringEquals", "pull_request", 1),
        (names.DEPLOY_ROLE, "StringEquals", "environment:staging", 2),
        (names.PUSH_ROLE, "StringLike", "ref:refs/tags/v*", 1),
    ],
)
def test_a_role_opens_to_one_subject_of_one_repository(
    layer: Recording, role: str, operator: str, subject: str, hours: int
) -> None:
    found = layer.one("Role", role).inputs
    (statement,) = json.loads(found["assumeRolePolicy"])["Statement"]
    wanted: dict[str, dict[str, str]] = {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"}}
    if role == names.DEPLOY_ROLE:
        wanted["StringEquals"][f"{ISSUER}:ref"] = "refs/heads/main"
    wanted.setdefault(operator, {})[f"{ISSUER}:sub"] = f"repo:your-org/infra-fleet:{subject}"
    assert statement["Condition"] == wanted
    assert statement["Action"] in ("sts:AssumeRoleWithWebIdentity", ["sts:AssumeRoleWithWebIdentity"])
    assert found["name"] == role
    assert found["maxSessionDuration"] == hours * HOUR


def test_each_role_has_its_own_policies_and_there_is_no_other_role(layer: Recording) -> None:
    attached = {(entry.inputs["role"], entry.name) for entry in layer.all("RolePolicyAttachment")}
    roles = {entry.inputs["name"] for entry in layer.all("Role")}
    assert roles == {names.PREVIEW_ROLE, names.DEPLOY_ROLE, names.PUSH_ROLE}
    for role, policy in attached:
        assert policy == role or policy.startswith(f"{role}-")
    assert {role for role, _ in attached} == roles
    boundary = layer.one("Policy", names.BOUNDARY).inputs["name"]
    assert boundary not in {policy for _, policy in attached}


def test_a_provider_that_is_there_is_imported_as_it_is_and_nothing_else_is(layer: Recording) -> None:
    assert [entry.name for entry in layer.registrations.values() if entry.imported or entry.ignored] == []
    adopting = recorder.run_permanent({**recorder.PERMANENT_CONFIG, "adoptGithubProvider": True}, preview=False)
    (entry,) = (entry for entry in adopting.registrations.values() if entry.imported)
    assert entry.type == "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    assert entry.imported == names.provider_arn("123456789012")
    assert {"clientIdLists", "thumbprintLists", "tags"} < set(entry.ignored)
    assert entry.protect


def test_two_clusters_have_two_log_groups_and_their_own_retention() -> None:
    config = {**recorder.PERMANENT_CONFIG, "clusters": ["staging", "staging-2"], "logRetentionDays": 7}
    found = recorder.run_permanent(config, preview=False)
    groups = {entry.inputs["name"]: entry.inputs["retentionInDays"] for entry in found.all("LogGroup")}
    assert groups == {"/aws/eks/staging/cluster": 7, "/aws/eks/staging-2/cluster": 7}
    assert found.outputs["log_groups"] == ["/aws/eks/staging/cluster", "/aws/eks/staging-2/cluster"]


def test_no_secret_is_in_any_state(layer: Recording) -> None:
    assert not layer.all("Parameter")
    assert not any(name in json.dumps(layer.outputs) for name in names.SECRET_PARAMETERS)


def test_people_find_what_they_need_in_the_outputs(layer: Recording) -> None:
    assert layer.outputs["state_backend"] == names.state_backend("123456789012", "eu-west-2")
    assert layer.outputs["secrets_provider"] == names.secrets_provider("eu-west-2")
    assert set(layer.outputs) == {
        *("state_backend", "secrets_provider", "boundary_arn", "repository_urls", "log_groups"),
        *("preview_role_arn", "deploy_role_arn", "push_role_arn"),
    }


@given(st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True))
def test_a_bucket_refuses_whoever_comes_without_tls(bucket: str) -> None:
    (statement,) = json.loads(state_bucket.tls_only(bucket))["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_ten_releases_are_kept_and_no_untagged_part_counts_as_one() -> None:
    rules: list[dict[str, Any]] = json.loads(image_repositories.lifecycle())["rules"]
    kept = [rule["selection"] for rule in rules if rule["selection"]["countType"] == "imageCountMoreThan"]
    assert [(rule["tagStatus"], rule["tagPatternList"], rule["countNumber"]) for rule in kept] == [
        ("tagged", ["v*"], 10)
    ]


def test_a_resource_of_another_package_is_refused_here_too() -> None:
    def program() -> None:
        runpy.run_path(str(REPOSITORY / "permanent" / "program.py"))
        pulumi.CustomResource("random:index/randomId:RandomId", "x", {})

    with pytest.raises(pulumi.RunError, match="AWS resources only"):
        recorder.run(
            program,
            config=recorder.PERMANENT_CONFIG,
            preview=True,
            project=names.PERMANENT_PROJECT,
            stack=names.PERMANENT_STACK,
        )
