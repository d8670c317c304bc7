"""The config in a stack's file, `Pulumi.<stack>.yaml`, read without the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import yaml

from infra.config import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def config_of(path: Path) -> dict[str, object]:
    """The config of a stack's file, key (with namespace) → value.

    Raises:
        SettingsError: the file is missing, cannot be read, or is not YAML of that form.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path} is missing") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    return config_in(text, path)


def config_in(text: str, path: Path) -> dict[str, object]:
    """The config in the text that a stack's file has, or is to have.

    Raises:
        SettingsError: the text is not YAML of that form; the message names the file.
    """
    try:
        document: object = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        raise SettingsError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    return _mapping(_mapping(document, str(path)).get("config"), f"{path}: config")


def _mapping(value: object, where: str) -> dict[str, object]:
    """A mapping of keys that are text, or an empty one for nothing."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError(f"{where} is {value!r}, expected a mapping of keys to values")
    for key in cast("dict[object, object]", value):
        if not isinstance(key, str):
            raise SettingsError(f"{where}: the key {key!r} is not a string: put it in quotes")
    return cast("dict[str, object]", value)
