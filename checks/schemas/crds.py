"""CustomResourceDefinitions, from the modules that tools/crds/go.mod requires."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from checks import manifests
from common.errors import CannotRunError
from tools import build
from tools.catalogue import CONTROLLER_GEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHIPPED: Mapping[str, str] = MappingProxyType(
    {
        "github.com/cert-manager/cert-manager": "deploy/crds/*.yaml",
        "github.com/fluxcd/flagger": "artifacts/flagger/crd.yaml",
    }
)
"""Modules that have CRDs in them: where."""

GENERATED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "github.com/fluxcd/helm-controller/api": ("...",),
        "github.com/fluxcd/image-automation-controller/api": ("...",),
        "github.com/fluxcd/image-reflector-controller/api": ("...",),
        "github.com/fluxcd/kustomize-controller/api": ("...",),
        "github.com/fluxcd/notification-controller/api": ("...",),
        "github.com/fluxcd/source-controller/api": ("...",),
        # Its v1beta1 needs a conversion webhook, so that neither its bundle nor the chart serves it.
        "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring": ("v1", "v1alpha1"),
    }
)
"""Modules whose CRDs controller-gen makes of their Go types, as their authors do: the packages."""


def made_from() -> tuple[bytes, ...]:
    """What the definitions depend on: a change in it changes them."""
    return tuple((CONTROLLER_GEN.folder / name).read_bytes() for name in ("go.mod", "go.sum"))


def definitions(folder: Path, lock: int, say: build.Say) -> Iterator[dict[str, Any]]:
    """Every CRD as a mapping. Downloads the modules, and builds controller-gen, if they are not there.

    Args:
        folder: takes what controller-gen writes.
        lock: a descriptor that a process we start keeps open, should we be killed.
        say: tells the user what takes long.

    Raises FleetError when a module or controller-gen is not available.
    """
    _generate(folder, lock, say)
    for file in [*sorted(folder.glob("*.yaml")), *_shipped()]:
        for document in manifests.parse(file.name, file.read_text("utf-8")):
            yield document.data


def _generate(folder: Path, lock: int, say: build.Say) -> None:
    tool = build.ensure(CONTROLLER_GEN, say)
    paths = [f"paths={module}/{package}" for module, packages in GENERATED.items() for package in packages]
    done = subprocess.run(  # noqa: S603 our own arguments
        [tool, "crd", *paths, f"output:crd:dir={folder}"],
        cwd=CONTROLLER_GEN.folder,
        env=build.go_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=[lock],
    )
    if done.returncode != 0:
        reason = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise CannotRunError(f"controller-gen cannot make CRDs of the modules in {CONTROLLER_GEN.folder}: {reason}")


def _shipped() -> Iterator[Path]:
    decoder = json.JSONDecoder()
    said = build.go(CONTROLLER_GEN, "mod", "download", "-json", *SHIPPED)
    while said:
        module, end = decoder.raw_decode(said)
        yield from sorted(Path(module["Dir"]).glob(SHIPPED[module["Path"]]))
        said = said[end:].lstrip()
