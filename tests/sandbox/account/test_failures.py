"""What a client is told when the account cannot answer."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.account.failures import failure
from tests.sandbox.account.aws import Aws, refused


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("eks", "list_fargate_profiles", {"clusterName": "staging"}),
        ("ssm", "describe_instance_information", {}),
        ("ec2", "describe_trunk_interface_associations", {}),
        ("iam", "list_server_certificate_tags", {"ServerCertificateName": "none"}),
    ],
)
def test_a_call_that_is_not_emulated_is_an_error_of_its_service_that_says_so(
    aws: Aws, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    with refused("NotImplemented", "is not emulated (the embedded account; its log says more)"):
        getattr(aws.client(service), operation)(**parameters)


def test_a_call_that_breaks_the_account_names_call_and_cause() -> None:
    broken = failure(KeyError("x < y"), service="ec2", operation="DescribeVpcs", form=True)

    assert broken.status == 500
    assert b"<Code>InternalFailure</Code>" in broken.body
    assert b"ec2 DescribeVpcs failed: KeyError: 'x &lt; y'" in broken.body


def test_the_error_of_a_service_with_bare_xml_has_no_envelope() -> None:
    missing = failure(NotImplementedError(), service="s3", operation="ListThings", form=False)

    assert missing.status == 501
    assert missing.body.startswith(b"<Error><Code>NotImplemented</Code><Message>s3 ListThings is not emulated")
