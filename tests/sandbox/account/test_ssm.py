from __future__ import annotations

from tests.sandbox.account.aws import Aws, refused, unique


def test_a_parameter_that_is_there_is_not_overwritten_unless_the_request_says_so(aws: Aws) -> None:
    ssm, name = aws.client("ssm"), unique("/infra-fleet/secret")
    ssm.put_parameter(Name=name, Value="first", Type="SecureString", Overwrite=False)
    with refused("ParameterAlreadyExists"):
        ssm.put_parameter(Name=name, Value="second", Type="SecureString", Overwrite=False)
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "first"
