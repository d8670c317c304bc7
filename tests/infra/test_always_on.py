"""A stack without a nightly teardown warns of what it costs, and any other is silent."""

from __future__ import annotations

from datetime import date

import pytest

from infra import notices
from infra.settings import parse


@pytest.mark.parametrize("nightly", [True, False])
def test_a_preview_warns_of_what_a_stack_costs_that_has_no_night(
    nightly: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", said.append)
    heard: list[str] = []
    monkeypatch.setattr("pulumi.log.info", heard.append)
    notices.tell(parse({"accountId": "123456789012", "nightlyTeardown": nightly}, "staging"), date(2026, 1, 1))
    assert [line.partition(" with ")[0] for line in said] == (
        [] if nightly else ["staging has no nightly teardown: it costs about 168 dollars a month"]
    )
