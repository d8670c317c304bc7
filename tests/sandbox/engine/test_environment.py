from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.engine.environment import environment
from sandbox.folder import Folder

HOSTILE = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL_EKS",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "GITHUB_TOKEN",
    "HOMEDRIVE",
    "HTTPS_PROXY",
    "KUBECONFIG",
    "LD_PRELOAD",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG",
    "PULUMI_DEBUG_PROVIDERS",
    "PULUMI_PYTHON_CMD",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "all_proxy",
    "no_proxy",
]

FOLDER = Folder(Path("/sandbox folder"))
ACCOUNT = {"AWS_ACCESS_KEY_ID": "embedded", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


def made() -> dict[str, str]:
    return environment(FOLDER, account=ACCOUNT, backend="s3://state-of-the-account")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_credential_endpoint_or_switch_of_the_user_passes(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, "the user's")

    assert made().get(name) != "the user's"


@pytest.mark.parametrize("name", ["HOME", "LANG", "LC_ALL", "NO_COLOR", "SSL_CERT_FILE", "TERM", "XDG_CACHE_HOME"])
def test_what_a_terminal_program_needs_passes(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, "the user's")

    assert made()[name] == "the user's"


@given(st.from_regex(r"(AWS|PULUMI|PYTHON|KUBE|GITHUB|GOOGLE|AZURE|ARM)_?[A-Z_]{1,20}", fullmatch=True))
def test_no_name_of_a_vendor_passes(name: str):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv(name, "the user's")

        assert "the user's" not in made().values()


def test_the_sandbox_points_everything_at_its_own_folder_and_account(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://production")
    monkeypatch.setenv("PULUMI_HOME", "/home/user/.pulumi")
    environ = made()

    assert environ["PATH"] == "/sandbox folder/bin:/usr/bin"
    assert environ["PULUMI_BACKEND_URL"] == "s3://state-of-the-account"
    assert environ["PULUMI_HOME"] == "/sandbox folder/home"
    assert environ["INFRA_FLEET_SANDBOX"] == "/sandbox folder"
    assert environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environ.items() >= ACCOUNT.items()


def test_our_own_environment_stays_as_it_is():
    before = dict(os.environ)
    made()

    assert dict(os.environ) == before
