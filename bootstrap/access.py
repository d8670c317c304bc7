"""The way into the cluster: a kubeconfig that only we can read, and the proof that it leads to the stack's cluster."""

from __future__ import annotations

import base64
import ipaddress
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from bootstrap import run_folder, user_kubeconfig, yaml_file
from common.console import Look, Progress
from common.errors import CannotRunError
from common.kubernetes.api import NAMESPACE, Cluster, UnansweredError, UnauthorizedError
from common.kubernetes.objects import mapping, mappings, text

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from infra.contract.outputs import StackOutputs


@contextmanager
def private_kubeconfig(outputs: StackOutputs, given: Path | None) -> Generator[tuple[Path, dict[str, Any]]]:
    """A kubeconfig for the stack's cluster, for as long as the block runs; the file's path and what is in it.

    Args:
        outputs: the stack's.
        given: a kubeconfig to use instead, whose current context counts.

    Raises:
        FleetError: `given` cannot be used, or leads to another cluster than the outputs name.
    """
    if given is not None:
        config = _read(given)
        refuse_other_cluster(config, outputs, given)
        yield given, config
        return
    config = user_kubeconfig.build(outputs)
    with run_folder.private() as folder:
        path = folder / "kubeconfig"
        user_kubeconfig.merge(path, config)  # 0600
        yield path, config


def refuse_other_cluster(config: dict[str, Any], outputs: StackOutputs, path: Path) -> None:
    """Raises FleetError if the current context is not the cluster that the outputs name."""
    contexts = {text(each, "name"): mapping(each, "context") for each in mappings(config, "contexts")}
    context = contexts.get(text(config, "current-context"))
    if context is None:
        raise CannotRunError(f"{path} has no current context: `kubectl config use-context`, or leave --kubeconfig out")
    clusters = {text(each, "name"): mapping(each, "cluster") for each in mappings(config, "clusters")}
    cluster = clusters.get(text(context, "cluster"), {})
    server = text(cluster, "server")
    if server.rstrip("/") == outputs.cluster_endpoint.rstrip("/"):
        return
    wanted = f"the stack's cluster {outputs.cluster_name} is {outputs.cluster_endpoint}"
    if not _is_loopback(server):
        raise CannotRunError(
            f"the current context of {path} is {server or 'no cluster'}, but {wanted}: use another context, or leave "
            "--kubeconfig out"
        )
    host = urlsplit(outputs.cluster_endpoint).netloc.partition(":")[0]
    if not (_is_authority(cluster, outputs, path) and text(cluster, "tls-server-name").lower() == host.lower()):
        raise CannotRunError(
            f"the current context of {path} is {server}, a tunnel, and {wanted}: it must have that cluster's "
            f"certificate-authority-data, and tls-server-name {host} (docs/bootstrap.md, Getting in)"
        )


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_authority(cluster: dict[str, Any], outputs: StackOutputs, path: Path) -> bool:
    """Whether a kubeconfig's entry trusts the stack's cluster alone: each of EKS has an authority of its own."""
    if cluster.get("insecure-skip-tls-verify"):
        return False
    try:
        if file := text(cluster, "certificate-authority"):
            given = (path.parent / file).read_bytes()
        else:
            given = base64.b64decode(text(cluster, "certificate-authority-data"))
        return given.strip() == base64.b64decode(outputs.cluster_certificate_authority).strip()
    except (OSError, ValueError):
        return False


def await_answer(cluster: Cluster, progress: Progress, deadline: float) -> None:
    """Wait until the API server answers us.

    Raises:
        FleetError: it does not before the deadline, or refuses our token.
    """

    def look() -> Look:
        try:
            cluster.get(NAMESPACE, "kube-system")
        except UnauthorizedError as error:
            return Look((), str(error))
        except UnansweredError as error:
            return Look((), str(error)) if "orbidden" in str(error) else Look((str(error),))
        return Look(())

    progress.wait("the API server", deadline, look)


def _read(path: Path) -> dict[str, Any]:
    config = yaml_file.read(path)
    if not isinstance(config, dict):
        raise CannotRunError(f"{path} is not a kubeconfig")
    return cast("dict[str, Any]", config)
