"""IAM policies as pure functions, from the documents in `iam/`: what a role may do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENTS = Path(__file__).parent / "iam"
PLACEHOLDER = re.compile(r"@([a-z_]+)@")


def document(name: str, folder: Path = DOCUMENTS, **values: str | list[str]) -> str:
    """The policy `<folder>/<name>.json` without its notes, `@key@` replaced; minified: AWS counts its characters.

    Where a text holds a key whose value is a list, it becomes as many texts: a list of ARNs from one.

    Raises:
        KeyError: the policy has a placeholder that `values` lacks.
    """
    notes: dict[str, object] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return json.dumps(_fill(notes["policy"], values), separators=(",", ":"))


def _fill(node: object, values: Mapping[str, str | list[str]]) -> object:
    if isinstance(node, dict):
        pairs = cast("dict[str, object]", node).items()
        return {_text(key, values): _fill(value, values) for key, value in pairs}
    if isinstance(node, list):
        return [each for one in cast("list[object]", node) for each in _several(_fill(one, values))]
    if not isinstance(node, str):
        return node
    for name in PLACEHOLDER.findall(node):
        value = values[name]
        if isinstance(value, list):
            return [_text(node, {**values, name: item}) for item in value]
    return _text(node, values)


def _several(node: object) -> list[object]:
    return cast("list[object]", node) if isinstance(node, list) else [node]


def _text(text: str, values: Mapping[str, str | list[str]]) -> str:
    return PLACEHOLDER.sub(lambda found: str(values[found[1]]), text)
