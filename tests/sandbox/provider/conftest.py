from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.account import process
from sandbox.folder import FOLDER_VARIABLE, Folder
from sandbox.provider.configuration import BACKEND_VARIABLE
from tests.sandbox.provider.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT_ID, REGION = "123456789012", "eu-west-2"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the engine's children get: the sandbox's folder, its state and a running account."""
    folder = Folder(tmp_path_factory.mktemp("sandbox"))
    account = process.ensure(folder, process.AccountSettings(ACCOUNT_ID, REGION))
    try:
        yield {
            **process.environment(account),
            FOLDER_VARIABLE: str(folder.root),
            BACKEND_VARIABLE: folder.backend_url,
        }
    finally:
        process.stop(folder)


@pytest.fixture(scope="session")
def aws(environment: dict[str, str]) -> Iterator[Driver]:
    """The provider, configured, behind a real connection."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with Driver.started() as driver:
            driver.configure(region=REGION, defaultTags={"tags": {"environment": "test"}})
            yield driver
