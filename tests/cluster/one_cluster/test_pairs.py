"""What `fleet diff` says of manifests is what kustomize-controller does: pruned, created, changed, left."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.cluster import pairs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clusters import Town

BATCH = 12


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(0, id="seeds 0 to 11"),
        *(pytest.param(n, id=f"seeds {n} to {n + 11}", marks=pytest.mark.long) for n in range(BATCH, 120, BATCH)),
    ],
)
def test_flux_does_what_the_comparison_says(bootstrapped: Town, first: int, tmp_path: Path) -> None:
    those = [pairs.pair(seed, bootstrapped.url) for seed in range(first, first + BATCH)]
    told = {each.name: each.told(tmp_path / each.name) for each in those}
    became = pairs.on_the_cluster(bootstrapped, those)
    for each in those:
        expected = {name: action for name, action in told[each.name].items() if action != "left"}
        # What Flux has never made, since it was told to leave it alone, is not there: the manifests do not know that.
        seen = {
            name: action
            for name, action in became[each.name].items()
            if not (action == "created" and told[each.name].get(name) == "left")
        }
        assert seen == expected, each.name
    counts = Counter(action for actions in told.values() for action in actions.values())
    assert set(counts) == {"pruned", "left", "changed", "created"}
