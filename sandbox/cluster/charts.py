"""The chart hosts: stand-in charts by their real names, versions and addresses, on a TLS server of this machine.

Their templates take what the real charts make under our values from `checks/facts/`: images, requests, disruption
budgets, webhooks, and roles that read Secrets.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from checks import chart_facts
from common.errors import FleetError
from sandbox.account.process import LOOPBACK
from sandbox.cluster import crds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from checks.chart_facts import ChartFacts, Definition
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
PLURALS = {"Ingress": "ingresses", "Service": "services", "Pod": "pods"}
"""Kubernetes' own kinds, which webhooks of the charts look at."""
HOSTS = tuple(sorted({chart.host.partition("/")[0] for chart in CHARTS}))


@dataclass(frozen=True)
class Admission:
    """Where webhooks are answered."""

    port: int
    authority: bytes
    """The CA of its certificate (PEM)."""


def package(target: Path, helm: Path, admission: Admission, say: Say) -> None:
    """Write what the hosts serve. Raises FleetError."""
    definitions = crds.groups(say)
    shutil.rmtree(target, ignore_errors=True)
    for chart in CHARTS:
        work, served = target / ".work" / chart.name, target / chart.host
        shutil.copytree(SOURCES / chart.name, work)
        known = chart_facts.read(chart.name)
        with (work / "values.yaml").open("a") as values:
            values.write(yaml.safe_dump({"facts": _facts(known, admission)}))
        (work / "crds").mkdir(exist_ok=True)
        bare = [_definition(each) for each in known.definitions if each.group not in chart.groups]
        (work / "crds" / "all.yaml").write_text(yaml.dump_all(bare, Dumper=yaml.CSafeDumper))
        for group in chart.groups:
            bare = [_bare(each) for each in yaml.load_all(definitions[group].read_text(), yaml.CSafeLoader)]
            (work / "crds" / f"{group}.yaml").write_text(yaml.dump_all(bare, Dumper=yaml.CSafeDumper))
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


def _facts(known: ChartFacts, admission: Admission) -> dict[str, Any]:
    """What templates read. Webhooks that only what asks for them sees are left out: they would change pods."""
    roles = {role.partition(" ")[2]: verbs for role, verbs in known.secrets.items()}
    return {
        "webhooks": [
            {**each.model_dump(mode="json"), "rules": [_rule(kind, known) for kind in each.kinds]}
            for each in known.webhooks
            if not each.is_opt_in
        ],
        "url": f"https://{LOOPBACK}:{admission.port}/",
        "authority": base64.b64encode(admission.authority).decode(),
        "workloads": [each.model_dump(mode="json") for each in known.workloads],
        "accounts": sorted({each.service_account for each in known.workloads}),
        "budgets": {name.partition("/")[2]: limits for name, limits in known.disruption_budgets.items()},
        "secretReaders": [
            {"role": role, "verbs": list(verbs), "accounts": list(known.bindings.get(f"ClusterRole {role}", ()))}
            for role, verbs in roles.items()
        ],
    }


def _definition(known: Definition) -> dict[str, Any]:
    """A CRD that takes anything: its schema is not at hand."""
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == known.versions[-1],
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }
        for name in known.versions
    ]
    names = {"kind": known.kind, "plural": known.plural, "singular": known.kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{known.plural}.{known.group}"},
        "spec": {"group": known.group, "names": names, "scope": known.scope, "versions": versions},
    }


def _rule(kind: str, known: ChartFacts) -> dict[str, str]:
    """A kind of a webhook as its rule names it."""
    group, _, name = kind.partition("/")
    plural = next((each.plural for each in known.definitions if (each.group, each.kind) == (group, name)), "")
    return {"group": group, "resource": plural or PLURALS[name]}


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
