"""Which pins Renovate moves, by `renovate.json`: two tools that write one pin undo each other's work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import CannotRunError, unreadable
from common.text import clean

if TYPE_CHECKING:
    from pathlib import Path

FILE = "renovate.json"
KUBERNETES, FLUX = "amazon-eks", "fluxcd/flux2"
"""What Renovate calls them: the comment above their pins says it."""


class Rule(BaseModel):
    """One of its packageRules: what this reads of it."""

    model_config = ConfigDict(frozen=True)

    group: Annotated[str, Field(alias="groupName")] = ""
    packages: Annotated[tuple[str, ...], Field(alias="matchPackageNames")] = ()
    is_on_request: Annotated[bool, Field(alias="dependencyDashboardApproval")] = False
    is_enabled: Annotated[bool, Field(alias="enabled")] = True


class _File(BaseModel):
    rules: Annotated[tuple[Rule, ...], Field(alias="packageRules")] = ()


@dataclass(frozen=True)
class Renovate:
    """Its rules."""

    rules: tuple[Rule, ...] = ()

    def rule(self, package: str) -> Rule | None:
        """The rule that names a package; None: Renovate does not move it."""
        found = [rule for rule in self.rules if package in rule.packages]
        return found[-1] if found and found[-1].is_enabled else None


def read(root: Path) -> Renovate:
    """Read a checkout's rules; none without the file. Raises CannotRunError."""
    path = root / FILE
    if not path.exists():
        return Renovate()
    try:
        return Renovate(_File.model_validate_json(path.read_text("utf-8")).rules)
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise CannotRunError(f"{path}: {where}: {clean(first['msg'])}") from None
