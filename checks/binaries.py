"""The tools that the checks run, taken from PATH or built on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.console import Console
from common.errors import FleetError
from tools import catalogue
from tools.build import GoTool, find

if TYPE_CHECKING:
    from pathlib import Path


def say(line: str) -> None:
    """Show progress, apart from the findings."""
    Console().print(f"checks: {line}", style="dim")


def kustomize() -> Path:
    """The same kustomize that kustomize-controller links. Raises FleetError."""
    return _find(catalogue.KUSTOMIZE)


def kubeconform() -> Path:
    """Checks objects against schemas. Raises FleetError."""
    return _find(catalogue.KUBECONFORM)


def kyverno() -> Path:
    """Kyverno's command line. Raises FleetError."""
    return _find(catalogue.KYVERNO)


def _find(tool: GoTool) -> Path:
    try:
        return find(tool, say)
    except FleetError as error:
        raise FleetError(str(error)) from None
