"""Nothing secret and no account id is in a report, in whatever form it came."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import FleetError
from sandbox.acceptance import report
from sandbox.acceptance.day import Step
from sandbox.acceptance.redaction import Redaction
from tests.sandbox.acceptance import days

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = days.ACCOUNT
OTHER = "602401143452"
PEM = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(b'x' * 60).decode()}\n-----END CERTIFICATE-----\n"
SECRETS = {
    "a GitHub token": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "a fine-grained token": "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "a secret access key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
    "an access key id": "ASIAIOSFODNN7EXAMPLE",
    "a certificate": PEM,
    "a certificate in base64": base64.b64encode(PEM.encode()).decode(),
    "a token of EKS": "k8s-aws-v1.aHR0cHM6Ly9zdHMuZXUtd2VzdC0yLmFtYXpvbmF3cy5jb20",
    "a JSON Web Token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "a token of Pulumi": f"pul-{'0a' * 20}",
    "an encoded message": "Encoded authorization failure message: " + base64.b64encode(bytes(range(90))).decode(),
}
FORMS = (
    "{}",
    "arn:aws:iam::{}:role/infra-fleet/acceptance/node-0123456",
    "{}.dkr.ecr.eu-west-2.amazonaws.com/load-harness",
    "s3://infra-fleet-state-{}-eu-west-2?region=eu-west-2",
    "https://{}.signin.aws.amazon.com/console",
    "x{}y",
    "%3A{}%3A",
)
DASHED = f"{ACCOUNT[:4]}-{ACCOUNT[4:8]}-{ACCOUNT[8:]}"


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "error: it said {}, and ended", '{{"value": "{}"}}', "https://user:{}@host/x"]
)
def test_what_looks_like_a_secret_goes(secret: str, around: str) -> None:
    text = Redaction().text(around.format(secret))
    hidden = secret.rpartition(": ")[2]
    assert hidden not in text
    assert not any(part in text for part in hidden.split() if len(part) > 24 and not part.startswith("-----"))


@pytest.mark.parametrize("form", FORMS)
def test_an_account_id_goes_and_another_gets_another_name(form: str) -> None:
    redaction = Redaction.of(ACCOUNT, {})
    assert redaction.text(form.format(ACCOUNT)) == form.format("ACCOUNT-1")
    assert redaction.text(form.format(OTHER)) == form.format("ACCOUNT-2")
    assert redaction.text(form.format(OTHER)) == form.format("ACCOUNT-2")
    assert redaction.text(DASHED) == "ACCOUNT-1"


@given(
    prefix=st.text(max_size=40),
    suffix=st.text(max_size=40),
    secret=st.text(st.characters(categories=["L", "N", "P"]), min_size=8, max_size=60),
    form=st.sampled_from(FORMS),
)
def test_a_secret_of_the_environment_goes_wherever_it_stands(prefix: str, suffix: str, secret: str, form: str) -> None:
    redaction = Redaction.of(ACCOUNT, {"PULUMI_CONFIG_PASSPHRASE": secret, "HOME": "/home/somebody"})
    text = redaction.text(f"{prefix}{secret}{form.format(ACCOUNT)}{suffix}{secret}")
    assert ACCOUNT not in text
    assert secret not in text


def test_a_session_an_e_mail_an_address_and_an_issuer_tell_of_nobody() -> None:
    redaction = Redaction.of(ACCOUNT, {})
    assert redaction.text(f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_x/jane@example.com is") == (
        "arn:aws:sts::ACCOUNT-1:assumed-role/AWSReservedSSO_x/<session> is"
    )
    assert redaction.text("mail jane@example.com") == "mail <e-mail>"
    assert redaction.text("from 8.8.8.8 to 10.0.0.0/16") == "from <address> to 10.0.0.0/16"
    assert "04FC66D3" not in redaction.text("oidc.eks.eu-west-2.amazonaws.com/id/04FC66D34A660845B1A4458992593401")
    assert "04FC66D3" not in redaction.text("https://04FC66D34A660845B1A4458992593401.gr7.eu-west-2.eks.amazonaws.com")


@pytest.mark.parametrize(
    "text",
    ["eks:CreateAddon", "updateConfig.updateStrategy", "v1.23.2-eksbuild.1", "2026-12-01", "AmazonEKSWorkerNodePolicy"],
)
def test_plain_text_stays(text: str) -> None:
    assert Redaction.of(ACCOUNT, {}).text(text) == text


def test_a_report_with_planted_secrets_and_accounts_in_every_string_has_none(tmp_path: Path) -> None:
    planted = " ".join((*SECRETS.values(), *(form.format(ACCOUNT) for form in FORMS), DASHED, "hunter2-hunter2"))
    made = days.sample(tmp_path)
    bent = dataclasses.replace(
        made,
        about={**made.about, "region": planted},
        steps=(Step("up", "failed", 1.0, planted),),
        not_built={planted: planted},
        left=(("VPC", planted),),
        unknown=(planted,),
    )
    redaction = Redaction.of(ACCOUNT, {"GRAFANA_PASSWORD": "hunter2-hunter2"})
    path = tmp_path / "report.txt"
    report.write(path, report.redacted(bent, redaction), redaction)
    text = path.read_text() + json.dumps(report.redacted(bent, redaction).document)
    assert ACCOUNT not in text
    assert DASHED not in text
    assert "hunter2" not in text
    for secret in SECRETS.values():
        assert secret.rpartition(": ")[2].strip() not in text
    assert "ACCOUNT-1.dkr.ecr" in text


def test_a_report_that_would_hold_one_is_not_written(tmp_path: Path) -> None:
    made = dataclasses.replace(days.sample(tmp_path), unknown=(f"an id of {ACCOUNT}",))
    path = tmp_path / "report.txt"
    path.write_text("the last one")
    with pytest.raises(FleetError, match="was not written"):
        report.write(path, made, Redaction.of(ACCOUNT, {}))
    assert path.read_text() == "the last one"
    assert [each.name for each in tmp_path.iterdir() if "report" in each.name] == ["report.txt"]
