"""Stack files that are edited: comments and foreign keys stay, changes are shown as a diff, writes are whole."""

from __future__ import annotations

import difflib
import io
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from common.errors import CannotRunError
from infra import stack_file
from infra.config import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NEW = 'config:\n  pulumi:disable-default-providers: ["*"]\n'
"""What every stack file begins with: beneath infra/guard.py, it also stops data sources of other packages."""


@dataclass(frozen=True)
class Document:
    """A stack's file, and the text that it is to have."""

    path: Path
    before: str | None
    """None: there is no such file."""
    after: str

    @property
    def changed(self) -> bool:
        """Whether writing it changes anything."""
        return self.before != self.after

    @property
    def config(self) -> dict[str, object]:
        """The config that it is to have, key with namespace → value."""
        return stack_file.config_in(self.after, self.path)

    def diff(self, root: Path) -> str:
        """The change as a unified diff, with paths from `root`."""
        name = str(self.path.relative_to(root))
        before = [] if self.before is None else self.before.splitlines(keepends=True)
        origin = "/dev/null" if self.before is None else name
        return "".join(difflib.unified_diff(before, self.after.splitlines(keepends=True), origin, name))


def present(path: Path) -> dict[str, object] | None:
    """The config of a stack's file, or None where there is no file. Raises SettingsError if it is not valid YAML."""
    return stack_file.config_of(path) if path.exists() else None


def edit(path: Path, values: Mapping[str, str | list[str]], *, inside: str | None = "config") -> Document:
    """Set keys of a stack's file, or of a new one. The order of keys, comments and quotes of others stay.

    Args:
        path: the file; `present` has read it.
        values: key with namespace → what it is to be. Text that YAML would read as a number gets quotes.
        inside: the mapping that the keys are in; None: the file's own.

    Raises:
        SettingsError: YAML has a key twice, where one of the two is to be set.
    """
    before = path.read_text("utf-8") if path.exists() else None
    if before is not None and not values:
        return Document(path, before, before)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        document: dict[str, Any] = yaml.load(before or NEW)  # pyright: ignore[reportUnknownMemberType]
    except YAMLError as error:  # of what YAML 1.1 takes, such as a key that is there twice
        raise SettingsError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    config: dict[str, Any] = (document.get(inside) or {}) if inside else document
    for key, value in values.items():
        _set(config, key, value)
    if inside:
        document[inside] = config
    text = io.StringIO()
    yaml.dump(document, text)  # pyright: ignore[reportUnknownMemberType]
    return Document(path, before, text.getvalue())


def _set(config: dict[str, Any], key: str, value: str | list[str]) -> None:
    if isinstance(value, str):
        config[key] = DoubleQuotedScalarString(value) if value.isdecimal() else value
        return
    there: object = config.get(key)
    if not isinstance(there, list):
        config[key] = value
        return
    there = cast("list[object]", there)
    # In place: its style and comments stay.
    for index, item in enumerate(value[: len(there)]):
        if there[index] != item:
            there[index] = item
    there.extend(value[len(there) :])
    del there[len(value) :]


def write(documents: Sequence[Document]) -> None:
    """Write files, each whole or not at all, and none before all could be written.

    Raises:
        FleetError: the disk refuses.
    """
    drafts = [(document, document.path.with_name(f".{document.path.name}.new")) for document in documents]
    try:
        for document, draft in drafts:
            draft.write_text(document.after, "utf-8")
            if document.before is not None:
                shutil.copymode(document.path, draft)
        for document, draft in drafts:
            draft.replace(document.path)
    except OSError as error:
        raise CannotRunError(f"{error.filename} cannot be written: {error.strerror}") from None
    finally:
        for _, draft in drafts:
            draft.unlink(missing_ok=True)
