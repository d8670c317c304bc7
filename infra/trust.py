"""Trust policies as pure functions: who may assume a role. A ServiceAccount does by IRSA or by EKS Pod Identity."""

from __future__ import annotations

import json
import re

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123: what Kubernetes takes as the name of a namespace."""

DNS_SUBDOMAIN = re.compile(rf"{DNS_LABEL.pattern}(\.{DNS_LABEL.pattern})*")
"""RFC 1123: what Kubernetes takes as the name of a ServiceAccount."""


def service_trust(service: str, *, tag_session: bool = False) -> str:
    """The trust policy of a role that an AWS service assumes. Amazon EKS also tags the session of a cluster's role."""
    actions = ["sts:AssumeRole", "sts:TagSession"] if tag_session else ["sts:AssumeRole"]
    return json.dumps(_trust({"Service": service}, actions))


def irsa_trust(provider_arn: str, issuer: str, namespace: str, service_account: str) -> str:
    """The trust policy of a role for one ServiceAccount of one cluster: both `aud` and `sub` are bound, exactly.

    Source: EKS user guide, "Assign IAM roles to Kubernetes service accounts".

    Raises:
        ValueError: no namespace or ServiceAccount can have this name.
    """
    _check_names(namespace, service_account)
    host = issuer.removeprefix("https://")
    condition = {
        "StringEquals": {
            f"{host}:aud": "sts.amazonaws.com",
            f"{host}:sub": f"system:serviceaccount:{namespace}:{service_account}",
        }
    }
    return web_identity_trust(provider_arn, condition)


def pod_identity_trust(account_id: str, cluster: str, namespace: str, service_account: str) -> str:
    """The trust policy of a role that EKS Pod Identity hands to one ServiceAccount of one cluster.

    Source: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity" and its session tags.

    Raises:
        ValueError: no namespace or ServiceAccount can have this name.
    """
    _check_names(namespace, service_account)
    condition = {
        "StringEquals": {
            "aws:SourceAccount": account_id,
            "aws:RequestTag/eks-cluster-name": cluster,
            "aws:RequestTag/kubernetes-namespace": namespace,
            "aws:RequestTag/kubernetes-service-account": service_account,
        }
    }
    return json.dumps(_trust({"Service": "pods.eks.amazonaws.com"}, ["sts:AssumeRole", "sts:TagSession"], condition))


def web_identity_trust(provider_arn: str, condition: dict[str, dict[str, str]]) -> str:
    """The trust policy of a role for those of an identity provider whose token meets a condition."""
    return json.dumps(_trust({"Federated": provider_arn}, ["sts:AssumeRoleWithWebIdentity"], condition))


def _trust(
    principal: dict[str, str], actions: list[str], condition: dict[str, dict[str, str]] | None = None
) -> dict[str, object]:
    statement: dict[str, object] = {"Effect": "Allow", "Principal": principal, "Action": actions}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def _check_names(namespace: str, service_account: str) -> None:
    if not DNS_LABEL.fullmatch(namespace):
        raise ValueError(f"{namespace!r} is not a namespace")
    if not DNS_SUBDOMAIN.fullmatch(service_account) or len(service_account) > 253:
        raise ValueError(f"{service_account!r} is not a ServiceAccount")
