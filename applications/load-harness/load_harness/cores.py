"""How many cores a process may use: those of its affinity, or less where its cgroup has a quota."""

from __future__ import annotations

import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
"""A container sees its own cgroup here. Source: Linux, cgroup-v2.rst (cpu.max) and sched-bwc.rst (cpu.cfs_quota_us)."""


def count(cgroups: Path = CGROUPS) -> float:
    """Cores, in hundredths; what has no quota has all of its affinity."""
    quota = _quota(cgroups)
    available = len(os.sched_getaffinity(0))
    return available if quota is None else round(min(available, quota), 2)


def _quota(cgroups: Path) -> float | None:
    """The quota in cores: version 2's file, else those of version 1."""
    try:
        quota, period = (cgroups / "cpu.max").read_text().split()
    except OSError:
        try:
            quota, period = ((cgroups / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        except OSError:
            return None
    return None if quota == "max" or int(quota) < 0 else int(quota) / int(period)
