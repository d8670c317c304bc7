"""Faults of a seed: the same again, no step with two, and only what an SDK or Flux tries again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.account import faults as account_faults
from sandbox.account import operations
from sandbox.cluster import git_host
from sandbox.cluster.layout import Layout
from sandbox.day import faults
from sandbox.day.steps import DAY
from sandbox.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = range(200)


def test_the_same_seed_gives_the_same_faults_and_another_gives_others() -> None:
    assert faults.of_seed(7) == faults.of_seed(7)
    assert len({str(faults.of_seed(seed)) for seed in SEEDS}) > len(SEEDS) // 2


def test_a_day_has_faults_of_all_three_parts_and_no_step_has_two() -> None:
    order = [step.name for step in DAY]
    for given in map(faults.of_seed, SEEDS):
        assert sum(bool(each.rule) for each in given) == 3
        assert sum(bool(each.switches) for each in given) == 1
        assert sum(bool(each.stopped) for each in given) == 1
        names = [each.step for each in given]
        assert len(set(names)) == len(names)
        assert names == sorted(names, key=order.index)


def test_a_rule_is_of_a_call_that_there_is_and_fails_no_more_often_than_an_sdk_tries_again() -> None:
    rules = [each.rule for seed in SEEDS for each in faults.of_seed(seed) if each.rule]
    assert {operations.mistake(rule) for rule in rules} == {""}
    failing = [rule for rule in rules if rule.code != account_faults.NONE]
    assert {rule.times for rule in failing} == {1}
    assert {rule.code for rule in failing} == set(faults.CODES)


def test_a_fault_is_given_for_its_step_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    layout = Layout.of(folder)
    git_host.switch(layout, {"latency": 0.25})
    for given in (*faults.GIT_HOST, *faults.API_SERVER, *faults.of_seed(1)):
        with faults.given(given, folder, layout):
            assert folder.faults.exists() == bool(given.rule)
            now = git_host.switches(layout)
            assert all(getattr(now, name) == value for name, value in given.switches.items())
            assert (layout.stopped / "kube-apiserver").exists() == bool(given.stopped)
        assert not folder.faults.exists()
        assert git_host.switches(layout) == git_host.Switches(latency=0.25)
        assert not (layout.stopped / "kube-apiserver").exists()


def test_whether_a_fault_has_struck_is_read_in_the_record_of_calls(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    fault = faults.Fault("up", "", account_faults.Rule("Throttling", "ec2", "CreateVpc", times=1))
    folder.calls.write_text('{"service": "ec2", "operation": "CreateVpc", "status": 400}\n')
    assert faults.has_struck(fault, folder, 0)
    assert not faults.has_struck(fault, folder, folder.calls.stat().st_size)
    folder.calls.write_text('{"service": "ec2", "operation": "CreateVpc", "status": 200}\n')
    assert not faults.has_struck(fault, folder, 0)
