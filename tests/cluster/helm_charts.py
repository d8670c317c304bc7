"""Charts of the cluster's tests, as a chart host of the sandbox serves them."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class HelmChart:
    """A version of a chart: `files` are those next to Chart.yaml, by their path in the chart."""

    name: str
    version: str
    files: Mapping[str, str]

    @property
    def about(self) -> dict[str, str]:
        """Its Chart.yaml."""
        return {"apiVersion": "v2", "name": self.name, "version": self.version}


def write(served: Path, charts: Iterable[HelmChart]) -> None:
    """Write charts and their index to a folder that a chart host serves."""
    served.mkdir(parents=True, exist_ok=True)
    entries: dict[str, list[dict[str, Any]]] = {}
    for chart in charts:
        archive = f"{chart.name}-{chart.version}.tgz"
        with tarfile.open(served / archive, "w:gz") as bundle:
            for name, content in {"Chart.yaml": yaml.safe_dump(chart.about), **chart.files}.items():
                entry = tarfile.TarInfo(f"{chart.name}/{name}")
                entry.size = len(content.encode())
                bundle.addfile(entry, io.BytesIO(content.encode()))
        entries.setdefault(chart.name, []).append({**chart.about, "urls": [archive]})
    (served / "index.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "entries": entries}))


def crd(group: str, kind: str, field: str = "") -> dict[str, Any]:
    """A CRD of a namespaced kind that takes any field; `field` is one that its schema names."""
    plural = f"{kind.lower()}s"
    body: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    if field:
        body["properties"] = {field: {"type": "string"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": body}}
    names = {"kind": kind, "plural": plural, "singular": plural[:-1]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def hook(name: str, event: str, **spec: Any) -> dict[str, Any]:
    """A Job that runs as a hook of a release; kwok completes its pods, one after the other."""
    container = {"name": "hook", "image": "registry.k8s.io/pause:3.10"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": {"helm.sh/hook": event}},
        "spec": {
            "backoffLimit": 0,
            **spec,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }
