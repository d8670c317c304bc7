from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.account import process
from sandbox.folder import FOLDER_VARIABLE, Folder
from sandbox.provider.configuration import BACKEND_VARIABLE
from tests.sandbox.account.aws import Aws
from tests.sandbox.provider.driver import Driver
from tests.support.account import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def environment(account: process.Account, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the engine's children get: a sandbox folder, its state and a running account."""
    folder = Folder(tmp_path_factory.mktemp("sandbox"))
    return {
        **process.environment(account),
        FOLDER_VARIABLE: str(folder.root),
        BACKEND_VARIABLE: (folder.root / "state").as_uri(),
    }


@pytest.fixture(scope="session")
def aws(environment: dict[str, str]) -> Iterator[Driver]:
    """The provider, configured, behind a real connection."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with Driver.started() as driver:
            driver.configure(region=REGION, defaultTags={"tags": {"environment": "test"}})
            yield driver


@pytest.fixture(scope="session")
def account_api(account: process.Account) -> Aws:
    """The account's API, past the provider."""
    return Aws(account)
