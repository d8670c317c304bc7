"""`docs/config.md`, from the settings' own models: `python -m delivery.config_docs` writes it, a test compares it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import permanent.settings
from infra.contract import names, versions
from infra.settings import Access, NodeGroup, Settings

PAGE = Path(__file__).parent.parent / "docs" / "config.md"

INTRODUCTION = f"""# Settings

This page lists every setting of a stack and of the permanent layer. `make docs` writes it from the models in
`infra/settings.py` and `permanent/settings.py`.

A stack is one file, `Pulumi.<stack>.yaml`; `fleet configure` writes it. Its keys have the namespace
`{names.PROJECT}`: `{names.PROJECT}:accountId`. An invalid file is refused before anything is built.

## A stack
"""

ACCESS = """
## A role of `clusterViewers` or `clusterEditors`

Its ARN alone, or a map. A role may be in both lists; an administrator is in neither.

"""

PERMANENT = f"""
## The permanent layer

One file an AWS account, `permanent/Pulumi.{names.PERMANENT_STACK}.yaml`. Its namespace is `{names.PERMANENT_PROJECT}`.

"""

PINS = """
## Pins

Add-ons on Kubernetes {kubernetes}, unless `addonVersions` says otherwise:

| add-on | version |
|---|---|
"""

NEXT = """
## What next

- Change a setting, and see what it does: [change the platform](change-the-platform.md).
- Write both files for an account: [day zero](day-zero.md).
"""


def render() -> str:
    """The page, whole."""
    schema: dict[str, Any] = Settings.model_json_schema()
    pins = "".join(f"| {name} | {addon.pin} |\n" for name, addon in versions.ADDONS.items())
    return "".join(
        [
            INTRODUCTION,
            "\n",
            _table(schema),
            "\n## A node group\n\n",
            _table(NodeGroup.model_json_schema()),
            ACCESS,
            _table(Access.model_json_schema()),
            PINS.format(kubernetes=versions.KUBERNETES_DEFAULT),
            pins,
            PERMANENT,
            _table(permanent.settings.Settings.model_json_schema()),
            NEXT,
        ]
    )


def _table(schema: dict[str, Any]) -> str:
    rows = ["| key | value | default | meaning |\n|---|---|---|---|\n"]
    required: list[str] = schema.get("required", [])
    for key, entry in schema["properties"].items():
        meaning = str(entry.get("description", "")).replace("\n", " ")
        rows.append(f"| `{key}` | {_kind(entry)} | {_default(key, entry, required)} | {meaning} |\n")
    return "".join(rows)


def _default(key: str, entry: dict[str, Any], required: list[str]) -> str:
    if "default" in entry:
        value = entry["default"]
        if isinstance(value, dict) and value:
            return f"one, `{next(iter(value))}`"  # pyright: ignore[reportUnknownArgumentType]
        return "" if value in (None, [], {}) else f"`{json.dumps(value)}`"
    return "see meaning" if "Default:" in entry.get("description", "") else ("required" if key in required else "")


def _kind(entry: dict[str, Any]) -> str:
    if "enum" in entry:
        return " or ".join(f"`{value}`" for value in entry["enum"])
    if "anyOf" in entry:
        return " or ".join(_kind(option) for option in entry["anyOf"] if option.get("type") != "null")
    if "$ref" in entry:
        return {"NodeGroup": "a node group, below", "Access": "a role, below"}[entry["$ref"].rpartition("/")[2]]
    match entry.get("type"):
        case "array":
            return f"list of {_kind(entry['items'])}"
        case "object":
            return f"map of name to {_kind(entry['additionalProperties'])}"
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return f"{entry['minimum']} to {entry['maximum']}" if "minimum" in entry else "whole number"
        case _:
            return "CIDR" if entry.get("format") == "ipv4network" else "text"


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
