"""The way into the cluster: a kubeconfig that only we can read, and the proof that it leads to the stack's cluster."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bootstrap import user_kubeconfig, yaml_file
from common.console import Look, Progress
from common.errors import CannotRunError
from common.kubernetes.api import NAMESPACE, Cluster, UnansweredError, UnauthorizedError
from common.kubernetes.objects import mapping, mappings, text

if TYPE_CHECKING:
    from collections.abc import Generator

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
    with tempfile.TemporaryDirectory(prefix="bootstrap-") as folder:  # 0700
        path = Path(folder) / "kubeconfig"
        user_kubeconfig.merge(path, config)  # 0600
        yield path, config


def refuse_other_cluster(config: dict[str, Any], outputs: StackOutputs, path: Path) -> None:
    """Raises FleetError if the current context is not the cluster that the outputs name."""
    contexts = {text(each, "name"): mapping(each, "context") for each in mappings(config, "contexts")}
    context = contexts.get(text(config, "current-context"))
    if context is None:
        raise CannotRunError(f"{path} has no current context: `kubectl config use-context`, or leave --kubeconfig out")
    servers = {text(each, "name"): text(each, "cluster", "server") for each in mappings(config, "clusters")}
    server = servers.get(text(context, "cluster"), "")
    if server.rstrip("/") != outputs.cluster_endpoint.rstrip("/"):
        raise CannotRunError(
            f"the current context of {path} is {server or 'no cluster'}, but the stack's cluster "
            f"{outputs.cluster_name} is {outputs.cluster_endpoint}: use another context, or leave --kubeconfig out"
        )


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
