"""The environment of the engine and of everything it starts: made from a list of what may pass, not of what may not."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from sandbox import pace
from sandbox.account.isolation import CLOSED
from sandbox.folder import FOLDER_VARIABLE, Folder

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSED = re.compile(
    r"HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|TERM|COLORTERM|COLUMNS|LINES|NO_COLOR|CI|LANG|LANGUAGE|LC_\w+|XDG_\w+"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|GITHUB_STEP_SUMMARY"
    rf"|{pace.VARIABLE}"
)
"""The user's variables that pass as they are; PATH passes behind the sandbox's bin folder."""


def environment(folder: Folder, *, account: Mapping[str, str], backend: str) -> dict[str, str]:
    """The whole environment of an engine child: the user's passed variables, the sandbox's Pulumi, the account.

    `account` holds the AWS_* variables of the embedded account, `backend` is where the state lies. No other
    credential, endpoint, profile, proxy, PULUMI_* or PYTHON* variable of the user reaches the engine, its provider or
    the program.
    """
    passed = {name: value for name, value in os.environ.items() if PASSED.fullmatch(name)}
    return {
        **passed,
        "PATH": os.pathsep.join([str(folder.bin), os.environ.get("PATH", os.defpath)]),
        "PULUMI_HOME": str(folder.pulumi_home),
        "PULUMI_BACKEND_URL": backend,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # Else a plugin on PATH, such as the real pulumi-resource-aws, would go before the sandbox's.
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        **CLOSED,  # HOME passes, and with it ~/.aws
        **account,
        FOLDER_VARIABLE: str(folder.root),
    }
