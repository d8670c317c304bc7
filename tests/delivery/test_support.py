"""The scheduled job that fails ahead of the end of a Kubernetes version's support, by an injected clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from delivery import support
from infra.contract import versions

if TYPE_CHECKING:
    from pathlib import Path

END = versions.KUBERNETES["1.34"].standard_support_until


@pytest.mark.parametrize(("days", "count"), [(31, 0), (30, 1)])
def test_it_fails_thirty_days_ahead(days: int, count: int, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.old.yaml").write_text('config: {"infra-fleet:kubernetesVersion": "1.34"}')
    assert len(support.notices(tmp_path, END - timedelta(days=days))) == count


def test_it_looks_at_every_stacks_version(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.old.yaml").write_text('config: {"infra-fleet:kubernetesVersion": "1.34"}')
    (tmp_path / "Pulumi.new.yaml").write_text("config: {}")
    assert support.pins(tmp_path) == {"1.34", versions.KUBERNETES_DEFAULT}
