"""The state's earlier versions: listed as they are, and brought back only where that is safe."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from common.errors import FleetError, UnknownError
from sandbox.account import process
from sandbox.account.faults import Rule
from teardown.history import History
from tests.sandbox.account.aws import Aws, unique
from tests.teardown.conftest import proven

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from common.target import Proven

PROJECT, STACK = "infra-fleet", "staging"
KEY = f".pulumi/stacks/{PROJECT}/{STACK}.json"
PREFIX = f"urn:pulumi:{STACK}::{PROJECT}::"


def state(*names: str, pending: tuple[str, ...] = (), stack: str = f"organization/{PROJECT}/{STACK}") -> bytes:
    """A checkpoint as the engine writes it."""
    latest: dict[str, Any] = {
        "manifest": {},
        "resources": [{"urn": f"{PREFIX}aws:ec2/vpc:Vpc::{each}"} for each in names],
    }
    if pending:
        latest["pending_operations"] = [
            {"type": "creating", "resource": {"urn": f"{PREFIX}aws:eks/cluster:Cluster::{each}"}} for each in pending
        ]
    return json.dumps({"version": 3, "checkpoint": {"stack": stack, "latest": latest}}).encode()


@dataclass
class Bucket:
    """A bucket with versions, which the environment names as the backend."""

    s3: Any
    name: str
    folder: Path
    proven: Proven

    @property
    def history(self) -> History:
        return History(self.folder, STACK)

    def put(self, body: bytes, key: str = KEY) -> str:
        return self.s3.put_object(Bucket=self.name, Key=key, Body=body)["VersionId"]

    def delete(self) -> str:
        return self.s3.delete_object(Bucket=self.name, Key=KEY)["VersionId"]

    def body(self, key: str = KEY) -> bytes:
        return self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()


@pytest.fixture
def bucket(account: process.Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bucket:
    s3, name = Aws(account).client("s3"), unique("state")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for variable, value in process.environment(account).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"s3://{name}?region={account.region}")
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\n")
    return Bucket(s3, name, tmp_path, proven(account))


def listed(bucket: Bucket) -> list[tuple[Any, ...]]:
    found = bucket.history.read(bucket.history.versions())
    return [
        (each.id, each.is_latest, each.is_deletion, each.content and (each.content.resources, each.content.pending))
        for each in found
    ]


def test_all_versions_are_listed_with_what_they_hold(bucket: Bucket) -> None:
    first = bucket.put(state("one", "two"))
    second = bucket.put(state("one", pending=("staging",)))
    gone = bucket.delete()
    third = bucket.put(state())
    for key in (f"{KEY}.bak", ".pulumi/stacks/infra-fleet/staging.json-2", ".pulumi/stacks/other/staging.json"):
        bucket.put(state("other"), key)
    found = listed(bucket)
    assert [each for each in found if not each[2]] == [
        (third, True, False, (0, ())),
        (second, False, False, (1, ("creating staging",))),
        (first, False, False, (2, ())),
    ]
    # S3's times are in seconds: where in one a deletion was, only the latest tells.
    assert [each for each in found if each[2]] == [(gone, False, True, None)]


def test_a_compressed_state_is_read_and_restored_as_well(bucket: Bucket) -> None:
    key = f"{KEY}.gz"
    first = bucket.put(gzip.compress(state("one", "two")), key)
    bucket.put(gzip.compress(state()), key)
    assert [each[3] for each in listed(bucket)] == [(0, ()), (2, ())]
    assert bucket.history.restore(first, bucket.proven).new_id
    assert gzip.decompress(bucket.body(key)) == state("one", "two")


def test_a_compressed_state_that_is_damaged_is_not_restored(bucket: Bucket) -> None:
    whole = gzip.compress(state("one", "two"))
    for damaged in (whole[:-12], whole[:12] + b"\xff" * 12 + whole[24:], b"plain"):
        wanted = bucket.put(damaged, f"{KEY}.gz")
        with pytest.raises(FleetError, match="it does not parse"):
            bucket.history.restore(wanted, bucket.proven)


def test_more_versions_than_a_page_are_listed(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("teardown.history.PAGE", 3)
    put = [bucket.put(state(*map(str, range(number)))) for number in range(8)]
    assert [each.id for each in bucket.history.versions()] == put[::-1]


@pytest.mark.parametrize("now", ["other", "empty", "deleted", "broken"])
def test_an_earlier_version_becomes_the_newest_and_nothing_is_lost(bucket: Bucket, now: str) -> None:
    wanted = bucket.put(state("one", "two"))
    if now == "deleted":
        bucket.delete()
    else:
        bucket.put({"other": state("three"), "empty": state(), "broken": b"{"}[now])
    before = {each.id for each in bucket.history.versions()}

    dry = bucket.history.restore(wanted)
    assert (dry.is_needed, dry.new_id) == (True, "")
    assert {each.id for each in bucket.history.versions()} == before

    done = bucket.history.restore(wanted, bucket.proven)
    assert bucket.body() == state("one", "two")
    newest, *others = bucket.history.versions()
    assert (newest.id, newest.is_latest, {each.id for each in others}) == (done.new_id, True, before)
    again = bucket.history.restore(wanted, bucket.proven)
    assert not again.is_needed
    assert bucket.history.versions() == [newest, *others]


FOREIGN = {
    "no JSON": b"<html>",
    "no state": b"{}",
    "a list": b"[]",
    "another format": json.dumps({"version": 5, "checkpoint": {"stack": "staging"}}).encode(),
    "another stack": state(stack=f"organization/{PROJECT}/{STACK}-2"),
    "another project": state(stack=f"organization/another/{STACK}"),
    "another stack's resource": state().replace(b'"resources": []', b'"resources": [{"urn": "urn:pulumi:x::y::z::w"}]'),
    "not UTF-8": b"\xff\xfe{",
}


@pytest.mark.parametrize("why", FOREIGN)
def test_what_is_no_state_of_the_stack_is_not_restored(bucket: Bucket, why: str) -> None:
    wanted = bucket.put(FOREIGN[why])
    bucket.put(state("one"))
    with pytest.raises(FleetError, match=f"version {wanted} is no") as caught:
        bucket.history.restore(wanted, bucket.proven)
    assert "\n" not in str(caught.value)
    assert bucket.body() == state("one")
    assert [bool(each.why) for each in bucket.history.read(bucket.history.versions())] == [False, True]


def test_a_deletion_and_an_unknown_version_are_not_restored(bucket: Bucket) -> None:
    bucket.put(state("one"))
    with pytest.raises(FleetError, match="is a delete marker"):
        bucket.history.restore(bucket.delete(), bucket.proven)
    with pytest.raises(FleetError, match="has no version nothing"):
        bucket.history.restore("nothing", bucket.proven)


def test_while_the_stack_is_locked_nothing_is_restored(bucket: Bucket) -> None:
    wanted = bucket.put(state("one", "two"))
    bucket.put(state("one"))
    lock = {"username": "a", "hostname": "b", "pid": 1, "timestamp": "2026-11-30T12:00:00Z"}
    where = f".pulumi/locks/organization/{PROJECT}/{STACK}/1.json"
    bucket.put(json.dumps(lock).encode(), where)
    with pytest.raises(FleetError, match=r"locked by a@b \(pid 1\)"):
        bucket.history.restore(wanted, bucket.proven)
    bucket.s3.delete_object(Bucket=bucket.name, Key=where)
    assert bucket.history.restore(wanted, bucket.proven).new_id


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("ListObjectVersions", "s3:ListBucketVersions"),
        ("GetObject", "s3:GetObjectVersion"),
        ("CopyObject", "s3:PutObject"),
    ],
)
def test_a_refused_call_is_unknown_and_names_its_permission(
    bucket: Bucket, strike: Callable[..., None], operation: str, action: str
) -> None:
    wanted = bucket.put(state("one", "two"))
    bucket.put(state("one"))
    strike(Rule("AccessDenied", "s3", operation))
    with pytest.raises(UnknownError, match=action):
        bucket.history.restore(wanted, bucket.proven)
    strike()
    assert bucket.body() == state("one")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///tmp/state", r"keeps no versions: .*staging\.json\.bak"),
        ("gs://bucket", "s3:// backends only"),
        ("", "PULUMI_BACKEND_URL is not set"),
    ],
)
def test_other_backends_have_no_versions(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, url: str, why: str) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    with pytest.raises(FleetError, match=why):
        _ = bucket.history


def test_a_backend_may_lie_under_a_prefix(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"s3://{bucket.name}/teams/one?region=eu-west-2")
    wanted = bucket.put(state("one"), f"teams/one/{KEY}")
    bucket.put(state("two"))
    assert [each[0] for each in listed(bucket)] == [wanted]
