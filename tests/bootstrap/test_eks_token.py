"""The token: what is in it, and that it is signed as STS will check it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from bootstrap import eks_token
from common import world
from common.errors import FleetError
from sandbox.account import process
from tests.support.checkout import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def url_in(value: str) -> str:
    assert value.startswith(eks_token.PREFIX)
    encoded = value.removeprefix(eks_token.PREFIX)
    assert "=" not in encoded
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


@pytest.mark.usefixtures("credentials")
def test_it_is_a_request_to_the_regions_sts_bound_to_one_cluster_and_a_minute() -> None:
    parts = urlsplit(url_in(eks_token.presigned("staging", "eu-west-2")))
    assert (parts.scheme, parts.hostname, parts.path) == ("https", "sts.eu-west-2.amazonaws.com", "/")
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    assert query["Action"] == "GetCallerIdentity"
    assert query["X-Amz-Expires"] == "60"
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert query["X-Amz-Credential"].endswith("/eu-west-2/sts/aws4_request")
    other = parse_qs(urlsplit(url_in(eks_token.presigned("other", "eu-west-2"))).query)
    assert other["X-Amz-Signature"][0] != query["X-Amz-Signature"]


@pytest.mark.usefixtures("credentials")
def test_the_secret_is_not_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-canary-canary")
    assert "canary" not in url_in(eks_token.presigned("staging", "eu-west-2"))


def test_kubectl_gets_it_with_the_time_to_ask_again_and_it_is_signed_as_aws_wants(account: process.Account) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bootstrap", "token", "--cluster=staging", "--region=eu-west-2"],
        cwd=REPOSITORY,
        env={**os.environ, **process.environment(account), world.SANDBOX_VARIABLE: str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(done.stdout)
    assert (document["apiVersion"], document["kind"]) == ("client.authentication.k8s.io/v1beta1", "ExecCredential")
    until = datetime.fromisoformat(document["status"]["expirationTimestamp"])
    assert until.tzinfo == UTC
    query = parse_qs(urlsplit(url_in(document["status"]["token"])).query)
    assert query["X-Amz-Signature"] == [signature(url_in(document["status"]["token"]), "sandbox", "staging")]


def signature(url: str, secret: str, cluster: str) -> str:
    """What a presigned GET must be signed with (AWS, "Create a signed AWS API request", query parameters)."""
    parts = urlsplit(url)
    fields = [field for field in parts.query.split("&") if not field.startswith("X-Amz-Signature=")]
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    date, region, service, _ = query["X-Amz-Credential"].split("/", 1)[1].split("/")
    headers = f"host:{parts.netloc}\n{eks_token.HEADER}:{cluster}\n"
    empty = hashlib.sha256(b"").hexdigest()
    request = "\n".join(["GET", parts.path, "&".join(sorted(fields)), headers, f"host;{eks_token.HEADER}", empty])
    scope = f"{date}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, digest])
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def test_the_time_to_ask_again_is_before_the_cluster_stops_taking_it() -> None:
    assert eks_token.TOKEN_LIFE.total_seconds() < 15 * 60


@pytest.mark.usefixtures("credentials")
def test_without_credentials_it_says_how_to_get_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(FleetError, match="aws sso login"):
        eks_token.presigned("staging", "eu-west-2")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(FleetError, match="nobody"):
        eks_token.presigned("staging", "eu-west-2")
