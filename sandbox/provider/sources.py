"""What the table's word on a property rests on: whether it is updated, or replaces the resource.

`sources.json` is written by `make golden`, from what ships in packages; a test compares it. A property that is not in
it has no source: a report says then that it is not known.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "sources.json"

INDEX = re.compile(r"\[[^\]]*\]")


@cache
def table() -> Mapping[str, Mapping[str, str]]:
    """Type → path of a property, without indexes → its source."""
    return json.loads(resources.files(__package__ or "").joinpath(FILE).read_text("utf-8"))


def source_of(kind: str, path: str) -> str | None:
    """The source of what is known of a property; None: there is none.

    Args:
        kind: the resource's type.
        path: of the property, such as `vpcConfig.subnetIds[0]`: what is in a property is as that property.
    """
    known = table().get(kind, {})
    parts = INDEX.sub("", path).split(".")
    return next((known[name] for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in known), None)


def is_known(kind: str, path: str) -> bool:
    """Whether a source says how a property of a type changes. Of types that are none of AWS's nothing is to know."""
    return not kind.startswith("aws:") or source_of(kind, path) is not None
