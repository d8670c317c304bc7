"""What the embedded account has to know of a stack, read without its model: another commit may have another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from infra.config import file_name
from infra.contract import names
from infra.settings import Settings
from infra.stack_file import config_in, config_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PEOPLE = ("clusterAdmins", "clusterViewers", "clusterEditors")


@dataclass(frozen=True)
class Place:
    """Where a stack is."""

    account_id: str
    region: str
    cluster: str
    people: tuple[str, ...] = ()
    """The ARNs of the roles that have to be there."""


def of_stack(root: Path, stack: str) -> Place:
    """Where the stack of a checkout is. Raises FleetError: its file cannot be read."""
    return _of(config_of(root / file_name(stack)), stack)


def in_text(text: str, file: Path, stack: str) -> Place:
    """Where the stack is whose file says `text`. Raises FleetError, which names the file: it cannot be read."""
    return _of(config_in(text, file), stack)


def _of(document: Mapping[str, object], stack: str) -> Place:
    config = _own(document, names.PROJECT)
    cluster = str(config.get("clusterName") or config.get("environment") or stack)
    return Place(*_account(config), cluster, tuple(dict.fromkeys(arn for key in PEOPLE for arn in _roles(config, key))))


def of_layer(root: Path) -> Place:
    """Where the permanent layer of a checkout is. Raises FleetError: its file cannot be read."""
    file = root / "permanent" / file_name(names.PERMANENT_STACK)
    return Place(*_account(_own(config_of(file), names.PERMANENT_PROJECT)), "")


def _own(config: Mapping[str, object], namespace: str) -> dict[str, object]:
    return {
        key.removeprefix(f"{namespace}:"): value for key, value in config.items() if key.startswith(f"{namespace}:")
    }


def _account(config: Mapping[str, object]) -> tuple[str, str]:
    return str(config.get("accountId")), str(config.get("region", Settings.model_fields["region"].default))


def _roles(config: Mapping[str, object], key: str) -> list[str]:
    """The roles of a list whose items are ARNs, or maps with one."""
    listed = config.get(key)
    items = cast("list[object]", listed) if isinstance(listed, list) else []
    roles = [cast("dict[str, object]", item).get("role") if isinstance(item, dict) else item for item in items]
    return [role for role in roles if isinstance(role, str) and ":role/" in role]
