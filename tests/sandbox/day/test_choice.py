"""Which steps run: what is asked for, what that needs, and what a kept rehearsal has already."""

from __future__ import annotations

import pytest

from common.errors import CannotRunError
from sandbox.day.choice import There, choose
from sandbox.day.steps import DAY, steps

BY_NAME = {step.name: step for step in DAY}
ALONE = [step.name for step in steps(has_cluster=False)]


def chosen(
    *only: str, start: str = "", has_cluster: bool = True, there: There | None = None, keep: bool = False
) -> str:
    day = steps(has_cluster=has_cluster)
    found = choose(day, DAY, only=only, start=start, there=there or There(), keep=keep)
    return " ".join(step.name for step in found)


def done(*names: str) -> There:
    """What is there after some steps."""
    there = There()
    for name in names:
        there = there.begin(BY_NAME[name]).hold(BY_NAME[name])
    return there


def test_the_whole_day_is_every_step_in_its_order() -> None:
    assert chosen() == " ".join(BY_NAME)
    assert chosen(has_cluster=False) == " ".join(ALONE)
    assert len(BY_NAME) == len(DAY)


def test_what_a_step_needs_runs_before_it() -> None:
    assert chosen("reconciled") == "up cluster bootstrap reconciled"
    assert chosen("merge", has_cluster=False) == "up night merge"
    assert chosen("rebuild", has_cluster=False) == "up night rebuild"
    assert chosen("rebuild") == "up cluster bootstrap night rebuild"
    assert chosen("last-night", "preview") == "preview up last-night"


def test_what_stands_already_is_not_built_again() -> None:
    assert chosen("reconciled", there=done("up", "cluster", "bootstrap")) == "reconciled"
    assert chosen("reconciled", there=done("up", "cluster", "bootstrap", "night", "rebuild")) == "reconciled"
    assert chosen("reconciled", there=done("up", "cluster", "bootstrap", "night")) == "up cluster bootstrap reconciled"
    assert chosen(start="rebuild", there=done("up", "cluster", "bootstrap", "night")) == "rebuild last-night"


def test_from_is_the_rest_of_the_day_and_what_it_needs() -> None:
    assert chosen(start="night") == "up cluster bootstrap night " + " ".join(list(BY_NAME)[11:])
    assert chosen(start="preview-again", has_cluster=False, there=done("up", "night")) == (
        "preview-again merge rebuild last-night"
    )


def test_what_is_kept_has_no_last_night_unless_that_is_asked_for() -> None:
    assert chosen(keep=True).endswith("merge rebuild")
    assert chosen("last-night", keep=True, there=done("up")) == "last-night"
    assert chosen(start="last-night", keep=True, there=done("up")) == "last-night"


def test_an_unknown_step_is_answered_with_the_nearest_and_with_all() -> None:
    with pytest.raises(CannotRunError, match="unknown step nihgt, did you mean night\\? The steps are preview, up, "):
        chosen("nihgt")
    with pytest.raises(CannotRunError, match="unknown step zzz: The steps are preview, up, "):
        chosen(start="zzz")


def test_what_excludes_each_other_is_refused() -> None:
    with pytest.raises(CannotRunError, match="the step release needs a cluster: leave out --no-cluster"):
        chosen("release", has_cluster=False)
    with pytest.raises(CannotRunError, match="--only and --from exclude each other"):
        chosen("up", start="night")


@pytest.mark.parametrize("has_cluster", [True, False])
def test_every_step_can_run_when_all_before_it_have_held(has_cluster: bool) -> None:
    there = There()
    for step in steps(has_cluster=has_cluster):
        assert there.allows(step, steps(has_cluster=has_cluster)), step.name
        there = there.begin(step).hold(step)
    assert not there.standing


def test_a_night_runs_after_a_stack_that_was_built_by_half_and_nothing_that_needs_the_stack_does() -> None:
    half = There().begin(BY_NAME["up"])
    allowed = [step.name for step in DAY if half.allows(step, DAY)]
    assert allowed == ["preview", "up", "pull-request", "night", "last-night"]
    assert not There().allows(BY_NAME["night"], DAY)
    rebuilt_by_half = done("up", "night").begin(BY_NAME["rebuild"])
    assert rebuilt_by_half.allows(BY_NAME["last-night"], DAY)
