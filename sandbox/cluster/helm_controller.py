"""A stand-in for helm-controller, on the real helm and on source-controller's artifacts.

It makes HelmChart objects, waits for dependencies, installs, upgrades, remediates and uninstalls, and writes the
conditions that helm-controller's documentation gives. It does not: detect drift, run tests, post-render, take charts by
chartRef, act as another ServiceAccount or in another cluster.

Source: helm-controller, "HelmReleases" (docs/spec/v2/helmreleases.md).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from common.errors import FleetError
from common.kubernetes import objects
from common.kubernetes.api import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, HELM_CHART, HELM_RELEASE, SECRET
from sandbox.cluster import pod

if TYPE_CHECKING:
    from common.kubernetes.api import Cluster, Manifest

MANAGER = "helm-controller"
FINALIZER = "finalizers.fluxcd.io"
REQUESTED = "reconcile.fluxcd.io/requestedAt"
TIMEOUT = "5m0s"
"""helm-controller's default for each Helm action."""

WORKERS = 4
ESTABLISHED = 60
"""Seconds that the API server may take to serve a CRD (Helm's own limit)."""


@dataclass
class Attempt:
    """What was tried of a release."""

    digest: str = ""
    """Of the configuration: generation, chart and values."""
    failures: int = 0
    busy: bool = False


class NotYetError(Exception):
    """A release cannot be worked on: a reason and a message for its Ready condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass
class Controller:
    """Reconciles every HelmRelease of the cluster."""

    cluster: Cluster
    helm: str
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WORKERS))
    attempts: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    """By the release's uid."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    work: list[Future[None]] = field(default_factory=list["Future[None]"])

    def step(self) -> None:
        """Look at every release, and start work on those that nobody works on. Raises what a worker did not expect."""
        for future in [future for future in self.work if future.done()]:
            self.work.remove(future)
            future.result()
        for release in self.cluster.list(HELM_RELEASE):
            attempt = self.attempts.setdefault(release["metadata"]["uid"], Attempt())
            with self.lock:
                if attempt.busy:
                    continue
                attempt.busy = True
            self.work.append(self.workers.submit(self._work, release, attempt))

    def _work(self, release: Manifest, attempt: Attempt) -> None:
        name = f"{release['metadata']['namespace']}/{release['metadata']['name']}"
        try:
            self._reconcile(release, attempt)
        except (FleetError, OSError) as error:
            pod.say(f"{name}: {error}")
        finally:
            attempt.busy = False

    def _reconcile(self, release: Manifest, attempt: Attempt) -> None:
        metadata = release["metadata"]
        if metadata.get("deletionTimestamp"):
            self._delete(release)
            return
        if release["spec"].get("suspend"):
            return
        if FINALIZER not in metadata.get("finalizers", []):
            self.cluster.merge(
                HELM_RELEASE, _of(release, {"finalizers": [*metadata.get("finalizers", []), FINALIZER]}), MANAGER
            )
        try:
            self._dependencies(release)
            chart = self._chart(release)
            values = self._values(release)
        except NotYetError as reason:
            self._say(release, attempt, "False", reason.reason, str(reason))
            return
        artifact = chart["status"]["artifact"]
        wanted = json.dumps([metadata["generation"], artifact["digest"], values], sort_keys=True)
        digest = hashlib.sha256(wanted.encode()).hexdigest()
        if digest != attempt.digest:
            attempt.digest, attempt.failures = digest, 0
        elif _is_done(release) or attempt.failures > _retries(release, installed=self._installed(release)):
            self._handled(release)
            return
        self._release(release, attempt, artifact, values)

    def _dependencies(self, release: Manifest) -> None:
        for each in release["spec"].get("dependsOn") or ():
            namespace = each.get("namespace") or release["metadata"]["namespace"]
            found = self.cluster.get(HELM_RELEASE, each["name"], namespace)
            if found is None:
                raise NotYetError(
                    "DependencyNotReady", f"unable to get '{namespace}/{each['name']}' dependency: not found"
                )
            if not _is_done(found):
                raise NotYetError("DependencyNotReady", f"dependency '{namespace}/{each['name']}' is not ready")

    def _chart(self, release: Manifest) -> Manifest:
        """The release's HelmChart, made or brought up to date, once source-controller has its artifact."""
        template = release["spec"].get("chart", {}).get("spec")
        if template is None:
            raise NotYetError("ArtifactFailed", "the stand-in for helm-controller takes charts by spec.chart only")
        metadata, source = release["metadata"], template["sourceRef"]
        namespace = source.get("namespace") or metadata["namespace"]
        name = f"{metadata['namespace']}-{metadata['name']}"
        spec = {
            "chart": template["chart"],
            "version": template.get("version", "*"),
            "interval": template.get("interval") or release["spec"]["interval"],
            "reconcileStrategy": template.get("reconcileStrategy", "ChartVersion"),
            "sourceRef": {"kind": source["kind"], "name": source["name"]},
            **({"valuesFiles": template["valuesFiles"]} if "valuesFiles" in template else {}),
        }
        labels = {f"helm.toolkit.fluxcd.io/{key}": metadata[key] for key in ("name", "namespace")}
        wanted = {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "spec": spec}
        there = self.cluster.get(HELM_CHART, name, namespace)
        if there is None or any(there["spec"].get(key) != value for key, value in spec.items()):
            there = self.cluster.apply(HELM_CHART, wanted, MANAGER, force=True)
        status = there.get("status", {})
        ready = objects.condition(there, "Ready")
        if status.get("observedGeneration") != there["metadata"]["generation"] or ready.get("status") != "True":
            why = ready.get("message") or "latest generation of object has not been reconciled"
            raise NotYetError("SourceNotReady", f"HelmChart '{namespace}/{name}' is not ready: {why}")
        return there

    def _values(self, release: Manifest) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for each in release["spec"].get("valuesFrom") or ():
            kind = SECRET if each["kind"] == "Secret" else CONFIG_MAP
            found = self.cluster.get(kind, each["name"], release["metadata"]["namespace"])
            text = (found or {}).get("data", {}).get(each.get("valuesKey", "values.yaml"))
            if text is None:
                if each.get("optional"):
                    continue
                raise NotYetError(
                    "ValuesError", f"could not resolve {each['kind']} chart values reference '{each['name']}'"
                )
            text = base64.b64decode(text).decode() if kind is SECRET else text
            merged = _merged(merged, yaml.safe_load(text) or {})
        return _merged(merged, release["spec"].get("values") or {})

    def _release(self, release: Manifest, attempt: Attempt, artifact: Manifest, values: dict[str, Any]) -> None:
        installed = self._installed(release)
        action = "upgrade" if installed else "install"
        options = objects.mapping(release, "spec", action)
        shown = f"{_namespace(release)}/{_name(release)} with chart {_chart_of(release)}@{artifact['revision']}"
        self._say(
            release,
            attempt,
            "Unknown",
            "Progressing",
            f"Running '{action}' action with timeout of {_timeout(release, options)}",
        )
        with tempfile.TemporaryDirectory() as work:
            archive = _download(artifact, Path(work))
            failure = self._definitions(archive, options.get("crds") or ("Create" if action == "install" else "Skip"))
            failure = failure or self._helm(release, options, archive, values, Path(work))
        if failure is None:
            done = f"Helm {action} succeeded for release {shown}"
            self._say(
                release,
                attempt,
                "True",
                f"{action.capitalize()}Succeeded",
                done,
                released="True",
                revision=artifact["revision"],
            )
            pod.say(done)
            return
        attempt.failures += 1
        failed = f"Helm {action} failed for release {shown}: {failure}"
        pod.say(failed)
        left = attempt.failures <= _retries(release, installed=installed)
        self._say(release, attempt, "False", f"{action.capitalize()}Failed", failed, released="False", stalled=not left)
        if left:
            self._remediate(release, installed=installed)

    def _definitions(self, archive: Path, policy: str) -> str | None:
        """Apply the chart's own CRDs as its policy has it; what failed, if anything did."""
        if policy == "Skip":
            return None
        shown = subprocess.run([self.helm, "show", "crds", archive], capture_output=True, text=True, check=False)  # noqa: S603
        if shown.returncode != 0:
            return _line(shown.stderr)
        definitions = [each for each in yaml.safe_load_all(shown.stdout) if each]
        try:
            for each in definitions:
                there = self.cluster.get(CUSTOM_RESOURCE_DEFINITION, each["metadata"]["name"])
                if policy == "CreateReplace" or there is None:
                    self.cluster.apply(CUSTOM_RESOURCE_DEFINITION, each, MANAGER, force=True)
            return self._established([each["metadata"]["name"] for each in definitions])
        except FleetError as error:
            return str(error)

    def _established(self, names: list[str]) -> str | None:
        """Wait until CRDs are served, as Helm does; what never was, if anything."""
        for name in names:
            for _ in range(ESTABLISHED):
                there = self.cluster.get(CUSTOM_RESOURCE_DEFINITION, name) or {}
                if objects.condition(there, "Established").get("status") == "True":
                    break
                time.sleep(1)
            else:
                return f"CustomResourceDefinition {name} is not established"
        return None

    def _helm(
        self, release: Manifest, options: dict[str, Any], archive: Path, values: dict[str, Any], work: Path
    ) -> str | None:
        file = work / "values.json"
        file.write_text(json.dumps(values))
        command = [
            *(self.helm, "upgrade", "--install", _name(release), str(archive), f"--namespace={_namespace(release)}"),
            *(f"--values={file}", f"--timeout={_timeout(release, options)}", "--skip-crds", "--force-conflicts"),
            *(() if options.get("disableWait") else ("--wait",)),
            *(("--create-namespace",) if options.get("createNamespace") else ()),
            f"--history-max={release['spec'].get('maxHistory', 5)}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return None if done.returncode == 0 else _line(done.stderr)

    def _installed(self, release: Manifest) -> bool:
        done = subprocess.run(  # noqa: S603
            [self.helm, "status", _name(release), f"--namespace={_namespace(release)}", "--output=json"],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode == 0 and json.loads(done.stdout)["info"]["status"] in {"deployed", "failed"}

    def _remediate(self, release: Manifest, *, installed: bool) -> None:
        how = ["rollback", _name(release)] if installed else ["uninstall", _name(release), "--ignore-not-found"]
        subprocess.run(  # noqa: S603
            [self.helm, *how, f"--namespace={_namespace(release)}", "--wait"], capture_output=True, check=False
        )

    def _delete(self, release: Manifest) -> None:
        if not release["spec"].get("suspend"):
            done = subprocess.run(  # noqa: S603
                [
                    *(self.helm, "uninstall", _name(release), f"--namespace={_namespace(release)}"),
                    *("--ignore-not-found", "--wait", f"--timeout={_timeout(release, {})}"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise FleetError(f"Helm uninstall failed: {_line(done.stderr)}")
        metadata = release["metadata"]
        source = release["spec"].get("chart", {}).get("spec", {}).get("sourceRef", {})
        self.cluster.delete(
            HELM_CHART, f"{metadata['namespace']}-{metadata['name']}", source.get("namespace") or metadata["namespace"]
        )
        left = [each for each in metadata.get("finalizers", []) if each != FINALIZER]
        self.cluster.merge(HELM_RELEASE, _of(release, {"finalizers": left}), MANAGER)

    def _handled(self, release: Manifest) -> None:
        asked = release["metadata"].get("annotations", {}).get(REQUESTED)
        if asked and release.get("status", {}).get("lastHandledReconcileAt") != asked:
            status = {"lastHandledReconcileAt": asked}
            self.cluster.merge_status(HELM_RELEASE, {**_of(release, {}), "status": status}, MANAGER)

    def _say(
        self,
        release: Manifest,
        attempt: Attempt,
        ready: str,
        reason: str,
        message: str,
        *,
        released: str = "",
        stalled: bool = False,
        revision: str = "",
    ) -> None:
        """Write conditions, unless they are as they were."""
        generation = release["metadata"]["generation"]
        conditions = [_made("Ready", ready, reason, message, generation)]
        if released:
            conditions.append(_made("Released", released, reason, message, generation))
        if stalled:
            why = f"Failed to {'upgrade' if 'Upgrade' in reason else 'install'} after {attempt.failures} attempt(s)"
            conditions.append(_made("Stalled", "True", "RetriesExceeded", why, generation))
        elif ready != "True":
            conditions.append(
                _made(
                    "Reconciling",
                    "True",
                    "ProgressingWithRetry" if attempt.failures else "Progressing",
                    message,
                    generation,
                )
            )
        before = release.get("status", {})
        if (
            _signature(before.get("conditions", [])) == _signature(conditions)
            and before.get("observedGeneration") == generation
        ):
            return
        chart = release["spec"].get("chart", {}).get("spec", {}).get("sourceRef", {})
        namespace = chart.get("namespace") or release["metadata"]["namespace"]
        status = {
            "observedGeneration": generation,
            "conditions": conditions,
            "failures": attempt.failures,
            "helmChart": f"{namespace}/{release['metadata']['namespace']}-{release['metadata']['name']}",
            "storageNamespace": release["spec"].get("storageNamespace") or release["metadata"]["namespace"],
            "lastAttemptedGeneration": generation,
            **({"lastAttemptedRevision": revision} if revision else {}),
        }
        self.cluster.merge_status(HELM_RELEASE, {**_of(release, {}), "status": status}, MANAGER)


def _is_done(release: Manifest) -> bool:
    observed = release.get("status", {}).get("observedGeneration")
    return objects.condition(release, "Ready").get("status") == "True" and observed == release["metadata"]["generation"]


def _retries(release: Manifest, *, installed: bool) -> int:
    """How many failures are tried again; endless if it is negative, as helm-controller has it."""
    retries = objects.number(release, "spec", "upgrade" if installed else "install", "remediation", "retries")
    return retries if retries >= 0 else 2**31


def _signature(conditions: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    return sorted((each["type"], each["status"], each["reason"], each["message"]) for each in conditions)


def _made(kind: str, status: str, reason: str, message: str, generation: int) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = {"type": kind, "status": status, "reason": reason, "message": message[:32000]}
    return {**made, "lastTransitionTime": now, "observedGeneration": generation}


def _of(release: Manifest, metadata: dict[str, Any]) -> Manifest:
    names = {key: release["metadata"][key] for key in ("name", "namespace")}
    return {"metadata": {**names, **metadata}}


def _name(release: Manifest) -> str:
    spec = release["spec"]
    prefix = f"{spec['targetNamespace']}-" if spec.get("targetNamespace") else ""
    return spec.get("releaseName") or f"{prefix}{release['metadata']['name']}"


def _namespace(release: Manifest) -> str:
    return release["spec"].get("targetNamespace") or release["metadata"]["namespace"]


def _chart_of(release: Manifest) -> str:
    return release["spec"]["chart"]["spec"]["chart"]


def _timeout(release: Manifest, options: dict[str, Any]) -> str:
    return options.get("timeout") or release["spec"].get("timeout") or TIMEOUT


def _download(artifact: Manifest, work: Path) -> Path:
    """The chart's archive, checked against source-controller's digest. Raises OSError."""
    archive = work / "chart.tgz"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(artifact["url"], timeout=30) as answer:
        archive.write_bytes(answer.read())
    digest = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    if digest != artifact["digest"]:
        raise OSError(f"{artifact['url']} has the digest {digest}, not {artifact['digest']}")
    return archive


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(merged.get(key), dict) and isinstance(value, dict)
        merged[key] = _merged(objects.mapping(merged, key), objects.mapping(over, key)) if both else value
    return merged


def _line(text: str) -> str:
    return re.sub(r"^Error: ", "", " ".join(text.split())) or "no reason given"


def main() -> None:
    """Serve; the arguments are a pod's, of which most are for the real controller."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.cluster.helm_controller", description=__doc__)
    parser.add_argument("--helm", required=True, help="the helm binary")
    parser.add_argument("--health-addr", required=True, help="where probes are answered")
    arguments, _others = parser.parse_known_args()
    pod.serve_probes(arguments.health_addr)
    for kind in ("CACHE", "CONFIG", "DATA"):
        os.environ[f"HELM_{kind}_HOME"] = os.path.join(os.environ["HOME"], "helm")  # noqa: PTH118
    pod.say("a stand-in for helm-controller: see fleet sandbox cluster --help")
    pod.loop(Controller(pod.cluster(), arguments.helm).step)


if __name__ == "__main__":
    main()
