"""A person's own kubeconfig, into which the stack's cluster is put.

Source: Kubernetes API, Config of v1 (kubeconfig).
"""

from __future__ import annotations

import os
import tempfile
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from common.errors import CannotRunError, unreadable
from common.kubernetes.kubeconfig import of_cluster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.contract.outputs import StackOutputs

KUBECONFIG_VARIABLE = "KUBECONFIG"

_KINDS = ("clusters", "users", "contexts")


def build(outputs: StackOutputs, profile: str | None = None) -> dict[str, Any]:
    """The kubeconfig of a stack's cluster, as `common.kubernetes.kubeconfig` makes it."""
    return of_cluster(
        outputs.cluster_name,
        outputs.aws_region,
        outputs.cluster_endpoint,
        outputs.cluster_certificate_authority,
        profile,
    )


def default_path() -> Path:
    """Where kubectl writes: the first file of $KUBECONFIG, else ~/.kube/config."""
    named = [path for path in os.environ.get(KUBECONFIG_VARIABLE, "").split(os.pathsep) if path]
    return Path(named[0]) if named else Path.home() / ".kube" / "config"


def merge(path: Path, added: Mapping[str, Any]) -> None:
    """Put a kubeconfig's entries into a file, in place of those of the same names; all else stays, comments too.

    The file is replaced as a whole, and only its owner may read it.

    Raises:
        FleetError: the file is not a kubeconfig, or cannot be written.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    document = _read(yaml, path)
    for kind in _KINDS:
        entries = cast("list[Any]", document.setdefault(kind, []) or [])
        document[kind] = entries
        for entry in added[kind]:
            same = [number for number, there in enumerate(entries) if there.get("name") == entry["name"]]
            if same:
                entries[same[0]] = entry
            else:
                entries.append(entry)
    document["current-context"] = added["current-context"]
    text = StringIO()
    yaml.dump(document, text)  # pyright: ignore[reportUnknownMemberType]  # untyped there
    write(path, text.getvalue(), mode=0o600)


def _read(yaml: YAML, path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"apiVersion": "v1", "kind": "Config"}
    try:
        document: Any = yaml.load(path.read_text("utf-8"))  # pyright: ignore[reportUnknownMemberType]  # untyped there
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None
    except YAMLError as error:
        raise CannotRunError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if document is None:
        return {"apiVersion": "v1", "kind": "Config"}
    config = cast("dict[str, Any]", document) if isinstance(document, dict) else None
    if config is None or not all(_is_named_list(config.get(kind)) for kind in _KINDS):
        raise CannotRunError(f"{path} is not a kubeconfig: move it away, or name another with --kubeconfig")
    return config


def _is_named_list(value: Any) -> bool:
    """Whether a kubeconfig may have this under clusters, users or contexts."""
    if value is None:
        return True
    return isinstance(value, list) and all(isinstance(each, dict) for each in cast("list[Any]", value))


def write(path: Path, text: str, *, mode: int) -> None:
    """Replace a file as a whole. Raises FleetError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.resolve()
        descriptor, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(partial).chmod(mode)
            Path(partial).replace(target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CannotRunError(f"{path} cannot be written: {error.strerror}") from None
