"""Flux's component manifests, which the flux CLI has embedded, assembled from the modules of Flux's release.

They are built as flux2's manifests/scripts/bundle.sh does: manifests/bases, with the files that it fetches from
releases taken from the controllers' modules. For the controllers that are not modules, the CRDs are made from their api
modules and the Deployment is that of kustomize-controller under their name.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from common.errors import FleetError
from infra.contract.versions import FLUX_CONTROLLERS
from sandbox.cluster import crds
from tools import build, once
from tools.catalogue import FLUX_BOOTSTRAP, HELM_CONTROLLER, KUSTOMIZE, KUSTOMIZE_CONTROLLER, SOURCE_CONTROLLER

if TYPE_CHECKING:
    from collections.abc import Mapping

WITH_MODULE: Mapping[str, build.GoTool] = {
    "source-controller": SOURCE_CONTROLLER,
    "kustomize-controller": KUSTOMIZE_CONTROLLER,
    "helm-controller": HELM_CONTROLLER,
}
GROUPS: Mapping[str, tuple[str, ...]] = {
    "image-reflector-controller": ("image",),
    "image-automation-controller": ("image",),
    "notification-controller": ("notification",),
}
KINDS: Mapping[str, tuple[str, ...]] = {
    "image-reflector-controller": ("ImageRepository", "ImagePolicy"),
    "image-automation-controller": ("ImageUpdateAutomation",),
}
"""Which kinds of a group are a controller's, where it does not have all."""

RELEASE = re.compile(
    r"https://github\.com/fluxcd/(?P<name>[\w-]+)/releases/download/\S+?\.(?P<what>crds|deployment)\.yaml"
)


def assemble(say: build.Say) -> Path:
    """The folder of component manifests, made once for all clones. Raises FleetError."""
    definitions = crds.groups(say)
    parts = [path.read_bytes() for path in sorted(definitions.values())]
    parts += [(tool.folder / "go.mod").read_bytes() for tool in (FLUX_BOOTSTRAP, *WITH_MODULE.values())]
    parts.append(Path(__file__).read_bytes())
    folder = once.cache("flux") / hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    if not folder.exists():
        with once.turn(folder.parent, "Flux's component manifests", say):
            if not folder.exists():
                _make(folder, definitions, say)
    return folder


def _make(folder: Path, definitions: Mapping[str, Path], say: build.Say) -> None:
    kustomize = build.find(KUSTOMIZE, say)
    manifests = module(FLUX_BOOTSTRAP, FLUX_BOOTSTRAP.module) / "manifests"
    with once.complete(folder) as partial:
        work = partial / "work"
        for component in FLUX_CONTROLLERS:
            base = work / component
            shutil.copytree(manifests / "bases" / component, base)
            base.chmod(0o755)
            for path in base.iterdir():
                path.chmod(0o644)
            kustomization = base / "kustomization.yaml"
            text = kustomization.read_text()
            kustomization.write_text(RELEASE.sub(lambda match: f"{match['what']}.yaml", text))
            (base / "crds.yaml").write_text(_crds(component, definitions))
            (base / "deployment.yaml").write_text(_deployment(component, kustomize))
            (partial / f"{component}.yaml").write_text(_build(kustomize, base))
        for other in ("rbac", "policies"):
            (partial / f"{other}.yaml").write_text(_build(kustomize, manifests / other))
        shutil.rmtree(work)


def module(tool: build.GoTool, path: str) -> Path:
    """The folder of a module that a tool's go.mod requires. Raises FleetError."""
    said = json.loads(build.go(tool, "mod", "download", "-json", path))
    return Path(said["Dir"])


def _crds(component: str, definitions: Mapping[str, Path]) -> str:
    if component in WITH_MODULE:
        tool = WITH_MODULE[component]
        files = sorted((module(tool, tool.module) / "config" / "crd" / "bases").glob("*.yaml"))
        return "".join(f"---\n{file.read_text().removeprefix('---')}\n" for file in files)
    found = [
        definition
        for group in GROUPS[component]
        for definition in yaml.safe_load_all(definitions[f"{group}.toolkit.fluxcd.io"].read_text())
        if definition["spec"]["names"]["kind"] in KINDS.get(component, (definition["spec"]["names"]["kind"],))
    ]
    return yaml.safe_dump_all(found, sort_keys=False)


def _deployment(component: str, kustomize: Path) -> str:
    pattern = component if component in WITH_MODULE else "kustomize-controller"
    tool = WITH_MODULE[pattern]
    manager = module(tool, tool.module) / "config" / "manager"
    documents = [_rename(each, pattern, component) for each in yaml.safe_load_all(_build(kustomize, manager))]
    return yaml.safe_dump_all(documents, sort_keys=False)


def _rename(value: Any, pattern: str, component: str) -> Any:
    """The same with a controller's name, and the version of its image, in place of another's, wherever it stands."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        image = f"fluxcd/{component}:v{FLUX_CONTROLLERS[component]}"
        return {key: image if key == "image" else _rename(each, pattern, component) for key, each in items}
    if isinstance(value, list):
        return [_rename(each, pattern, component) for each in cast("list[Any]", value)]
    return component if value == pattern else value


def _build(kustomize: Path, folder: Path) -> str:
    done = subprocess.run(  # noqa: S603
        [kustomize, "build", folder], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise FleetError(f"Flux's manifests in {folder} cannot be built: {' '.join(done.stderr.split())}")
    return done.stdout
