"""No one but the named ServiceAccount of this cluster assumes a role, and what a role may do names its cluster."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import policy_documents
from infra.trust import DNS_LABEL, DNS_SUBDOMAIN, irsa_trust, pod_identity_trust
from tests.support.iam_reference import lint, writes_on_everything

if TYPE_CHECKING:
    from pathlib import Path

PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-2.amazonaws.com/id/A"
ISSUER = "https://oidc.eks.eu-west-2.amazonaws.com/id/A"
HOST = ISSUER.removeprefix("https://")
CLUSTER_TAG = "elbv2.k8s.aws/cluster"
MANAGED_POLICY_LIMIT = 6144
"""Characters of a managed policy, white space aside (IAM and STS quotas)."""

REPOSITORY = "arn:aws:ecr:eu-west-2:123456789012:repository/load-harness"
RENDERED = {
    "load-balancer-controller": policy_documents.document("load-balancer-controller", cluster="staging"),
    "image-reflector-controller": policy_documents.document("image-reflector-controller", repositories=[REPOSITORY]),
}

WIDE_AS_PUBLISHED = {
    "ec2:AuthorizeSecurityGroupIngress": "load balancers reach nodes, whose groups have no tag of the controller",
    "ec2:RevokeSecurityGroupIngress": "as above",
    "ec2:CreateSecurityGroup": "the controller also makes groups that it tags later",
    "elasticloadbalancing:CreateListener": "a listener has its tag only after it was made",
    "elasticloadbalancing:CreateRule": "as a listener",
    "elasticloadbalancing:DeleteListener": "listeners that were made before they were tagged",
    "elasticloadbalancing:DeleteRule": "as a listener",
    "elasticloadbalancing:AddListenerCertificates": "as above",
    "elasticloadbalancing:ModifyListener": "as above",
    "elasticloadbalancing:ModifyRule": "as above",
    "elasticloadbalancing:RemoveListenerCertificates": "as above",
    "elasticloadbalancing:SetRulePriorities": "as above",
    "shield:CreateProtection": "what is protected is named by an annotation of an Ingress",
    "shield:DeleteProtection": "as above",
    "waf-regional:AssociateWebACL": "as above",
    "waf-regional:DisassociateWebACL": "as above",
    "wafv2:AssociateWebACL": "as above",
    "wafv2:DisassociateWebACL": "as above",
}
"""Writes on everything in AWS Load Balancer Controller's own policy, and why."""

labels = st.from_regex(DNS_LABEL, fullmatch=True)
accounts = st.from_regex(DNS_SUBDOMAIN, fullmatch=True).filter(lambda name: len(name) <= 253)
anything = st.text(max_size=80) | st.sampled_from(["*", "?", 'a"', "a:b", "default:*", "a\nb", "${aws:username}", "A"])


def allowed(policy: str, context: dict[str, str], action: str, principal: dict[str, str]) -> bool:
    """IAM's evaluation of a trust policy, as far as these use it: all conditions of one statement must hold."""
    for statement in json.loads(policy)["Statement"]:
        operators: dict[str, dict[str, str]] = statement.get("Condition", {})
        assert set(operators) <= {"StringEquals"}
        holds = all(context.get(key) == value for key, value in operators.get("StringEquals", {}).items())
        if action in statement["Action"] and statement["Principal"] == principal and holds:
            return True
    return False


def web_identity(host: str, namespace: str, account: str, audience: str = "sts.amazonaws.com") -> dict[str, str]:
    return {f"{host}:aud": audience, f"{host}:sub": f"system:serviceaccount:{namespace}:{account}"}


@given(namespace=labels, account=accounts, other=st.tuples(anything | labels, anything | accounts))
def test_irsa_admits_the_named_service_account_alone(namespace: str, account: str, other: tuple[str, str]) -> None:
    policy = irsa_trust(PROVIDER, ISSUER, namespace, account)
    federated = {"Federated": PROVIDER}
    action = "sts:AssumeRoleWithWebIdentity"
    assert allowed(policy, web_identity(HOST, namespace, account), action, federated)
    subject_is_another = f"{other[0]}:{other[1]}" != f"{namespace}:{account}"
    assert not (subject_is_another and allowed(policy, web_identity(HOST, *other), action, federated))
    assert not allowed(policy, web_identity(HOST, namespace, account, "other"), action, federated)
    assert not allowed(policy, web_identity(HOST + "B", namespace, account), action, federated)
    assert not allowed(policy, web_identity(HOST, namespace, account), action, {"Federated": PROVIDER + "B"})


@given(namespace=labels, account=accounts)
def test_irsa_binds_audience_and_subject_without_wildcards(namespace: str, account: str) -> None:
    (statement,) = json.loads(irsa_trust(PROVIDER, ISSUER, namespace, account))["Statement"]
    assert set(statement["Condition"]) == {"StringEquals"}
    assert set(statement["Condition"]["StringEquals"]) == {f"{HOST}:aud", f"{HOST}:sub"}
    assert "*" not in json.dumps(statement)


@given(namespace=labels, account=accounts, other=st.tuples(anything, labels, accounts))
def test_pod_identity_admits_the_named_service_account_of_this_cluster_alone(
    namespace: str, account: str, other: tuple[str, str, str]
) -> None:
    policy = pod_identity_trust("123456789012", "staging", namespace, account)
    service = {"Service": "pods.eks.amazonaws.com"}

    def context(cluster: str, namespace: str, account: str, owner: str = "123456789012") -> dict[str, str]:
        tag = "aws:RequestTag/"
        return {
            "aws:SourceAccount": owner,
            f"{tag}eks-cluster-name": cluster,
            f"{tag}kubernetes-namespace": namespace,
            f"{tag}kubernetes-service-account": account,
        }

    assert allowed(policy, context("staging", namespace, account), "sts:AssumeRole", service)
    assert other == ("staging", namespace, account) or not allowed(policy, context(*other), "sts:AssumeRole", service)
    assert not allowed(policy, context("staging-2", namespace, account), "sts:AssumeRole", service)
    assert not allowed(policy, context("staging", namespace, account, "210987654321"), "sts:AssumeRole", service)


@given(namespace=anything, account=anything)
def test_names_that_kubernetes_would_refuse_are_refused(namespace: str, account: str) -> None:
    good = DNS_LABEL.fullmatch(namespace) and DNS_SUBDOMAIN.fullmatch(account)
    for trust in (
        lambda: irsa_trust(PROVIDER, ISSUER, namespace, account),
        lambda: pod_identity_trust("123456789012", "staging", namespace, account),
    ):
        if good:
            json.loads(trust())
        else:
            with pytest.raises(ValueError, match=r"is not a (namespace|ServiceAccount)"):
                trust()


def statements(cluster: str) -> list[dict[str, Any]]:
    return json.loads(policy_documents.document("load-balancer-controller", cluster=cluster))["Statement"]


def test_the_load_balancer_controller_fits_into_a_managed_policy_for_the_longest_cluster_name() -> None:
    assert len(policy_documents.document("load-balancer-controller", cluster="x" * 100)) <= MANAGED_POLICY_LIMIT


def test_the_load_balancer_controller_touches_only_what_is_tagged_with_its_cluster() -> None:
    destructive = {
        "ec2:DeleteSecurityGroup",
        "ec2:DeleteTags",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:SetSecurityGroups",
    }
    found: set[str] = set()
    for statement in statements("staging"):
        hit = destructive.intersection(statement["Action"])
        if hit:
            assert statement["Condition"]["StringEquals"][f"aws:ResourceTag/{CLUSTER_TAG}"] == "staging"
            found |= hit
    assert found == destructive


def test_no_condition_of_the_load_balancer_controller_accepts_any_cluster() -> None:
    for statement in statements("staging"):
        null: dict[str, str] = statement.get("Condition", {}).get("Null", {})
        # "the key is absent" may stay: it forbids re-tagging; "the key is present" would admit every cluster.
        assert all(value == "true" for value in null.values())


def test_what_the_load_balancer_controller_creates_carries_its_clusters_tag() -> None:
    creating = {"ec2:CreateAction", "elasticloadbalancing:CreateAction"}
    found = 0
    for statement in statements("staging"):
        condition = statement.get("Condition", {}).get("StringEquals", {})
        if creating & set(condition) or "elasticloadbalancing:CreateLoadBalancer" in statement["Action"]:
            assert condition[f"aws:RequestTag/{CLUSTER_TAG}"] == "staging"
            found += 1
    assert found == 3


def test_the_image_reflector_reads_the_named_repositories_alone() -> None:
    arns = [REPOSITORY]
    token, read = json.loads(policy_documents.document("image-reflector-controller", repositories=arns))["Statement"]
    assert token["Action"] == ["ecr:GetAuthorizationToken"]
    assert read["Resource"] == arns
    assert not any(
        fnmatchcase(action, pattern)
        for action in read["Action"]
        for pattern in ("*:Put*", "*:Delete*", "*:Create*", "*:Set*", "*:Tag*", "*:*Upload*", "*[*]*")
    )


def test_a_placeholder_without_value_is_refused() -> None:
    with pytest.raises(KeyError, match="cluster"):
        policy_documents.document("load-balancer-controller")


@pytest.mark.parametrize("page", sorted(policy_documents.DOCUMENTS.glob("*.json")), ids=lambda path: path.name)
def test_every_policy_document_names_its_source_and_date(page: Any) -> None:
    notes = json.loads(page.read_text())
    assert set(notes) == {"source", "date", "policy"}
    assert notes["source"]
    assert len(notes["date"].split("-")) == 3


@pytest.mark.parametrize("name", RENDERED)
def test_the_linter_finds_nothing_but_what_is_accepted_with_a_reason(name: str) -> None:
    accepted = {
        # The reference is older than the policy.
        ("UNKNOWN_ACTION", "Unknown action elasticloadbalancing:ModifyIpPools"),
        # The reference lists the key for other actions; Elastic Load Balancing's user guide has it for AddTags.
        (
            "UNKNOWN_CONDITION_FOR_ACTION",
            "Unknown condition elasticloadbalancing:CreateAction for action elasticloadbalancing:AddTags",
        ),
    }
    # Wide resources have a test of their own.
    found = {(finding.issue, finding.subject) for finding in lint(RENDERED[name]) if finding.issue != "RESOURCE_STAR"}
    assert found == (accepted if name == "load-balancer-controller" else set())


def test_workloads_write_on_everything_only_as_the_controller_publishes_it() -> None:
    assert writes_on_everything(RENDERED["load-balancer-controller"]) == set(WIDE_AS_PUBLISHED)
    assert writes_on_everything(RENDERED["image-reflector-controller"]) == set()


def test_every_document_is_linted() -> None:
    assert {page.stem for page in policy_documents.DOCUMENTS.glob("*.json")} == set(RENDERED)


def test_a_text_becomes_as_many_as_the_list_in_it(tmp_path: Path) -> None:
    policy = {"Action": ["a:@names@", "b:C"], "Resource": "arn:@names@/*", "Condition": {"key/@cluster@": "@names@"}}
    (tmp_path / "p.json").write_text(json.dumps({"policy": policy}))
    assert json.loads(policy_documents.document("p", tmp_path, cluster="c", names=["x", "y"])) == {
        "Action": ["a:x", "a:y", "b:C"],
        "Resource": ["arn:x/*", "arn:y/*"],
        "Condition": {"key/c": ["x", "y"]},
    }
