"""Where the state of every stack of the account lies, and the key that encrypts the secrets in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra.contract import names

if TYPE_CHECKING:
    from permanent.settings import Settings

NONCURRENT_DAYS = 90
"""How long an overwritten or deleted state can be brought back."""

MULTIPART_DAYS = 7
KEY_DELETION_DAYS = 30
"""The longest that AWS KMS waits before it deletes a key: without it no secret in any state can be read."""


class State(pulumi.ComponentResource):
    """The bucket and the key."""

    def __init__(self, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{names.PERMANENT_PROJECT}:index:State", "state", None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self._bucket(names.state_bucket(settings.account_id, settings.region))
        self._key()
        self.register_outputs({})

    def _bucket(self, name: str) -> None:
        bucket = aws.s3.Bucket("state", bucket=name, opts=self._child).bucket
        aws.s3.BucketVersioning(
            "state",
            bucket=bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._child,
        )
        # S3's own key, so that who reads the state needs no second permission: what is secret in it has the KMS key.
        encryption = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="AES256"
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            "state",
            bucket=bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=encryption
                )
            ],
            opts=self._child,
        )
        aws.s3.BucketOwnershipControls(
            "state",
            bucket=bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._child,
        )
        block = aws.s3.BucketPublicAccessBlock(
            "state",
            bucket=bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child,
        )
        aws.s3.BucketPolicy(
            "state",
            bucket=bucket,
            policy=tls_only(name),
            # S3 answers 409 to the two at once.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )
        self._lifecycle(bucket)

    def _lifecycle(self, bucket: pulumi.Input[str]) -> None:
        rule = aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="expire-what-was-overwritten",
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            # Each lock that is released leaves a delete marker, which the other expirations never take.
            expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
            noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=NONCURRENT_DAYS
            ),
            abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=MULTIPART_DAYS
            ),
        )
        aws.s3.BucketLifecycleConfiguration("state", bucket=bucket, rules=[rule], opts=self._child)

    def _key(self) -> None:
        key = aws.kms.Key(
            "state",
            description="Secrets in the state of Pulumi stacks",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DELETION_DAYS,
            opts=self._child,
        )
        aws.kms.Alias("state", name=names.STATE_KEY_ALIAS, target_key_id=key.key_id, opts=self._child)


def tls_only(bucket: str) -> str:
    """The policy of a bucket that takes no request without TLS.

    Source: Amazon S3 user guide, "Security best practices", enforce encryption of data in transit.
    """
    arn = f"arn:aws:s3:::{bucket}"
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
