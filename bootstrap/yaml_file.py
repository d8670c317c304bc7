"""A YAML file that a person named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from common.errors import CannotRunError, unreadable

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> Any:
    """What is in it. Raises FleetError: it cannot be read, or is not valid YAML."""
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None
    except yaml.YAMLError as error:
        raise CannotRunError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
