"""Pod identity associations.

Source of rules and messages: EKS API reference, the operation of the same name, and the service's own replies.
"""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.account.overlay.eks import errors
from sandbox.account.overlay.eks.backend import given, page, trusts

if TYPE_CHECKING:
    from sandbox.account.overlay.eks.backend import Call, Cluster, Document, Eks, Operations

CHANGEABLE = ("roleArn", "disableSessionTags", "targetRoleArn", "policy")
IN_LIST = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")


def create_pod_identity_association(call: Call) -> Document:
    """CreatePodIdentityAssociation."""
    cluster, request = call.cluster, call.request
    refuse_associated_account(cluster, request["namespace"], request["serviceAccount"])
    refuse_unassumable_role(call.eks, request["roleArn"])
    key = "a-" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(17))
    now = datetime.now(UTC)
    cluster.associations[key] = {
        **given(request, "namespace", "serviceAccount", *CHANGEABLE),
        "clusterName": cluster.name,
        "associationId": key,
        "associationArn": call.eks.arn(f"podidentityassociation/{cluster.name}/{key}"),
        "createdAt": now,
        "modifiedAt": now,
        "tags": dict(request.get("tags", {})),
    }
    return {"association": cluster.associations[key]}


def describe_pod_identity_association(call: Call) -> Document:
    """DescribePodIdentityAssociation."""
    return {"association": known_association(call)}


def list_pod_identity_associations(call: Call) -> Document:
    """ListPodIdentityAssociations: all, or those of a namespace or service account."""
    wanted = given(call.request, "namespace", "serviceAccount")
    associations = [
        given(association, *IN_LIST)
        for association in call.cluster.associations.values()
        if wanted.items() <= given(association, *wanted).items()
    ]
    return page("associations", associations, call.request)


def update_pod_identity_association(call: Call) -> Document:
    """UpdatePodIdentityAssociation: what the request does not name stays."""
    association = known_association(call)
    if "roleArn" in call.request:
        refuse_unassumable_role(call.eks, call.request["roleArn"])
    association |= given(call.request, *CHANGEABLE) | {"modifiedAt": datetime.now(UTC)}
    return {"association": association}


def delete_pod_identity_association(call: Call) -> Document:
    """DeletePodIdentityAssociation."""
    association = known_association(call)
    return {"association": call.cluster.associations.pop(association["associationId"])}


def known_association(call: Call) -> Document:
    """The association that the request names; ResourceNotFoundException."""
    key = call.request["associationId"]
    if key not in call.cluster.associations:
        raise errors.not_found(f"No association found for ID: {key}", clusterName=call.cluster.name)
    return call.cluster.associations[key]


def refuse_associated_account(cluster: Cluster, namespace: str, account: str) -> None:
    """ResourceInUseException for a service account that has an association."""
    for key, association in cluster.associations.items():
        if (association["namespace"], association["serviceAccount"]) == (namespace, account):
            raise errors.in_use(f"Association already exists: {key}", clusterName=cluster.name)


def refuse_unassumable_role(eks: Eks, arn: str) -> None:
    """InvalidParameterException for a role that is not there or that EKS Pod Identity may not assume."""
    role = eks.role(arn)
    if role is None:
        raise errors.invalid_parameter("Role provided in the request does not exist.")
    if not trusts(role, "pods.eks.amazonaws.com"):
        raise errors.invalid_parameter(
            "Trust policy of the role provided in the request does not allow pods.eks.amazonaws.com."
        )


OPERATIONS: Operations = {
    "CreatePodIdentityAssociation": create_pod_identity_association,
    "DescribePodIdentityAssociation": describe_pod_identity_association,
    "ListPodIdentityAssociations": list_pod_identity_associations,
    "UpdatePodIdentityAssociation": update_pod_identity_association,
    "DeletePodIdentityAssociation": delete_pod_identity_association,
}
