"""Access entries and the access policies that are associated with them.

Source of rules, defaults and messages: EKS user guide, "Create access entries", and the service's own replies.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.account.overlay.eks import errors
from sandbox.account.overlay.eks.backend import given, page

if TYPE_CHECKING:
    from sandbox.account.overlay.eks.backend import Call, Cluster, Document, Eks, Operations

POLICIES = {
    name: f"arn:aws:eks::aws:cluster-access-policy/{name}"
    for name in (
        "AmazonEKSAdminPolicy",
        "AmazonEKSAdminViewPolicy",
        "AmazonEKSAutoNodePolicy",
        "AmazonEKSClusterAdminPolicy",
        "AmazonEKSEditPolicy",
        "AmazonEKSViewPolicy",
    )
}
PRINCIPAL = re.compile(r"arn:aws[\w-]*:iam::(?P<account>\d{12}):(?P<kind>role|user|root)(?P<name>/.+)?$")


def create_access_entry(call: Call) -> Document:
    """CreateAccessEntry."""
    cluster, request = call.cluster, call.request
    principal = request["principalArn"]
    refuse_config_map_only(cluster)
    refuse_malformed_principal(principal)
    refuse_unknown_principal(call.eks, principal)
    if principal in cluster.access_entries:
        raise errors.in_use("The specified access entry resource is already in use on this cluster.")
    entry = make_entry(call.eks, cluster, principal, request.get("type") or "STANDARD")
    entry |= given(request, "kubernetesGroups", "username") | {"tags": dict(request.get("tags", {}))}
    return {"accessEntry": entry}


def make_entry(eks: Eks, cluster: Cluster, principal: str, kind: str) -> Document:
    """Add an entry of a type to the cluster, with that type's user name and groups."""
    now = datetime.now(UTC)
    name = principal.split(":", 5)[5]
    for_nodes = kind.startswith("EC2_")
    entry: Document = {
        "clusterName": cluster.name,
        "principalArn": principal,
        "accessEntryArn": eks.arn(f"access-entry/{cluster.name}/{entry_path(principal)}/{uuid.uuid4()}"),
        "type": kind,
        "username": "system:node:{{EC2PrivateDNSName}}" if for_nodes else username(principal, name),
        "kubernetesGroups": ["system:nodes"] if for_nodes else [],
        "createdAt": now,
        "modifiedAt": now,
        "tags": {},
    }
    cluster.access_entries[principal] = entry
    cluster.access_policies[principal] = {}
    return entry


def entry_path(principal: str) -> str:
    """`role/<account>/<name>`, the part of an entry's ARN that names its principal."""
    _, _, _, _, account, resource = principal.split(":", 5)
    kind, _, name = resource.partition("/")
    return f"{kind}/{account}/{name.rpartition('/')[2] or kind}"


def username(principal: str, resource: str) -> str:
    """The Kubernetes user of a standard entry: the role's sessions, or the user itself."""
    if not resource.startswith("role/"):
        return principal
    _, partition, _, _, account, _ = principal.split(":", 5)
    return f"arn:{partition}:sts::{account}:assumed-role/{resource.rpartition('/')[2]}/{{{{SessionName}}}}"


def make_admin(eks: Eks, cluster: Cluster, principal: str) -> None:
    """Give the creator of a cluster the entry and policy that make it the cluster's administrator."""
    make_entry(eks, cluster, principal, "STANDARD")
    associate(cluster, principal, POLICIES["AmazonEKSClusterAdminPolicy"], {"type": "cluster", "namespaces": []})


def add_node_entry(eks: Eks, cluster: Cluster, role_arn: str) -> None:
    """What EKS does for a managed node group: let its role join, unless it has an entry."""
    if (
        cluster.document["accessConfig"]["authenticationMode"] != "CONFIG_MAP"
        and role_arn not in cluster.access_entries
    ):
        make_entry(eks, cluster, role_arn, "EC2_LINUX")
        cluster.node_entries.add(role_arn)


def remove_node_entry(cluster: Cluster, role_arn: str) -> None:
    """Take back the entry that EKS made, once no node group has that role."""
    in_use = any(nodegroup["nodeRole"] == role_arn for nodegroup in cluster.nodegroups.values())
    if role_arn in cluster.node_entries and not in_use:
        forget(cluster, role_arn)


def forget(cluster: Cluster, principal: str) -> None:
    """Remove an entry and its associations."""
    del cluster.access_entries[principal]
    del cluster.access_policies[principal]
    cluster.node_entries.discard(principal)


def describe_access_entry(call: Call) -> Document:
    """DescribeAccessEntry."""
    return {"accessEntry": known_entry(call)}


def list_access_entries(call: Call) -> Document:
    """ListAccessEntries: principal ARNs, of all entries or of those with a policy."""
    refuse_config_map_only(call.cluster)
    policy = call.request.get("associatedPolicyArn")
    principals = [
        principal
        for principal, policies in call.cluster.access_policies.items()
        if policy is None or policy in policies
    ]
    return page("accessEntries", principals, call.request)


def update_access_entry(call: Call) -> Document:
    """UpdateAccessEntry: what the request does not name stays."""
    entry = known_entry(call)
    refuse_node_entry(entry)
    entry |= given(call.request, "kubernetesGroups", "username") | {"modifiedAt": datetime.now(UTC)}
    return {"accessEntry": entry}


def delete_access_entry(call: Call) -> Document:
    """DeleteAccessEntry."""
    forget(call.cluster, known_entry(call)["principalArn"])
    return {}


def associate_access_policy(call: Call) -> Document:
    """AssociateAccessPolicy: a second time, it sets the scope anew."""
    entry, request = known_entry(call), call.request
    refuse_node_entry(entry)
    if request["policyArn"] not in POLICIES.values():
        raise errors.not_found(
            "The specified policyArn could not be found. You can view the available access policies with "
            "'list-access-policies'."
        )
    scope: Document = {"namespaces": [], **request["accessScope"]}
    association = associate(call.cluster, entry["principalArn"], request["policyArn"], scope)
    return {
        "clusterName": call.cluster.name,
        "principalArn": entry["principalArn"],
        "associatedAccessPolicy": association,
    }


def associate(cluster: Cluster, principal: str, policy: str, scope: Document) -> Document:
    """Associate a policy with an entry."""
    now = datetime.now(UTC)
    before = cluster.access_policies[principal].get(policy, {"associatedAt": now})
    association = {"policyArn": policy, "accessScope": scope, "associatedAt": before["associatedAt"], "modifiedAt": now}
    cluster.access_policies[principal][policy] = association
    return association


def disassociate_access_policy(call: Call) -> Document:
    """DisassociateAccessPolicy."""
    policies = call.cluster.access_policies[known_entry(call)["principalArn"]]
    if policies.pop(call.request["policyArn"], None) is None:
        raise errors.not_found("The specified policyArn is not associated with the specified principalArn.")
    return {}


def list_associated_access_policies(call: Call) -> Document:
    """ListAssociatedAccessPolicies."""
    principal = known_entry(call)["principalArn"]
    associations = list(call.cluster.access_policies[principal].values())
    return {
        "clusterName": call.cluster.name,
        "principalArn": principal,
        **page("associatedAccessPolicies", associations, call.request),
    }


def list_access_policies(call: Call) -> Document:
    """ListAccessPolicies."""
    return page("accessPolicies", [{"name": name, "arn": arn} for name, arn in POLICIES.items()], call.request)


def known_entry(call: Call) -> Document:
    """The entry of the principal that the request names; ResourceNotFoundException."""
    refuse_config_map_only(call.cluster)
    try:
        return call.cluster.access_entries[call.request["principalArn"]]
    except KeyError:
        raise errors.not_found(
            "The specified principalArn could not be found. You can view your available access entries with "
            "'list-access-entries'."
        ) from None


def refuse_config_map_only(cluster: Cluster) -> None:
    """InvalidRequestException on a cluster that does not authenticate through the API."""
    if cluster.document["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        raise errors.invalid_request(
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this "
            "operation."
        )


def refuse_malformed_principal(arn: str) -> None:
    """InvalidParameterException if it is not the ARN of an IAM principal, e.g. an assumed or a service's role."""
    if not PRINCIPAL.match(arn):
        raise errors.invalid_parameter("The principalArn parameter format is not valid")
    if ":role/aws-service-role/" in arn:
        raise errors.invalid_parameter(
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
        )


def refuse_unknown_principal(eks: Eks, arn: str) -> None:
    """InvalidParameterException for a role or user that IAM does not have."""
    users = {user.arn for user in eks.iam.users.values()}
    root = f"arn:{eks.partition}:iam::{eks.account_id}:root"
    if eks.role(arn) is None and arn not in users and arn != root:
        raise errors.invalid_parameter("The specified principalArn is invalid: invalid principal.")


def refuse_node_entry(entry: Document) -> None:
    """InvalidParameterException for an entry of another type than STANDARD."""
    if entry["type"] != "STANDARD":
        raise errors.invalid_parameter(
            'This operation can only be performed on Access Entries with a type of "STANDARD".'
        )


OPERATIONS: Operations = {
    "CreateAccessEntry": create_access_entry,
    "DescribeAccessEntry": describe_access_entry,
    "ListAccessEntries": list_access_entries,
    "UpdateAccessEntry": update_access_entry,
    "DeleteAccessEntry": delete_access_entry,
    "AssociateAccessPolicy": associate_access_policy,
    "DisassociateAccessPolicy": disassociate_access_policy,
    "ListAssociatedAccessPolicies": list_associated_access_policies,
    "ListAccessPolicies": list_access_policies,
}
