"""When a stack is up, for what it costs a month: from its settings, or their default where they cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import FleetError
from infra.config import file_name
from infra.contract import names, prices
from infra.settings import Settings, hours_a_month, parse_file
from infra.stack_file import config_of

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = str(Settings.model_fields["up_hours"].default)


@dataclass(frozen=True)
class UpTime:
    """The hours of a month at which a stack is up."""

    hours: float
    text: str


ALWAYS = UpTime(prices.HOURS_A_MONTH, "always")


def of(project: str, stack: str, folder: Path) -> UpTime:
    """When a stack of a project's folder is up; the permanent layer always is."""
    if project != names.PROJECT:
        return ALWAYS
    try:
        settings = parse_file(config_of(folder / file_name(stack)), stack)
    except FleetError:  # the preview says what is wrong with it
        return UpTime(hours_a_month(DEFAULT), DEFAULT)
    return of_settings(settings)


def of_settings(settings: Settings) -> UpTime:
    """When a stack is up."""
    return UpTime(settings.hours_a_month, settings.up_hours) if settings.nightly_teardown else ALWAYS
