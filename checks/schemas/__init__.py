"""JSON schemas for kubeconform, made once into the user's cache: every kind that the platform's clusters serve.

Afterwards nothing is downloaded and no Go is needed. What is made depends on kubernetes-validate, tools/crds/go.mod and
this package alone, and the name of the cache's folder says so.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from checks.schemas import core, crds, strict
from checks.schemas.core import Kind
from tools import once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Kind", "Schemas", "ensure", "location", "write_crd"]

_KINDS, _OFF, _DEFINITIONS = "kinds.json", "off.json", "definitions"


@dataclass(frozen=True)
class Schemas:
    """The schemas of one Kubernetes version and of the custom resources, in which an unknown field is an error."""

    core: Path
    """The folder of Kubernetes' own kinds."""
    crds: Path
    """The folder of custom resources."""
    definitions: Path
    """The folder of their CustomResourceDefinitions."""
    kinds: Mapping[Kind, bool]
    """Every served kind, (group, version, kind) → whether its objects have a namespace."""
    off: frozenset[Kind] = frozenset()
    """The kinds of alpha and beta versions, which an API server serves only when told to."""

    @property
    def locations(self) -> tuple[str, ...]:
        """What kubeconform is to be given as -schema-location, each."""
        return (
            f"{self.core}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
            location(self.crds),
        )

    def is_core(self, kind: Kind) -> bool:
        """Whether it is one of Kubernetes' own kinds."""
        return (self.core / core.file_name(kind)).exists()

    def definition(self, group: str, kind: str) -> dict[str, Any] | None:
        """The CustomResourceDefinition of a kind, if there is one."""
        file = self.definitions / _definition_file_name(group, kind)
        return json.loads(file.read_text("utf-8")) if file.exists() else None


def ensure(kubernetes: str, say: Callable[[str], None]) -> Schemas:
    """The schemas of a Kubernetes minor version, such as 1.36, made first if they have to be.

    Raises:
        FleetError: there are none of that version, or kubernetes-validate is not installed.
        FleetError: controller-gen, or a module with CRDs, is not available; or the cache cannot be written.
    """
    folder = cache_folder(kubernetes)
    if not folder.exists():
        what = f"the schemas of Kubernetes {kubernetes} and the custom resources"
        with once.turn(folder.parent, what, say) as lock:
            if not folder.exists():  # else the one we waited for has made them
                say(f"making {what}, once")
                with once.complete(folder) as partial:
                    _make(partial, kubernetes, lock, say)
    return _read(folder)


def write_crd(folder: Path, crd: Mapping[str, Any], like: Schemas) -> dict[Kind, bool]:
    """Write the schemas of a CRD that stands in a tree, as those of `Schemas.crds` are.

    Args:
        folder: gets them.
        crd: apiextensions.k8s.io/v1.
        like: the built-in ones, which have the schema of metadata.

    Returns:
        Its served kinds, and whether they are namespaced.

    Raises:
        LookupError, AttributeError, TypeError: it is not of that form.
    """
    some = json.loads(next(like.crds.rglob("*.json")).read_text("utf-8"))
    return _write(folder, strict.schemas(crd, some["properties"]["metadata"], some["$defs"]), _crd_file_name)


def location(folder: Path) -> str:
    """What kubeconform is to be given for the CRDs of a folder."""
    return f"{folder}/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json"


def cache_folder(kubernetes: str) -> Path:
    """Where the schemas are: <minor>-<hash of what they are made from>. Raises FleetError as `ensure` does."""
    made_from = hashlib.sha256()
    code = (path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    for part in (core.version().encode(), *crds.made_from(), *code):
        made_from.update(hashlib.sha256(part).digest())
    return once.cache("schemas") / f"{kubernetes}-{made_from.hexdigest()[:16]}"


def _make(folder: Path, kubernetes: str, lock: int, say: Callable[[str], None]) -> None:
    known = core.definitions(kubernetes)
    kinds = _write(folder / "core", core.schemas(known), core.file_name)
    metadata, its_definitions = known[core.OBJECT_META], core.closure(core.OBJECT_META, known)
    (folder / _DEFINITIONS).mkdir()
    with tempfile.TemporaryDirectory(dir=folder) as generated:
        for crd in crds.definitions(Path(generated), lock, say):
            kinds |= _write(folder / "crds", strict.schemas(crd, metadata, its_definitions), _crd_file_name)
            name = _definition_file_name(crd["spec"]["group"], crd["spec"]["names"]["kind"])
            (folder / _DEFINITIONS / name).write_text(json.dumps(crd, default=str), "utf-8")
    (folder / _OFF).write_text(json.dumps(sorted(core.off(known))), "utf-8")
    (folder / _KINDS).write_text(json.dumps([[*kind, namespaced] for kind, namespaced in kinds.items()]), "utf-8")


def _write(
    folder: Path, schemas: Iterable[tuple[Kind, bool, dict[str, Any]]], file_name: Callable[[Kind], str]
) -> dict[Kind, bool]:
    """Write each schema; gives which of the kinds are namespaced."""
    kinds: dict[Kind, bool] = {}
    for kind, namespaced, schema in schemas:
        file = folder / file_name(kind)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema), "utf-8")
        kinds[kind] = namespaced
    return kinds


def _crd_file_name(kind: Kind) -> str:
    group, version, name = kind
    return f"{group}/{name.lower()}_{version}.json"


def _definition_file_name(group: str, kind: str) -> str:
    return f"{group}_{kind.lower()}.json"


def _read(folder: Path) -> Schemas:
    kinds: dict[Kind, bool] = {
        (group, version, kind): namespaced
        for group, version, kind, namespaced in json.loads((folder / _KINDS).read_text("utf-8"))
    }
    off: list[tuple[str, str, str]] = [
        (group, version, kind) for group, version, kind in json.loads((folder / _OFF).read_text("utf-8"))
    ]
    return Schemas(folder / "core", folder / "crds", folder / _DEFINITIONS, MappingProxyType(kinds), frozenset(off))
