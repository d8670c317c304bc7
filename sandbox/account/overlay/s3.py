"""S3 as AWS does it, where the state's bucket meets moto's differences.

Source of the AWS side: S3 API reference, CreateBucket; IAM user guide, "IAM JSON policy elements: Condition operators";
S3 user guide, "Policy keys in Amazon S3".
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportPrivateUsage=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml

from moto.iam.access_control import IAMPolicy
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONTEXT = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}
"""What a policy may ask about a request: the account's endpoint on loopback stands for AWS's with TLS."""

OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "Bool": lambda actual, wanted: actual == wanted.lower(),
    "NumericLessThan": lambda actual, wanted: float(actual) < float(wanted),
}


def applies(statement: Mapping[str, Any]) -> bool:
    """Whether a statement's conditions hold. One on anything but `CONTEXT` and `OPERATORS` counts as one that does."""
    return all(
        _holds(operator, key, wanted if isinstance(wanted, list) else [wanted])
        for operator, by_key in statement.get("Condition", {}).items()
        for key, wanted in by_key.items()
    )


def _holds(operator: str, key: str, wanted: list[Any]) -> bool:
    test, actual = OPERATORS.get(operator), CONTEXT.get(key.lower())
    return test is None or actual is None or any(test(actual, str(each)) for each in wanted)


def permission(bucket: FakeBucket, action: str, resource: str) -> Any:
    """What a bucket's policy says to an action. Its conditions count (moto: every statement applies)."""
    document = json.loads(bucket.policy or '{"Statement": []}')
    given = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    statements = [{**each, "Condition": {}} for each in given if applies(each)]
    return IAMPolicy(json.dumps({**document, "Statement": statements})).is_action_permitted(action, resource)


_put = S3Response._bucket_response_put  # noqa: SLF001 -- the one seam: moto reloads its routes


def put(response: S3Response, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
    """A bucket gets the tags that it is created with (moto drops them)."""
    answer = _put(response, request, bucket_name, querystring)
    tags = {} if querystring else created_tags(response.body)
    if tags:
        response.backend.put_bucket_tagging(bucket_name, tags)
    return answer


def created_tags(body: bytes) -> dict[str, str]:
    """The tags in a CreateBucketConfiguration, in XML; none in an empty body."""
    tags = Xml.fromstring(body).iterfind("{*}Tags/{*}Tag") if body else ()  # noqa: S314 -- from this machine
    return {tag.findtext("{*}Key", ""): tag.findtext("{*}Value", "") for tag in tags}


def install() -> None:
    """Put both in the place of moto's."""
    for owner, name, function in (
        (FakeBucket, "get_permission", permission),
        (S3Response, "_bucket_response_put", put),
    ):
        setattr(owner, name, function)
