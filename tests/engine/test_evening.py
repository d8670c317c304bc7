"""What the teardown only looks at or leaves alone, on one stack that is up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.engine.test_nights import leave, night

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.rehearsals import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.night]


@pytest.fixture(scope="module")
def evening(workers_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A stack that is up, with leftovers; the tests change nothing."""
    workers_sandbox.configure()
    workers_sandbox.succeed("up", "--", "--skip-preview")
    leave(workers_sandbox)
    yield workers_sandbox
    assert night(workers_sandbox).code == 0


def test_a_dry_run_shows_what_it_would_do_and_does_nothing(evening: Sandbox) -> None:
    before = evening.census()
    shown = evening.run("teardown", "--", "run")
    assert shown.code == 0, shown.text
    assert "would destroy staging" in shown.text
    assert "k8s-traffic-staging-" in shown.text
    assert evening.census() == before


def test_a_night_that_is_kept_does_nothing_and_says_until_when(evening: Sandbox) -> None:
    before = evening.census()
    kept = evening.run("teardown", "--", "keep", "--hours", "3")
    value = kept.out.split()[-1]
    skipped = evening.run("teardown", "--", "run", "--yes", f"--keep-until={value}")
    assert skipped.code == 0, skipped.text
    assert "staging is not destroyed tonight: kept until " in skipped.text
    assert evening.census() == before


def test_verify_says_what_is_left_by_whom_and_for_how_much(evening: Sandbox) -> None:
    found = evening.run("teardown", "--", "verify", "--json", "--reads=1")
    assert found.code == 1
    told = json.loads(found.out)
    assert {"EKS cluster", "VPC", "NAT gateway", "IAM role", "OIDC provider", "address"} <= {
        row["kind"] for row in told["left"]
    }
    assert told["in_state"]
    (cluster,) = [row for row in told["left"] if row["kind"] == "EKS cluster"]
    assert cluster["monthly"] == pytest.approx(73.0)
