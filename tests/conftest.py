"""What all tests share."""

from __future__ import annotations

import signal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

pytest_plugins = ["tests.support.engine", "tests.support.account"]

# No property is given a deadline: on a busy machine it would fail for being slow.
settings.register_profile("fleet", deadline=None)
settings.load_profile("fleet")

SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)

ONE_CLUSTER = "cluster/one_cluster"
LONGEST_FIRST = (
    *(f"{ONE_CLUSTER}/test_{each}.py" for each in ("troubles", "rotation", "pairs", "images", "releases", "truth")),
    *("cluster/test_faults.py", "engine/test_nights.py", "engine/test_recovery.py", "cluster/test_night.py"),
    *("cluster/test_day.py", "engine/test_diff.py", "engine/test_refusals.py", "teardown/test_sweep.py"),
    *("engine/test_rehearse.py", "sandbox/engine/test_programs.py"),
)
"""Files that would end a run alone if they began late; those that wait take turns with those that work."""


def pytest_configure() -> None:
    """Undo what nohup and background jobs of a shell leave ignored: the commands under test inherit it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # Each test has a session of its own, which would read AWS's service models anew.
    read: Any = cache(JSONFileLoader().load_file)

    def load_file(_self: JSONFileLoader, path: str) -> Any:
        return read(path)

    loader: Any = JSONFileLoader
    loader.load_file = load_file


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes longest begins first; all else keeps its order."""
    ranks = {config.rootpath / "tests" / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


class ByFileOrCluster(LoadFileScheduling):
    """Hands out whole files, and those that share a cluster as one."""

    def _split_scope(self, nodeid: str) -> str:
        return ONE_CLUSTER if ONE_CLUSTER in nodeid else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFileOrCluster:
    """Of each parallel run."""
    return ByFileOrCluster(config, log)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run fails if an account, an engine or a cluster outlives the tests that started it, which is ended."""
    from tests.support import survivors

    if hasattr(session.config, "workerinput"):
        # xdist interrupts a worker that takes more than 5 s to go: the garbage of all tests takes that long.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return  # the run's own process looks, once its workers have ended
    config: Any = session.config
    if left := survivors.of(config._tmp_path_factory.getbasetemp()):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        writer = session.config.get_terminal_writer()
        for line in ("", "these processes outlived the tests, and were ended:", *left):
            writer.line(line, red=True)


@pytest.fixture(autouse=True)
def _own_signal_handlers() -> Iterator[None]:
    """The handlers that a command sets in this process end with its test: Ctrl-C still ends the run."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
