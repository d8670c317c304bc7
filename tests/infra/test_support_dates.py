"""Support dates are told by an injected clock, so that no commit turns red by calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from infra import support_dates
from infra.contract import versions
from tests.support import recorder

if TYPE_CHECKING:
    import pytest

END = versions.KUBERNETES["1.36"].standard_support_until


def test_nothing_is_said_while_support_is_far_from_its_end() -> None:
    assert support_dates.ending("1.36", END - timedelta(days=91), within_days=support_dates.WARN_DAYS) is None


def test_a_preview_warns_ahead_of_the_end() -> None:
    said = support_dates.ending("1.36", END - timedelta(days=90), within_days=support_dates.WARN_DAYS)
    assert said is not None
    assert f"ends on {END}, in 90 days" in said
    assert "$0.60 instead of $0.10 an hour: raise infra-fleet:kubernetesVersion" in said


def test_the_end_itself_is_said_plainly() -> None:
    assert f"ended on {END}" in (support_dates.ending("1.36", END + timedelta(days=1), within_days=0) or "")


def test_the_program_warns_of_support_that_ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recorder.run_stack(preview=True).warnings == []
    ended = versions.KubernetesVersion("1.36", date(2020, 1, 1))
    monkeypatch.setattr(versions, "KUBERNETES", {"1.36": ended})
    (said,) = recorder.run_stack(preview=True).warnings
    assert "standard support of Kubernetes 1.36 ended on 2020-01-01" in said
