"""The account that the tests of a worker share: each makes what it needs under names of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.account import process
from sandbox.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT_ID, REGION = "111122223333", "eu-west-2"


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Account]:
    folder = Folder(tmp_path_factory.mktemp("account"))
    try:
        yield process.ensure(folder, ACCOUNT_ID, REGION)
    finally:
        process.stop(folder)
