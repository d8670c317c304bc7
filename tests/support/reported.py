"""What AWS reports of a resource that its program left out: in pulumi-aws a change in every preview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.provider.same import absent
from sandbox.provider.table import ROWS
from sandbox.provider.values import is_list, is_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.provider.row import Property


def unsaid(resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """`NodeGroup default: updateConfig.updateStrategy`, of the resources of a state, by URN.

    Left alone is what pulumi-aws takes as it comes (computed), fills in itself (a default), or never reads (hidden).
    """
    found: list[str] = []
    for urn, entry in resources.items():
        row = ROWS.get(entry["type"])
        if row is not None:
            label = f"{entry['type'].rpartition(':')[2]} {urn.rpartition('::')[2]}"
            paths = _paths(row.properties, entry.get("inputs", {}), entry.get("outputs", {}))
            found += [f"{label}: {path}" for path in paths]
    return found


def _paths(specs: Mapping[str, Property], said: Mapping[str, Any], reported: Mapping[str, Any]) -> Iterator[str]:
    for name, spec in specs.items():
        value, given = reported.get(name), said.get(name)
        if spec.told or spec.hidden or absent(value) or value == spec.default:
            continue
        if absent(given):
            if not spec.computed:
                yield name
        elif spec.fields and is_map(value) and is_map(given):
            yield from (f"{name}.{inner}" for inner in _paths(spec.fields, given, value))
        elif spec.fields and is_list(value) and is_list(given):
            for index, (before, after) in enumerate(zip(given, value, strict=False)):
                yield from (f"{name}[{index}].{inner}" for inner in _paths(spec.fields, before, after))
