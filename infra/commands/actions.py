"""What a step tells GitHub Actions: outputs for later steps, and its part of the job's summary. Elsewhere, nothing.

Source: GitHub Docs, "Workflow commands for GitHub Actions", on environment files.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def outputs(**values: str) -> None:
    """Set outputs of the step. A value may have lines: none of them is the random delimiter."""
    for name, value in values.items():
        delimiter = f"end-{secrets.token_hex(16)}"
        _append("GITHUB_OUTPUT", f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


def summary(markdown: str) -> None:
    """Add to the job's summary."""
    _append("GITHUB_STEP_SUMMARY", f"{markdown}\n")


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
