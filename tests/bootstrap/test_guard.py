"""The sandbox and a real account never meet."""

from __future__ import annotations

import os

import pytest

from bootstrap import guard
from bootstrap.errors import BootstrapError


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv(guard.SANDBOX_VARIABLE, raising=False)


def test_a_real_account_is_taken_outside_and_the_embedded_one_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    guard.refuse_other_world()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://sts.eu-west-2.amazonaws.com")
    guard.refuse_other_world()
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS")
    monkeypatch.setenv(guard.SANDBOX_VARIABLE, "/sandbox")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4100")
    guard.refuse_other_world()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4100", "http://localhost:4100", "http://[::1]:4100", "http://127.9.9.9"]
)
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EKS"])
def test_an_endpoint_of_this_machine_is_refused_outside(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(BootstrapError, match=rf"{name} = .* is on this machine"):
        guard.refuse_other_world()


@pytest.mark.parametrize("url", ["https://eks.eu-west-2.amazonaws.com", ""])
def test_any_other_is_refused_inside(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(guard.SANDBOX_VARIABLE, "/sandbox")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(BootstrapError, match=r"is not on this machine|has no AWS_ENDPOINT_URL"):
        guard.refuse_other_world()
