from __future__ import annotations

import subprocess
import sys

from tests.support.checkout import REPOSITORY


def test_a_session_that_wants_no_account_and_no_engine_loads_no_sandbox() -> None:
    program = "import sys, tests.conftest, tests.support.account, tests.support.engine; print(*sorted(sys.modules))"
    loaded = subprocess.check_output([sys.executable, "-c", program], cwd=REPOSITORY, text=True).split()
    assert "tests.support.account" in loaded
    assert [name for name in loaded if name.startswith(("sandbox", "moto", "pulumi"))] == []
