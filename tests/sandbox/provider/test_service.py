"""What the engine sees: plain lines for what fails, drift, and what a defect or an interruption leaves behind."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# The generated protocol has no types.

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from sandbox import pace
from sandbox.account.clients import client
from sandbox.folder import FOLDER_VARIABLE
from sandbox.provider import values
from sandbox.provider.configuration import BACKEND_VARIABLE, ENDPOINT_VARIABLE
from sandbox.provider.errors import CancelledError, ProviderError
from sandbox.provider.protocol import messages, services, status
from sandbox.provider.wait import Waiter
from tests.sandbox.provider.driver import Driver, Made, urn
from tests.sandbox.provider.round_trip import vpc_with_subnets
from tests.sandbox.provider.test_iam import trust
from tests.support.account import ACCOUNT_ID, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VPC, SUBNET, ROLE = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:iam/role:Role"
DEFAULT_GROUP, EIP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "aws:ec2/eip:Eip"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


def refusal(call: Callable[[], Any]) -> str:
    """The line that the engine shows. FAILED_PRECONDITION, so that it does not take the state to be corrupt."""
    with pytest.raises(grpc.RpcError) as failed:
        call()
    error: Any = failed.value
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "\n" not in error.details()
    return error.details()


@pytest.fixture
def fresh() -> Iterator[Driver]:
    """A provider that is not configured yet."""
    with Driver.started() as driver:
        yield driver


@pytest.fixture
def ec2(environment: dict[str, str]) -> Any:
    return client("ec2", endpoint=environment[ENDPOINT_VARIABLE], region=REGION)


def test_what_aws_refuses_is_told_with_resource_property_code_and_message(aws: Driver) -> None:
    vpc, _ = vpc_with_subnets(aws, "")
    inputs = {"vpcId": vpc, "cidrBlock": "10.9.0.0/24", "availabilityZone": "eu-west-2a"}
    assert refusal(lambda: aws.create(SUBNET, "outside", inputs)) == (
        f"{SUBNET} 'outside' (property cidrBlock): "
        "CreateSubnet: InvalidSubnet.Range: The CIDR '10.9.0.0/24' is invalid."
    )


def test_a_role_that_is_in_use_is_not_deleted(aws: Driver) -> None:
    role = aws.create(ROLE, "busy", {"assumeRolePolicy": trust("eks.amazonaws.com")})
    aws.create(ATTACHMENT, "a", {"role": role.id, "policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"})
    assert "DeleteRole: DeleteConflict: " in refusal(lambda: aws.delete(role))


def test_drift_comes_back_as_inputs_that_differ(aws: Driver, ec2: Any) -> None:
    inputs = {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True, "tags": {"Name": "main"}}
    vpc = aws.create(VPC, "main", inputs)
    ec2.create_tags(Resources=[vpc.id], Tags=[{"Key": "Name", "Value": "other"}, {"Key": "by-hand", "Value": "1"}])
    ec2.delete_tags(Resources=[vpc.id], Tags=[{"Key": "environment"}])
    ec2.modify_vpc_attribute(VpcId=vpc.id, EnableDnsHostnames={"Value": False})
    drifted = aws.refresh(vpc)
    assert drifted is not None
    assert drifted.inputs["tags"] == {"Name": "other", "by-hand": "1"}
    assert set(aws.diff(drifted, inputs).kinds) == {
        "enableDnsHostnames",
        "tags.Name",
        'tags["by-hand"]',
        "tagsAll.Name",
        "tagsAll.environment",
        'tagsAll["by-hand"]',
    }
    restored = aws.update(drifted, inputs)
    assert restored["tagsAll"] == {"Name": "main", "environment": "test"}
    assert restored["enableDnsHostnames"] is True


def test_a_rule_added_by_hand_to_the_default_security_group_is_drift_and_removed(aws: Driver, ec2: Any) -> None:
    vpc, _ = vpc_with_subnets(aws, "")
    group = aws.create(DEFAULT_GROUP, "default", {"vpcId": vpc})
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group.id, IpPermissions=[rule])
    drifted = aws.refresh(group)
    assert drifted is not None
    assert drifted["ingress"] == [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}]
    assert set(aws.diff(drifted, {"vpcId": vpc}).kinds) == {"ingress"}
    assert aws.update(drifted, {"vpcId": vpc})["ingress"] == []


def test_what_was_made_stays_in_the_state_though_a_later_step_failed(aws: Driver) -> None:
    inputs = {"vpcId": "vpc-0123456789abcdef0", "tags": {"Name": "lost"}}
    checked = aws.check("aws:ec2/internetGateway:InternetGateway", "lost", inputs)
    request = messages.CreateRequest(
        urn=urn("aws:ec2/internetGateway:InternetGateway", "lost"), properties=values.encode(checked)
    )
    with pytest.raises(grpc.RpcError) as failed:
        aws.stub.Create(request)
    error: Any = failed.value
    whole = status.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    detail = messages.ErrorResourceInitFailed()
    assert whole.details[0].Unpack(detail)
    assert detail.id.startswith("igw-")
    assert "AttachInternetGateway: InvalidVpcID.NotFound" in detail.reasons[0]

    kept = Made("aws:ec2/internetGateway:InternetGateway", "lost", detail.id, checked, values.decode(detail.properties))
    vpc, _ = vpc_with_subnets(aws, "")
    repaired = aws.update(kept, inputs | {"vpcId": vpc})
    assert repaired["vpcId"] == vpc


def test_an_update_without_a_change_finishes_what_creation_left_open(aws: Driver, ec2: Any) -> None:
    vpc, _ = vpc_with_subnets(aws, "")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    checked = aws.check("aws:ec2/internetGateway:InternetGateway", "late", {"vpcId": vpc})
    kept = Made("aws:ec2/internetGateway:InternetGateway", "late", gateway, checked, {"vpcId": vpc})
    assert aws.update(kept, {"vpcId": vpc})["vpcId"] == vpc


def test_every_function_is_refused_by_name(aws: Driver) -> None:
    token = "aws:index/getCallerIdentity:getCallerIdentity"
    line = refusal(lambda: aws.stub.Invoke(messages.InvokeRequest(tok=token)))
    assert line.startswith(token)
    assert "pin the value in config" in line


def test_an_unknown_type_is_refused_by_name(aws: Driver) -> None:
    line = refusal(lambda: aws.check("aws:rds/instance:Instance", "db", {}))
    assert line.startswith("aws:rds/instance:Instance")
    assert "no such resource type" in line


def test_the_version_is_the_sdks(aws: Driver) -> None:
    assert aws.stub.GetPluginInfo(Empty()).version == version("pulumi-aws")


def test_the_engine_keeps_secrets_and_references_itself(aws: Driver) -> None:
    response = aws.stub.Handshake(messages.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert [response.accept_secrets, response.accept_resources, response.accept_outputs] == [False] * 3


def test_another_region_is_another_provider_but_other_tags_are_not(fresh: Driver) -> None:
    def diff(**new: Any) -> Any:
        old = {"region": "eu-west-2", "defaultTags": '{"tags":{}}', "version": "7.51.1"}
        request = messages.DiffRequest(old_inputs=values.encode(old), news=values.encode(old | new))
        return fresh.stub.DiffConfig(request)

    assert list(diff(region="eu-west-1").replaces) == ["region"]
    assert list(diff(defaultTags='{"tags":{"a":"b"}}').diffs) == ["defaultTags"]
    assert list(diff(defaultTags='{"tags":{"a":"b"}}').replaces) == []
    assert diff(version="7.52.0").changes == messages.DiffResponse.DIFF_NONE


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (FOLDER_VARIABLE, ""),
        (BACKEND_VARIABLE, "s3://the-real-state"),
        (ENDPOINT_VARIABLE, "https://ec2.eu-west-2.amazonaws.com"),
    ],
)
def test_configure_refuses_anything_but_the_sandbox(
    fresh: Driver, aws: Driver, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert refusal(lambda: fresh.configure(region=REGION)).startswith(variable)
    assert "not configured" in refusal(lambda: fresh.check(VPC, "main", {}))


def test_configure_refuses_another_account(fresh: Driver, aws: Driver) -> None:
    fresh.configure(region=REGION, allowedAccountIds=[ACCOUNT_ID])
    line = refusal(lambda: fresh.configure(region=REGION, allowedAccountIds=["111111111111"]))
    assert "111111111111" in line
    assert ACCOUNT_ID in line


def test_an_account_that_does_not_answer_is_one_line(
    fresh: Driver, aws: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, "http://127.0.0.1:9")
    assert "GetCallerIdentity: EndpointConnectionError" in refusal(lambda: fresh.configure(region=REGION))


def test_the_users_aws_files_and_profile_do_not_count(
    fresh: Driver, aws: Driver, environment: dict[str, str], tmp_path: Any
) -> None:
    (tmp_path / "config").write_text("[profile real]\nendpoint_url = https://example.com\nregion = us-east-1\n")
    code = (
        "from tests.sandbox.provider.driver import Driver\n"
        "with Driver.started() as driver:\n"
        f"    driver.configure(region={REGION!r}, allowedAccountIds=[{ACCOUNT_ID!r}])\n"
    )
    tampered = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_PROFILE": "real",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9",
    }
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment, **tampered}, check=True)


def test_a_defect_is_one_line_that_says_so(aws: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("one\ntwo")

    monkeypatch.setattr("sandbox.provider.lifecycle.Lifecycle.create", broken)
    line = refusal(lambda: aws.create(VPC, "main", {"cidrBlock": "10.0.0.0/16"}))
    assert line.startswith("defect in the stand-in for pulumi-aws, Create: KeyError")


def test_a_wait_ends_when_the_engine_cancels() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CancelledError, match="waiting for the cluster; AWS said last: CREATING"):
        Waiter.within(0, cancelled, lambda _line: None)("the cluster", lambda: (False, "CREATING"))


def test_a_wait_ends_at_the_engines_timeout() -> None:
    with pytest.raises(ProviderError, match="timed out waiting for the cluster; AWS said last: CREATING"):
        Waiter(0.0, threading.Event(), lambda _line: None)("the cluster", lambda: (False, "CREATING"))


def test_a_wait_looks_until_it_is_so() -> None:
    told: list[str] = []
    looks = iter([(False, "CREATING"), (False, "CREATING"), (False, "UPDATING"), (True, "ACTIVE")])
    Waiter.within(60, threading.Event(), told.append)("the cluster", lambda: next(looks))
    assert list(looks) == []
    assert told == [
        "waiting for the cluster; AWS says: CREATING",
        "waiting for the cluster; AWS says: UPDATING",
    ]


def test_a_refused_deletion_is_tried_again_where_a_pace_is_set(
    aws: Driver, ec2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vpc = aws.create(VPC, "held", {"cidrBlock": "10.0.0.0/16"})
    group = ec2.create_security_group(GroupName="holds", Description="-", VpcId=vpc.id)["GroupId"]
    assert refusal(lambda: aws.delete(vpc)).endswith("has dependencies and cannot be deleted.")
    monkeypatch.setenv(pace.VARIABLE, "0.0005")
    line = refusal(lambda: aws.delete(vpc))
    assert line.startswith("timed out waiting for aws:ec2/vpc:Vpc 'held' to be let go; AWS said last: DeleteVpc: Dep")
    monkeypatch.setenv(pace.VARIABLE, "1")
    threading.Timer(0.5, lambda: ec2.delete_security_group(GroupId=group)).start()
    aws.delete(vpc)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_prints_its_port_first_serves_and_ends_quietly(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "sandbox.provider", "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = services.ResourceProviderStub(channel)
            assert stub.GetPluginInfo(Empty()).version == version("pulumi-aws")
        process.send_signal(number)
        rest, errors = process.communicate()
        assert (process.returncode, rest, errors) == (0, "", "")


def test_the_process_ends_when_its_engine_is_killed() -> None:
    engine = ["sh", "-c", f"{sys.executable} -m sandbox.provider & wait"]
    with subprocess.Popen(engine, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline()
        process.kill()
        # The provider holds the other end of the pipe for as long as it lives.
        assert process.communicate(timeout=60) == ("", None)


def test_starting_loads_neither_the_sdk_nor_botocore() -> None:
    code = (
        "import json, sys, sandbox.provider.__main__\n"
        "print(json.dumps([name for name in ('pulumi', 'pulumi_aws', 'botocore', 'boto3') if name in sys.modules]))"
    )
    assert json.loads(subprocess.check_output([sys.executable, "-c", code])) == []


def test_the_sdk_can_be_imported_after_the_protocol() -> None:
    code = (
        "import sandbox.provider.protocol as p, pulumi, pulumi.runtime.proto.provider_pb2 as m; assert m is p.messages"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
