"""CustomResourceDefinitions as manifests, made once for all clones of what the checks make their schemas of."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import yaml

from checks.schemas import crds
from tools import build, once

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "definitions"


def groups(say: build.Say) -> Mapping[str, Path]:
    """API group → a file with all of its CustomResourceDefinitions. Raises FleetError."""
    digest = hashlib.sha256(b"\0".join(crds.made_from())).hexdigest()[:16]
    folder = once.cache("crds") / digest
    if not folder.exists():
        with once.turn(folder.parent, "definitions of custom resources", say) as lock:
            if not folder.exists():
                _make(folder, lock, say)
    return {path.stem: path for path in folder.glob("*.yaml")}


def _make(folder: Path, lock: int, say: build.Say) -> None:
    say("making the definitions of custom resources, once")
    with once.complete(folder) as partial:
        work = partial / "work"
        work.mkdir()
        found: dict[str, list[object]] = {}
        for definition in crds.definitions(work, lock, say):
            found.setdefault(definition["spec"]["group"], []).append(definition)
        for file in work.iterdir():
            file.unlink()
        work.rmdir()
        for group, definitions in found.items():
            (partial / f"{group}.yaml").write_text(yaml.safe_dump_all(definitions, sort_keys=False))
