"""What the checks must know of a repository: its file `checks.yaml`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict

from checks import manifests
from common.errors import CannotRunError, unreadable

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FILE = "checks.yaml"


class Model(BaseModel):
    """A part of checks.yaml: frozen, every key known."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Kind(Enum):
    """What a variable's value is, whatever YAML would make of it."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"


class Variable(Model):
    """A value that is substituted."""

    sample: str
    """Stands for the real value in what is checked."""
    type: Kind = Kind.STRING
    """What objects take it for."""
    unused: str = ""
    """Why it is declared although no object uses it; empty: one does."""


def _relative(path: str) -> str:
    cleaned = path.removeprefix("./").rstrip("/")
    if not cleaned or Path(cleaned).is_absolute() or ".." in Path(cleaned).parts:
        raise ValueError("allowed: a folder inside the repository")
    return cleaned


RelativePath = Annotated[str, AfterValidator(_relative)]


class Bootstrap(Model):
    """How `flux bootstrap` is told to install Flux: it writes gotk-components.yaml and gotk-sync.yaml."""

    path: RelativePath
    """Its --path."""
    namespace: str = "flux-system"
    """Its --namespace, which the objects that it makes are named after."""
    components: tuple[str, ...] = (
        "source-controller",
        "kustomize-controller",
        "helm-controller",
        "notification-controller",
    )
    """Its --components and --components-extra."""

    @property
    def folder(self) -> str:
        """Where its own manifests lie."""
        return f"{self.path}/{self.namespace}"


class Config(Model):
    """The whole of checks.yaml."""

    kubernetes: str
    """The cluster's minor version, such as 1.36."""
    bootstrap: Bootstrap
    """Where Flux begins."""
    variables: Mapping[str, Mapping[str, Variable]] = {}
    """`<ConfigMap or Secret>/<namespace>/<name>` → key → what it holds, of those that substituteFrom names."""
    charts: Mapping[str, str] = {}
    """Chart → the version that the repository installs."""
    served: tuple[str, ...] = ()
    """API groups whose CRDs are on the cluster before Flux is, such as those that a cloud or an installer brings."""
    schemas: tuple[str, ...] = ()
    """More schemas than the built-in ones, as kubeconform's -schema-location has them, from the repository's root."""
    policies: RelativePath | None = None
    """The folder of the Kyverno policies."""


def load(root: Path, file: Path | None = None) -> Config:
    """Read a repository's checks.yaml, or another file.

    Raises:
        FleetError: it is missing, not YAML, or not of this form; one line a problem.
    """
    path = file or root / FILE
    try:
        data = manifests.load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CannotRunError(f"{path} is missing: it says what the checks must know of the repository") from None
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None
    except manifests.SyntaxProblem as problem:
        raise CannotRunError(f"{path}:{problem.line}: not valid YAML: {problem}") from None
    return parse(data, str(path))


def parse(data: Any, where: str = FILE) -> Config:
    """Check what a checks.yaml holds. Raises FleetError with one line a problem."""
    try:
        return Config.model_validate(data)
    except pydantic.ValidationError as error:
        raise CannotRunError("\n".join(f"{where}: {_line(problem)}" for problem in error.errors())) from None


def _line(problem: ErrorDetails) -> str:
    """A problem in a line: the setting, its value unless that is a whole part of the file, and what is wrong."""
    setting = ".".join(map(str, problem["loc"])) or "the file"
    match problem["type"]:
        case "missing":
            return f"{setting} is missing"
        case "extra_forbidden":
            near = difflib.get_close_matches(str(problem["loc"][-1]), _SETTINGS, n=1)
            return f"{setting}: unknown setting" + (f"; did you mean {near[0]}?" if near else "")
        case _:
            value = problem["input"]
            shown = f" = {value!r}" if isinstance(value, str | int | float | None) else ""
            return f"{setting}{shown}: {problem['msg'].removeprefix('Value error, ')}"


_SETTINGS = sorted({name for model in (Variable, Bootstrap, Config) for name in model.model_fields})
