"""The rows of KMS."""

from __future__ import annotations

from typing import Any

from .errors import AwsError
from .row import Property, Resource, Response, Row, Step, Tagging, as_text, assigned, joined
from .same import as_json, equal
from .shape import Located

_POLICY = "default"  # KMS API reference, GetKeyPolicy: the only name there is


def _tag_list(tags: Any) -> list[dict[str, Any]]:
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()]


def _window(days: Any) -> str:
    """Source: KMS API reference, ScheduleKeyDeletion."""
    return "" if isinstance(days, int) and 7 <= days <= 30 else f"{days!r} is not allowed: 7 to 30 days"


def _rotate(r: Resource) -> None:
    if r["enableKeyRotation"]:
        r.ask("EnableKeyRotation")
    elif r.old.get("enableKeyRotation"):
        r.ask("DisableKeyRotation")


def _read_key(r: Resource) -> Response | None:
    """A key that waits for its deletion is gone: nothing can be done with it but to take it back."""
    key: Response = r.ask("DescribeKey")["KeyMetadata"]
    if key["KeyState"] == "PendingDeletion":
        return None
    tags = r.ask("ListResourceTags")["Tags"]
    return key | {
        "Policy": r.ask("GetKeyPolicy", PolicyName=_POLICY)["Policy"],
        "EnableKeyRotation": r.ask("GetKeyRotationStatus")["KeyRotationEnabled"],
        "Tags": {tag["TagKey"]: tag["TagValue"] for tag in tags},
    }


def _delete_key(r: Resource) -> None:
    window = r["deletionWindowInDays"]
    try:
        r.ask("ScheduleKeyDeletion", **({"PendingWindowInDays": window} if window else {}))
    except AwsError as error:
        if error.code != "KMSInvalidStateException" or _read_key(r) is not None:
            raise


KEY = Row(
    type="aws:kms/key:Key",
    service="kms",
    cloudformation="AWS::KMS::Key",
    key=assigned("KeyMetadata.KeyId", "KeyId"),
    properties={
        "description": Property(computed=True),
        "policy": Property(computed=True, same=as_json, decode=as_text),
        "enableKeyRotation": Property(local=True, default=False),
        "deletionWindowInDays": Property(local=True, hidden=True, check=_window),
    },
    outputs={"arn": Property(), "keyId": Property()},
    create="CreateKey",
    read=_read_key,
    steps=(
        Step(("description",), "UpdateKeyDescription"),
        Step(("policy",), run=lambda r: r.send("PutKeyPolicy", "policy", PolicyName=_POLICY)),
        Step(("enableKeyRotation",), run=_rotate, creates=True),
    ),
    delete=_delete_key,
    tags=Tagging(
        create=lambda tags: {"Tags": Located("tags", _tag_list(tags), whole=True)},
        tag=lambda r, tags: r.ask("TagResource", Tags=_tag_list(tags)),
        untag=lambda r, keys: r.ask("UntagResource", TagKeys=keys),
    ),
)


def _same_key(old: Any, new: Any) -> bool:
    """A key's id and its ARN are the same target."""
    return equal(_key_id(old), _key_id(new))


def _key_id(key: Any) -> Any:
    return key.rpartition("/")[2] if isinstance(key, str) else key


def _alias_name(value: Any) -> str:
    """Source: KMS API reference, CreateAlias."""
    own = str(value).startswith("alias/") and not str(value).startswith("alias/aws/")
    return "" if own else f"{value!r} is not allowed: it begins with alias/, and not with alias/aws/"


def _read_alias(r: Resource) -> Response | None:
    page: Response = {"NextMarker": None}
    while page.get("NextMarker", "") != "":
        page = r.call("ListAliases", **({"Marker": page["NextMarker"]} if page["NextMarker"] else {}))
        for alias in page["Aliases"]:
            if alias["AliasName"] == r.id:
                key = f"arn:aws:kms:{r.account.region}:{r.account.id}:key/{alias['TargetKeyId']}"
                return alias | {"TargetKeyArn": key}
    return None


ALIAS = Row(
    type="aws:kms/alias:Alias",
    service="kms",
    cloudformation="AWS::KMS::Alias",
    key=joined(" ", "name"),
    properties={
        "name": Property(member="AliasName", replaces=True, check=_alias_name),
        "targetKeyId": Property(same=_same_key),
    },
    outputs={"arn": Property(member="AliasArn"), "targetKeyArn": Property()},
    create="CreateAlias",
    read=_read_alias,
    steps=(Step(("targetKeyId",), "UpdateAlias", computes=("targetKeyArn",)),),
    delete="DeleteAlias",
)

ROWS = (KEY, ALIAS)
