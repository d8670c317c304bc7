"""The rows of S3: a bucket, and each of its configurations as a resource of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .errors import AwsError
from .names import AutoName
from .row import Key, Property, Resource, Response, Row, Step, Tagging, as_text, joined, tag_list, tag_map
from .same import as_json
from .values import as_map

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_REGION = "us-east-1"  # S3 API reference, CreateBucket: the region that LocationConstraint cannot name
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _bucket_name(value: Any) -> str:
    """Source: S3 user guide, "General purpose bucket naming rules"."""
    if _NAME.fullmatch(str(value)) and ".." not in str(value):
        return ""
    return f"{value!r} is not allowed: 3 to 63 of a-z, 0-9, '.' and '-', a letter or digit first and last, no '..'"


def _tags(r: Resource) -> dict[str, str]:
    try:
        return tag_map(r.ask("GetBucketTagging")["TagSet"])
    except AwsError as error:
        if error.code == "NoSuchTagSet":
            return {}
        raise


def _retag(r: Resource, tags: dict[str, str]) -> None:
    """S3 knows the whole set alone."""
    if tags:
        r.ask("PutBucketTagging", Tagging={"TagSet": tag_list(tags)})
    else:
        r.ask("DeleteBucketTagging")


def _create_bucket(r: Resource) -> Response:
    elsewhere = {"LocationConstraint": r.account.region} if r.account.region != _FIRST_REGION else {}
    tags = as_map(r["tagsAll"])
    configuration = elsewhere | ({"Tags": tag_list(tags)} if tags else {})
    return r.ask("CreateBucket", **({"CreateBucketConfiguration": configuration} if configuration else {}))


def _read_bucket(r: Resource) -> Response | None:
    region = r.ask("HeadBucket")["BucketRegion"]
    return {
        "Bucket": r.id,
        "Arn": f"arn:aws:s3:::{r.id}",
        "BucketRegion": region,
        "BucketDomainName": f"{r.id}.s3.amazonaws.com",
        "BucketRegionalDomainName": f"{r.id}.s3.{region}.amazonaws.com",
        "Tags": _tags(r),
    }


BUCKET = Row(
    type="aws:s3/bucket:Bucket",
    service="s3",
    cloudformation="AWS::S3::Bucket",
    key=joined("/", "bucket"),
    name=AutoName("bucket", 63),
    properties={
        "bucket": Property(member="Bucket", replaces=True, check=_bucket_name),
        "forceDestroy": Property(
            hidden=True,
            default=False,
            check=lambda value: "is not allowed: the stand-in empties no bucket" if value else "",
        ),
    },
    outputs={
        "arn": Property(),
        "bucketRegion": Property(),
        "bucketDomainName": Property(),
        "bucketRegionalDomainName": Property(),
    },
    create=_create_bucket,
    read=_read_bucket,
    delete="DeleteBucket",
    tags=Tagging(
        create=lambda _: {},
        tag=lambda r, tags: _retag(r, _tags(r) | tags),
        untag=lambda r, keys: _retag(r, {key: value for key, value in _tags(r).items() if key not in keys}),
    ),
)

_SOURCE = "pulumi-aws 7, the resource's page: another bucket replaces it; S3 has one such configuration a bucket"


def _of_bucket(**properties: Property) -> dict[str, Property]:
    return {"bucket": Property(replaces=True), **properties}


def _key() -> Key:
    return joined(",", "bucket")


def _got(operation: str, member: str = "") -> Callable[[Resource], Response | None]:
    """What a Get operation answers, inside the member that the Put operation takes it in."""

    def read(r: Resource) -> Response | None:
        found = r.ask(operation)
        return {"Bucket": r.id, **({member: found} if member else found)}

    return read


BUCKET_POLICY = Row(
    type="aws:s3/bucketPolicy:BucketPolicy",
    service="s3",
    cloudformation="AWS::S3::BucketPolicy",
    key=_key(),
    properties=_of_bucket(policy=Property(same=as_json, decode=as_text)),
    create="PutBucketPolicy",
    read=_got("GetBucketPolicy"),
    steps=(Step(("policy",), "PutBucketPolicy"),),
    delete="DeleteBucketPolicy",
)


def _read_versioning(r: Resource) -> Response | None:
    found = r.ask("GetBucketVersioning")
    return {"Bucket": r.id, "VersioningConfiguration": found} if found.get("Status") else None


BUCKET_VERSIONING = Row(
    type="aws:s3/bucketVersioning:BucketVersioning",
    service="s3",
    source=_SOURCE,
    key=_key(),
    properties=_of_bucket(versioningConfiguration=Property(fields={"status": Property(required=True)})),
    create="PutBucketVersioning",
    read=_read_versioning,
    steps=(Step(("versioningConfiguration",), "PutBucketVersioning"),),
    # S3 user guide, "Using versioning in S3 buckets": a bucket that had versions never is without them again.
    delete=lambda r: r.ask("PutBucketVersioning", VersioningConfiguration={"Status": "Suspended"}),
)

BUCKET_ENCRYPTION = Row(
    type="aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    service="s3",
    source=_SOURCE,
    key=_key(),
    properties=_of_bucket(
        rules=Property(
            member="ServerSideEncryptionConfiguration.Rules",
            required=True,
            many=True,
            fields={
                "applyServerSideEncryptionByDefault": Property(
                    fields={"sseAlgorithm": Property(required=True), "kmsMasterKeyId": Property()}
                ),
                "bucketKeyEnabled": Property(default=False),
            },
        )
    ),
    create="PutBucketEncryption",
    read=_got("GetBucketEncryption"),
    steps=(Step(("rules",), "PutBucketEncryption"),),
    delete="DeleteBucketEncryption",
)

_BLOCKS = {
    "blockPublicAcls": "BlockPublicAcls",
    "blockPublicPolicy": "BlockPublicPolicy",
    "ignorePublicAcls": "IgnorePublicAcls",
    "restrictPublicBuckets": "RestrictPublicBuckets",
}

BUCKET_PUBLIC_ACCESS_BLOCK = Row(
    type="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    service="s3",
    source=_SOURCE,
    key=_key(),
    properties=_of_bucket(
        **{
            name: Property(member=f"PublicAccessBlockConfiguration.{member}", default=False)
            for name, member in _BLOCKS.items()
        }
    ),
    create="PutPublicAccessBlock",
    read=_got("GetPublicAccessBlock"),
    steps=(Step(tuple(_BLOCKS), "PutPublicAccessBlock"),),
    delete="DeletePublicAccessBlock",
)

BUCKET_OWNERSHIP_CONTROLS = Row(
    type="aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    service="s3",
    source=_SOURCE,
    key=_key(),
    properties=_of_bucket(
        rule=Property(
            member="OwnershipControls",
            encode=lambda rule: {"Rules": [{"ObjectOwnership": rule.get("objectOwnership")}]},
            decode=lambda controls: {"objectOwnership": controls["Rules"][0]["ObjectOwnership"]},
            fields={"objectOwnership": Property(required=True)},
        )
    ),
    create="PutBucketOwnershipControls",
    read=_got("GetBucketOwnershipControls"),
    steps=(Step(("rule",), "PutBucketOwnershipControls"),),
    delete="DeleteBucketOwnershipControls",
)

BUCKET_LIFECYCLE = Row(
    type="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    service="s3",
    source=_SOURCE,
    key=_key(),
    properties=_of_bucket(
        rules=Property(
            member="LifecycleConfiguration.Rules",
            required=True,
            many=True,
            fields={
                "id": Property(required=True),
                "status": Property(),
                "filter": Property(required=True, fields={"prefix": Property()}),
                "expiration": Property(fields={"days": Property(), "expiredObjectDeleteMarker": Property()}),
                "noncurrentVersionExpiration": Property(fields={"noncurrentDays": Property(required=True)}),
                "abortIncompleteMultipartUpload": Property(fields={"daysAfterInitiation": Property(required=True)}),
            },
        )
    ),
    create="PutBucketLifecycleConfiguration",
    read=_got("GetBucketLifecycleConfiguration", "LifecycleConfiguration"),
    steps=(Step(("rules",), "PutBucketLifecycleConfiguration"),),
    delete="DeleteBucketLifecycle",
)

ROWS = (
    BUCKET,
    BUCKET_POLICY,
    BUCKET_VERSIONING,
    BUCKET_ENCRYPTION,
    BUCKET_PUBLIC_ACCESS_BLOCK,
    BUCKET_OWNERSHIP_CONTROLS,
    BUCKET_LIFECYCLE,
)
