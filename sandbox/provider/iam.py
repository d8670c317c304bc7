"""The rows of IAM."""

from __future__ import annotations

from typing import Any

from .errors import ProviderError
from .names import AutoName
from .row import Property, Resource, Response, Row, Step, Tagging, as_text, assigned, joined, tag_list
from .same import as_json, as_set, equal
from .shape import Located
from .values import as_list

_MOST_VERSIONS = 5  # IAM user guide, "Versioning IAM policies"


def _tagged(kind: str) -> Tagging:
    return Tagging(
        create=lambda tags: {"Tags": Located("tags", tag_list(tags), whole=True)},
        tag=lambda r, tags: r.ask(f"Tag{kind}", Tags=tag_list(tags)),
        untag=lambda r, keys: r.ask(f"Untag{kind}", TagKeys=keys),
    )


def _bound(r: Resource) -> None:
    if r["permissionsBoundary"]:
        r.send("PutRolePermissionsBoundary", "permissionsBoundary")
    else:
        r.ask("DeleteRolePermissionsBoundary")


def _read_role(r: Resource) -> Response | None:
    role: Response = r.ask("GetRole")["Role"]
    boundary = role.get("PermissionsBoundary")
    return role | {"PermissionsBoundary": boundary["PermissionsBoundaryArn"] if boundary else None}


ROLE = Row(
    type="aws:iam/role:Role",
    service="iam",
    cloudformation="AWS::IAM::Role",
    key=joined("/", "name"),
    name=AutoName("name", 64),
    properties={
        "name": Property(member="RoleName", replaces=True),
        "assumeRolePolicy": Property(member="AssumeRolePolicyDocument", same=as_json, decode=as_text),
        "path": Property(replaces=True, default="/"),
        "description": Property(removed=""),
        "maxSessionDuration": Property(default=3600),
        "permissionsBoundary": Property(),
    },
    outputs={"arn": Property(), "uniqueId": Property(member="RoleId"), "createDate": Property()},
    create="CreateRole",
    read=_read_role,
    steps=(
        Step(
            ("assumeRolePolicy",),
            run=lambda r: r.call("UpdateAssumeRolePolicy", RoleName=r.id, PolicyDocument=r["assumeRolePolicy"]),
        ),
        Step(("description", "maxSessionDuration"), "UpdateRole"),
        Step(("permissionsBoundary",), run=_bound),
    ),
    delete="DeleteRole",
    tags=_tagged("Role"),
)


def _read_policy(r: Resource) -> Response | None:
    policy: Response = r.ask("GetPolicy")["Policy"]
    version = r.ask("GetPolicyVersion", VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return policy | {"PolicyDocument": version["Document"]}


def _versions(r: Resource) -> list[Response]:
    """The versions that may be deleted, oldest first."""
    versions: list[Response] = r.ask("ListPolicyVersions")["Versions"]
    return sorted(
        (each for each in versions if not each["IsDefaultVersion"]), key=lambda each: int(each["VersionId"][1:])
    )


def _new_policy_version(r: Resource) -> None:
    old = _versions(r)
    if len(old) + 1 >= _MOST_VERSIONS:
        r.ask("DeletePolicyVersion", VersionId=old[0]["VersionId"])
    r.send("CreatePolicyVersion", "policy", SetAsDefault=True)


def _delete_policy(r: Resource) -> None:
    for version in _versions(r):
        r.ask("DeletePolicyVersion", VersionId=version["VersionId"])
    r.ask("DeletePolicy")


POLICY = Row(
    type="aws:iam/policy:Policy",
    service="iam",
    cloudformation="AWS::IAM::ManagedPolicy",
    key=assigned("Policy.Arn", "PolicyArn"),
    name=AutoName("name", 128),
    properties={
        "name": Property(member="PolicyName", replaces=True),
        "policy": Property(member="PolicyDocument", same=as_json, decode=as_text),
        "path": Property(replaces=True, default="/"),
        "description": Property(replaces=True),
    },
    outputs={"arn": Property(), "policyId": Property()},
    create="CreatePolicy",
    read=_read_policy,
    steps=(Step(("policy",), run=_new_policy_version),),
    delete=_delete_policy,
    tags=_tagged("Policy"),
)


def _read_attachment(r: Resource) -> Response | None:
    marker: dict[str, Any] = {}
    while True:
        page = r.call("ListAttachedRolePolicies", RoleName=r["role"], **marker)
        if any(each["PolicyArn"] == r["policyArn"] for each in page["AttachedPolicies"]):
            return {"RoleName": r["role"], "PolicyArn": r["policyArn"]}
        if not page.get("IsTruncated"):
            return None
        marker = {"Marker": page["Marker"]}


ROLE_POLICY_ATTACHMENT = Row(
    type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    service="iam",
    source="terraform-provider-aws, aws_iam_role_policy_attachment: role and policy_arn are ForceNew",
    key=joined("/", "role", "policyArn"),
    properties={"role": Property(member="RoleName", replaces=True), "policyArn": Property(replaces=True)},
    create="AttachRolePolicy",
    read=_read_attachment,
    delete="DetachRolePolicy",
    # pulumi-aws says DeleteBeforeReplace: one that is made again and then deleted would be gone.
    stands_alone=False,
)


def _change_role(r: Resource) -> None:
    held = _roles(r)
    for role in held:
        if role != r["role"]:
            r.ask("RemoveRoleFromInstanceProfile", RoleName=role)
    if r["role"] and r["role"] not in held:
        r.ask("AddRoleToInstanceProfile", RoleName=r["role"])


def _delete_instance_profile(r: Resource) -> None:
    for role in _roles(r):
        r.ask("RemoveRoleFromInstanceProfile", RoleName=role)
    r.ask("DeleteInstanceProfile")


def _roles(r: Resource) -> list[str]:
    return [each["RoleName"] for each in r.ask("GetInstanceProfile")["InstanceProfile"]["Roles"]]


INSTANCE_PROFILE = Row(
    type="aws:iam/instanceProfile:InstanceProfile",
    service="iam",
    cloudformation="AWS::IAM::InstanceProfile",
    key=joined("/", "name"),
    # Source of the limit: IAM API reference, CreateInstanceProfile.
    name=AutoName("name", 128),
    properties={
        "name": Property(member="InstanceProfileName", replaces=True),
        "path": Property(replaces=True, default="/"),
        "role": Property(member="Roles.0.RoleName", local=True),
    },
    outputs={"arn": Property(), "uniqueId": Property(member="InstanceProfileId"), "createDate": Property()},
    create="CreateInstanceProfile",
    read=lambda r: r.ask("GetInstanceProfile")["InstanceProfile"],
    steps=(Step(("role",), run=_change_role, creates=True),),
    delete=_delete_instance_profile,
    tags=_tagged("InstanceProfile"),
)


def _without_scheme(url: Any) -> Any:
    return url.removeprefix("https://") if isinstance(url, str) else url


def _same_url(old: Any, new: Any) -> bool:
    """IAM keeps an issuer without its scheme."""
    return equal(_without_scheme(old), _without_scheme(new))


def _https(value: Any) -> str:
    return "" if str(value).startswith("https://") else f"{value!r} is not allowed: an https:// address"


def _clients(r: Resource) -> None:
    old, new = set(as_list(r.old.get("clientIdLists"))), set(as_list(r["clientIdLists"]))
    for client in sorted(new - old):
        r.ask("AddClientIDToOpenIDConnectProvider", ClientID=client)
    for client in sorted(old - new):
        r.ask("RemoveClientIDFromOpenIDConnectProvider", ClientID=client)


def _read_oidc(r: Resource) -> Response | None:
    provider = r.ask("GetOpenIDConnectProvider")
    if not provider.get("Url"):
        raise ProviderError(f"OIDC provider {r.id}: IAM tells no URL of it")
    return provider | {"Arn": r.id}


OPEN_ID_CONNECT_PROVIDER = Row(
    type="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    service="iam",
    cloudformation="AWS::IAM::OIDCProvider",
    key=assigned("OpenIDConnectProviderArn", "OpenIDConnectProviderArn"),
    properties={
        "url": Property(replaces=True, same=_same_url, check=_https),
        "clientIdLists": Property(member="ClientIDList", required=True, same=as_set),
        "thumbprintLists": Property(member="ThumbprintList", computed=True),
    },
    outputs={"arn": Property()},
    create="CreateOpenIDConnectProvider",
    read=_read_oidc,
    steps=(
        Step(("clientIdLists",), run=_clients),
        Step(("thumbprintLists",), "UpdateOpenIDConnectProviderThumbprint"),
    ),
    delete="DeleteOpenIDConnectProvider",
    tags=_tagged("OpenIDConnectProvider"),
)

ROWS = (ROLE, POLICY, ROLE_POLICY_ATTACHMENT, INSTANCE_PROFILE, OPEN_ID_CONNECT_PROVIDER)
