"""A Pulumi project of the sandbox's own, around the repository's program.

The engine writes into the stack file that it is given. It gets a copy, and the production files stay as they are.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, cast

import yaml

from common.errors import CannotRunError, FleetError
from sandbox import files
from sandbox.account.clients import APPLICATION_VARIABLE, OWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sandbox.engine.pulumi import Pulumi

Document = dict[str, object]

_SECRETS_PROVIDER = ("secretsprovider", "encryptedkey", "encryptionsalt")
"""What ties a stack file to the secrets provider of its own backend."""


def write_project(
    target: Path, stack: str, stack_file: Path, *, source: Path, keep: bool, python: Path | None = None
) -> None:
    """Write the project of a folder `source`, and the file of one of its stacks, into the folder `target`.

    The project has absolute paths to its program and virtual environment: `python`, or that of `source`. The stack
    file is a copy of `stack_file` for the sandbox's backend: what an earlier run wrote of its secrets provider stays
    with `keep`. Raises FleetError for a file that is missing or not a YAML mapping, and for a config value that only
    the real backend can decrypt.
    """
    project = read_document(source / "Pulumi.yaml")
    project["main"] = str(source / str(project.get("main", "")))
    runtime = project.get("runtime")
    if isinstance(runtime, dict):
        options = cast("Document", runtime).get("options")
        if isinstance(options, dict) and "virtualenv" in options:
            options["virtualenv"] = str(python or source / str(cast("Document", options)["virtualenv"]))
    _write(target / "Pulumi.yaml", project)

    settings = {name: value for name, value in read_document(stack_file).items() if name not in _SECRETS_PROVIDER}
    config = settings.get("config")
    for key, value in cast("Document", config).items() if isinstance(config, dict) else ():
        if _encrypted(value):
            raise CannotRunError(f"{stack_file}: {key} is encrypted for the real backend: the sandbox cannot read it")
    copy = target / f"Pulumi.{stack}.yaml"
    if keep and copy.exists():
        settings |= {name: value for name, value in read_document(copy).items() if name in _SECRETS_PROVIDER}
    _write(copy, settings)


def init_stack(project: Path, pulumi: Pulumi, stack: str, environ: Mapping[str, str], *, secrets_provider: str) -> None:
    """Make the stack in the sandbox's backend. Raises FleetError with Pulumi's own words."""
    command = ["stack", "init", stack, "--no-select", "--non-interactive", f"--secrets-provider={secrets_provider}"]
    done = subprocess.run(  # noqa: S603 our own arguments
        [pulumi.path, *command],
        cwd=project,
        env={**environ, APPLICATION_VARIABLE: OWN},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise FleetError(f"pulumi stack init {stack}: {' '.join(done.stderr.split())}")


def _encrypted(value: object) -> bool:
    if isinstance(value, dict):
        members = cast("Document", value)
        return "secure" in members or any(map(_encrypted, members.values()))
    return isinstance(value, list) and any(map(_encrypted, cast("list[object]", value)))


def read_document(path: Path) -> Document:
    """Read a YAML mapping, whose keys are text at every depth. Raises FleetError, which names the file."""
    try:
        document: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CannotRunError(f"{path} is missing") from None
    except OSError as error:
        raise CannotRunError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or an invalid date
        raise CannotRunError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    for key in _keys(document):
        if not isinstance(key, str):
            raise CannotRunError(f"{path}: the key {key!r} is not a string: put it in quotes")
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise CannotRunError(f"{path}: expected a mapping, found {type(document).__name__}")
    return cast("Document", document)


def _keys(value: object) -> Iterator[object]:
    """The keys of all mappings in a document."""
    if isinstance(value, dict):
        members = cast("dict[object, object]", value)
        yield from members
        value = [*members.values()]
    if isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _keys(item)


def _write(path: Path, document: Document) -> None:
    files.write(path, yaml.safe_dump(document, sort_keys=False))
