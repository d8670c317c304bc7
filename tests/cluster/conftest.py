"""Towns of the cluster's tests; whatever happens, none of their processes outlives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.clusters import Town

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town of a file's own, in which nothing is bootstrapped; its tests run in their order, and build on it."""
    built = Town.build(tmp_path_factory.mktemp("town"))
    yield built
    built.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them need the cluster."""
    for item in items:
        if "tests/cluster/" in str(item.path):
            item.add_marker(pytest.mark.cluster)
