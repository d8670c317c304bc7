"""The tools that the checks run, taken from PATH or built on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.console import Console
from tools import catalogue
from tools.build import find

if TYPE_CHECKING:
    from pathlib import Path


def say(line: str) -> None:
    """Show progress, apart from the findings."""
    Console().print(f"checks: {line}", style="dim")


def kustomize() -> Path:
    """The same kustomize that kustomize-controller links. Raises FleetError."""
    return find(catalogue.KUSTOMIZE, say)


def kubeconform() -> Path:
    """Checks objects against schemas. Raises FleetError."""
    return find(catalogue.KUBECONFORM, say)


def kube_validate() -> Path:
    """Runs the API server's own validation. Raises FleetError."""
    return find(catalogue.KUBE_VALIDATE, say)


def kyverno() -> Path:
    """Kyverno's command line. Raises FleetError."""
    return find(catalogue.KYVERNO, say)
