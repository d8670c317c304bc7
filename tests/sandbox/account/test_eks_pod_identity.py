from __future__ import annotations

from tests.sandbox.account.aws import Aws, refused


def test_an_association_is_described_listed_updated_and_deleted(aws: Aws) -> None:
    name, role, other = aws.cluster()["name"], aws.role("pods.eks.amazonaws.com"), aws.role("pods.eks.amazonaws.com")
    before = aws.census()
    request = {"namespace": "flux-system", "serviceAccount": "image-reflector-controller", "roleArn": role}
    created = aws.eks.create_pod_identity_association(clusterName=name, tags={"team": "platform"}, **request)[
        "association"
    ]
    named = {"clusterName": name, "associationId": created["associationId"]}

    assert aws.eks.describe_pod_identity_association(**named)["association"] == created
    assert created.items() >= (request | {"tags": {"team": "platform"}}).items()
    assert created["associationArn"].endswith(f":podidentityassociation/{name}/{created['associationId']}")
    (listed,) = aws.eks.list_pod_identity_associations(clusterName=name, namespace="flux-system")["associations"]
    assert listed["associationArn"] == created["associationArn"]
    assert aws.eks.list_pod_identity_associations(clusterName=name, namespace="default")["associations"] == []

    updated = aws.eks.update_pod_identity_association(**named, roleArn=other)["association"]
    assert updated["roleArn"] == other

    deleted = aws.eks.delete_pod_identity_association(**named)["association"]
    assert deleted["associationId"] == created["associationId"]
    assert aws.census() == before
    with refused("ResourceNotFoundException"):
        aws.eks.describe_pod_identity_association(**named)


def test_a_service_account_has_one_association(aws: Aws) -> None:
    name, role = aws.cluster()["name"], aws.role("pods.eks.amazonaws.com")
    request = {"clusterName": name, "serviceAccount": "one", "roleArn": role}
    first = aws.eks.create_pod_identity_association(namespace="a", **request)["association"]["associationId"]
    with refused("ResourceInUseException", f"Association already exists: {first}"):
        aws.eks.create_pod_identity_association(namespace="a", **request)
    aws.eks.create_pod_identity_association(namespace="b", **request)


def test_an_association_needs_a_role_that_trusts_pod_identity(aws: Aws) -> None:
    request = {"clusterName": aws.cluster()["name"], "namespace": "a", "serviceAccount": "b"}
    with refused("InvalidParameterException", "Role provided in the request does not exist."):
        aws.eks.create_pod_identity_association(roleArn="arn:aws:iam::111122223333:role/nobody", **request)
    with refused("InvalidParameterException", "pods.eks.amazonaws.com"):
        aws.eks.create_pod_identity_association(roleArn=aws.role("ec2.amazonaws.com"), **request)
