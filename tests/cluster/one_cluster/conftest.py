"""One bootstrapped cluster for the files of this folder, which leave it to each other as they found it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.clusters import Town

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town in which all is reconciled, with a clone to commit from."""
    built = Town.build(tmp_path_factory.mktemp("town"))
    try:
        built.bootstrap("run")
        built.git("clone", "--quiet", built.url, str(built.clone), cwd=built.clone.parent)
        yield built
    finally:
        built.close()


@pytest.fixture(scope="package")
def town(bootstrapped: Town) -> Town:
    """The same: in this folder there is no other."""
    return bootstrapped
