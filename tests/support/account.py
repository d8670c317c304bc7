"""The account that the tests of a worker share: each makes what it needs under names of its own.

Every session loads these fixtures, and those that want an account load the sandbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.account import process
    from sandbox.account.faults import Rule
    from sandbox.folder import Folder

ACCOUNT_ID, REGION = "111122223333", "eu-west-2"


@pytest.fixture(scope="session")
def account_folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    from sandbox.folder import Folder

    return Folder(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="session")
def account(account_folder: Folder) -> Iterator[process.Account]:
    from sandbox.account import process

    try:
        yield process.ensure(account_folder, ACCOUNT_ID, REGION)
    finally:
        process.stop(account_folder)


@pytest.fixture
def strike(account: process.Account, account_folder: Folder) -> Iterator[Callable[..., None]]:
    """Lets the account's calls fail by rules; without any, none fails any more."""
    from sandbox.account import faults

    assert account

    def write(*rules: Rule) -> None:
        faults.write(account_folder.faults, rules)

    yield write
    write()
