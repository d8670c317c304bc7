"""The checkout that is rehearsed: whose programs run, and whose files the cluster gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.contract.names import PERMANENT_STACK

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """The paths in a checkout. The sandbox's own code may be another's (`sandbox.folder.CODE`)."""

    root: Path

    @property
    def sandbox(self) -> Path:
        """Where its sandbox folder lies unless another is named."""
        return self.root / ".sandbox"

    @property
    def permanent(self) -> Path:
        """The folder of the permanent layer's Pulumi project."""
        return self.root / "permanent"

    @property
    def permanent_file(self) -> Path:
        """The permanent layer's config."""
        return self.permanent / f"Pulumi.{PERMANENT_STACK}.yaml"

    @property
    def manifests(self) -> Path:
        """What Flux owns."""
        return self.root / "k8s"

    @property
    def bootstrap_file(self) -> Path:
        """How Flux is bootstrapped."""
        return self.root / "bootstrap.yaml"

    def stack_file(self, stack: str) -> Path:
        """The config of a stack."""
        return self.root / f"Pulumi.{stack}.yaml"
