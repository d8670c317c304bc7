"""A rehearsal is of one stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import FleetError
from sandbox.checkout import Checkout
from sandbox.engine.pulumi import Pulumi
from sandbox.folder import Folder
from sandbox.rehearsal import Rehearsal
from tests.support.checkout import REPOSITORY


@pytest.mark.parametrize("arguments", [("--stack", "prod"), ("--stack=prod",), ("--diff", "-s", "prod")])
def test_another_stack_in_the_arguments_of_pulumi_is_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    engine = Pulumi(Path("/nonexistent/pulumi"), "v3.274.1")
    ready = Rehearsal(Folder(tmp_path), Checkout(REPOSITORY), "staging", engine, {}, "")
    with pytest.raises(FleetError, match="name the stack before --: fleet sandbox preview --stack prod"):
        ready.pulumi("preview", *arguments)
