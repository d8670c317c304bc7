from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.account import process
from sandbox.folder import Folder
from tests.sandbox.account.aws import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def aws(account: process.Account) -> Iterator[Aws]:
    aws = Aws(account)
    yield aws
    aws.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """A sandbox folder whose account, if the test starts one, does not outlive it."""
    folder = Folder(tmp_path / "sandbox")
    yield folder
    process.stop(folder)
