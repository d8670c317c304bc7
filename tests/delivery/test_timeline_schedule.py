"""Schedules, paths and savings, held against networkx on random graphs, and against what pulumi's source says."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import itertools

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.timeline import schedule
from delivery.timeline.schedule import Saving, Seconds, Span, Waits

DIAMOND: Waits = {
    "vpc": frozenset(),
    "nat": frozenset({"vpc"}),
    "cluster": frozenset({"vpc"}),
    "nodes": frozenset({"nat", "cluster"}),
}
TOOK: Seconds = {"vpc": 10, "nat": 100, "cluster": 700, "nodes": 200}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Waits, Seconds]:
    count = draw(st.integers(1, 9))
    names = [f"step {number}" for number in range(count)]
    waits = {
        name: frozenset(draw(st.sets(st.sampled_from(names[:number])))) if number else frozenset[str]()
        for number, name in enumerate(names)
    }
    return waits, {name: float(draw(st.integers(0, 50))) for name in names}


def oracle(waits: Waits, seconds: Seconds) -> float:
    """The longest path, by networkx: a step's seconds are on the edges that lead to it."""
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    for name, needed in waits.items():
        graph.add_edge("", name, weight=seconds[name])
        graph.add_weighted_edges_from((each, name, seconds[name]) for each in needed)
    return networkx.dag_longest_path_length(graph)


@given(graphs())
def test_the_longest_path_is_a_path_and_as_long_as_the_schedule(made: tuple[Waits, Seconds]) -> None:
    waits, seconds = made
    path = schedule.longest_path(waits, seconds)
    assert sum(seconds[name] for name in path) == oracle(waits, seconds)
    assert oracle(waits, seconds) == schedule.makespan(schedule.as_soon_as_possible(waits, seconds))
    assert all(first in waits[then] for first, then in itertools.pairwise(path))


@given(graphs())
def test_waves_break_no_order_and_all_that_they_take_longer_is_waits(made: tuple[Waits, Seconds]) -> None:
    waits, seconds = made
    spans = schedule.in_waves(waits, seconds)
    ends = {span.name: span.end for span in spans}
    assert all(ends[each] <= span.start for span in spans for each in waits[span.name])
    path = schedule.critical(spans, waits, waves=True)
    assert sum(seconds[name] for name in path) == schedule.makespan(spans) >= oracle(waits, seconds)


@given(graphs(), st.booleans())
def test_a_saving_is_what_it_says(made: tuple[Waits, Seconds], waves: bool) -> None:
    waits, seconds = made
    arrange = schedule.in_waves if waves else schedule.as_soon_as_possible
    whole = schedule.makespan(arrange(waits, seconds))
    for saving in schedule.savings(waits, seconds, waves=waves):
        if not saving.name:
            after = oracle(waits, seconds)
        elif saving.without:
            after = schedule.makespan(arrange({**waits, saving.name: waits[saving.name] - {saving.without}}, seconds))
        else:
            after = schedule.makespan(arrange(waits, {**seconds, saving.name: 0.0}))
        assert saving.seconds == whole - after >= 1


def test_what_would_shorten_it_comes_in_the_order_of_what_it_saves() -> None:
    assert schedule.savings(DIAMOND, TOOK, waves=False) == [
        Saving(600, "cluster"),
        Saving(200, "nodes"),
        Saving(200, "nodes", "cluster"),
        Saving(10, "vpc"),
        Saving(10, "cluster", "vpc"),
    ]


def test_a_wave_waits_for_what_it_does_not_depend_on() -> None:
    """What is equally far from the VPC goes at once; the gateway holds up the cluster."""
    created: Waits = {
        "vpc": frozenset(),
        "cluster": frozenset({"vpc"}),
        "role": frozenset({"cluster"}),
        "nodes": frozenset({"role", "nat"}),
        "route": frozenset({"vpc"}),
        "nat": frozenset({"route"}),
    }
    took: Seconds = {"vpc": 1, "cluster": 200, "role": 1, "nodes": 250, "route": 1, "nat": 90}
    deleted = schedule.reversed_waits(created)
    spans = schedule.in_waves(deleted, took)
    assert {span.name: span.start for span in spans} == {
        "nodes": 0,
        "role": 250,
        "nat": 250,
        "cluster": 340,
        "route": 340,
        "vpc": 540,
    }
    path = schedule.critical(spans, deleted, waves=True)
    assert path == ["nodes", "nat", "cluster", "vpc"]
    (wait,) = schedule.waits_of(path, spans, deleted)
    assert (wait.name, wait.seconds, wait.during) == ("cluster", 89, "nat")
    assert Saving(89, "") in schedule.savings(deleted, took, waves=True)


def test_of_a_run_the_path_leads_back_from_what_ended_last() -> None:
    spans = [Span("vpc", 0, 10), Span("cluster", 12, 700), Span("nat", 10, 100), Span("nodes", 700, 900)]
    assert schedule.critical(spans, DIAMOND, waves=False) == ["vpc", "cluster", "nodes"]
    (wait,) = schedule.waits_of(["vpc", "cluster", "nodes"], spans, DIAMOND)
    assert (wait.name, wait.seconds, wait.during, wait.running) == ("cluster", 2, "", 1)


@pytest.mark.parametrize("waves", [True, False])
def test_nothing_takes_no_time(waves: bool) -> None:
    assert schedule.makespan([]) == 0
    assert schedule.critical([], {}, waves=waves) == []
    assert schedule.savings({}, {}, waves=waves) == []


def test_steps_wait_for_each_other_through_those_that_a_run_left_out() -> None:
    found = schedule.restricted(DIAMOND, ["vpc", "nodes", "stranger"])
    assert found == {"vpc": frozenset(), "nodes": frozenset({"vpc"}), "stranger": frozenset()}
