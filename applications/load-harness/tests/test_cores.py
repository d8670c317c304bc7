"""The cores that the service says it has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from load_harness import cores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"cpu.max": "50000 100000\n"}, 0.5),
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "33333 100000\n"}, 0.33),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "100000000 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_cores_are_those_of_the_cgroup(tmp_path: Path, files: dict[str, str], found: float | None) -> None:
    """None: of the affinity alone. Of both versions of cgroups, as the kernel writes their files."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores.count(tmp_path) == (len(os.sched_getaffinity(0)) if found is None else found)
