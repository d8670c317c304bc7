"""The chart hosts: stand-in charts by their real names, versions and addresses, on a TLS server of this machine."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from common.errors import FleetError
from sandbox.cluster import crds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from tools.build import Say

SOURCES = Path(__file__).parent / "charts"


@dataclass(frozen=True)
class Chart:
    """A stand-in: its sources are in `charts/NAME`."""

    name: str
    host: str
    """Where the real one is had from, without scheme: HOST/PATH."""
    groups: tuple[str, ...] = ()
    """The API groups of the real CRDs that it installs."""


CHARTS = (
    Chart("aws-load-balancer-controller", "aws.github.io/eks-charts"),
    Chart("kube-prometheus-stack", "prometheus-community.github.io/helm-charts", groups=("monitoring.coreos.com",)),
)
HOSTS = tuple(sorted({chart.host.partition("/")[0] for chart in CHARTS}))


def package(target: Path, helm: Path, say: Say) -> None:
    """Write what the hosts serve. Raises FleetError."""
    definitions = crds.groups(say)
    shutil.rmtree(target, ignore_errors=True)
    for chart in CHARTS:
        work, served = target / ".work" / chart.name, target / chart.host
        shutil.copytree(SOURCES / chart.name, work)
        for group in chart.groups:
            (work / "crds").mkdir(exist_ok=True)
            bare = [_bare(each) for each in yaml.safe_load_all(definitions[group].read_text())]
            (work / "crds" / f"{group}.yaml").write_text(yaml.safe_dump_all(bare))
        served.mkdir(parents=True, exist_ok=True)
        _helm(helm, "package", str(work), f"--destination={served}")
        _helm(helm, "repo", "index", str(served), f"--url=https://{chart.host}")
    shutil.rmtree(target / ".work")


@dataclass(frozen=True)
class ChartHosts:
    """The WSGI application: the folder of the host that is asked for."""

    root: Path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Give a file."""
        host = environ.get("HTTP_HOST", "").partition(":")[0]
        path = (self.root / host / environ["PATH_INFO"].lstrip("/")).resolve()
        if not path.is_relative_to(self.root.resolve()) or not path.is_file():
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        body = path.read_bytes()
        start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
        return [body]


def _bare(value: Any) -> Any:
    """A definition without its descriptions, with which Helm's record of a release does not fit into a Secret."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _bare(each) for key, each in items if key != "description" or not isinstance(each, str)}
    return [_bare(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value


def _helm(helm: Path, *arguments: str) -> None:
    done = subprocess.run([helm, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise FleetError(f"helm {arguments[0]} fails: {' '.join(done.stderr.split())}")
