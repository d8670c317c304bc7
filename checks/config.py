"""What the checks must know of a repository: its file `checks.yaml`."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

import pydantic
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from checks import manifests
from checks.findings import Severity
from common.errors import CannotRunError, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    cleaned = path.removeprefix("./").rstrip("/") or ("." if path in {".", "./"} else "")
    if not cleaned or Path(cleaned).is_absolute() or ".." in Path(cleaned).parts:
        raise ValueError("allowed: a folder inside the repository")
    return cleaned


RelativePath = Annotated[str, AfterValidator(_relative)]


def _reason(reason: str) -> str:
    if not reason.strip():
        raise ValueError("say why")
    return reason


Reason = Annotated[str, AfterValidator(_reason)]


class SourceKind(Enum):
    """The kinds of Flux sources that can hold a whole repository."""

    GIT = "GitRepository"
    OCI = "OCIRepository"
    BUCKET = "Bucket"


class Source(Model):
    """A Flux source."""

    kind: SourceKind = SourceKind.GIT
    name: str
    namespace: str = ""
    """Empty: the namespace of the bootstrap."""


DEFAULT_COMPONENTS = ("source-controller", "kustomize-controller", "helm-controller", "notification-controller")
"""What `flux bootstrap` and flux-operator install unless told otherwise."""


class Bootstrap(Model):
    """A cluster: where Flux begins, and how it is installed there."""

    path: RelativePath
    """The path of the first Flux Kustomization: --path of `flux bootstrap`, or spec.sync.path of a FluxInstance."""
    namespace: str = "flux-system"
    """Flux's namespace, which the objects that `flux bootstrap` makes are named after."""
    components: tuple[str, ...] = DEFAULT_COMPONENTS
    """What is installed: --components and --components-extra. The tree's gotk-components.yaml or FluxInstance counts
    where this is left out."""
    source: Source | None = None
    """The Flux source that holds this repository. Left out: what the tree says, else GitRepository flux-system."""
    variables: Mapping[str, Mapping[str, Variable]] = {}
    """Of this cluster alone, over those of the whole file."""

    @property
    def folder(self) -> str:
        """Where `flux bootstrap` writes its own manifests."""
        return posixpath.join("" if self.path == "." else self.path, self.namespace)

    @property
    def declares_components(self) -> bool:
        """Whether the settings name the components."""
        return "components" in self.model_fields_set


class OwnChart(Model):
    """What a chart brings along, of one that the built-in table does not have."""

    version: str
    """The version of the chart that this was read at."""
    crds: tuple[str, ...] = ()
    """The kinds whose CRDs it installs, as `<group>/<kind>`, or a group for all its kinds."""
    webhooks: tuple[str, ...] = ()
    """The kinds that its admission webhooks refuse while its pods are not ready, as `<group>/<kind>`; `/Service` for
    the core group."""


class Adjusted(Enum):
    """What the findings of a rule count as; off: they are left out."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    OFF = "off"

    @property
    def severity(self) -> Severity | None:
        """None: off."""
        return None if self is Adjusted.OFF else Severity(self.value)


def _adjusted(value: Any) -> Any:
    """YAML 1.1 reads `off` as false."""
    return "off" if value is False else value


def _one_or_more(value: Any) -> Any:
    """A list of what may stand alone."""
    return cast("Any", value) if isinstance(value, list | tuple) else [value]


class Exclusion(Model):
    """Findings that are known, and wanted to be left out."""

    rules: Annotated[tuple[str, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
    """The rules whose findings these are."""
    path: str = ""
    """The files, by their path from the root; `*` stands for anything. Empty: all."""
    object: str = ""
    """The objects, as findings name them: `Kind namespace/name`; `*` stands for anything. Empty: all."""
    reason: Reason
    """Why."""

    @pydantic.model_validator(mode="after")
    def _is_of_something(self) -> Self:
        if not self.path and not self.object:
            raise ValueError("name a path or an object; `rules: {E11: off}` turns a whole rule off")
        return self


_SERVED = re.compile(r"[a-z0-9.-]+(?:/v\w+/[A-Z]\w*)?")


def _served(name: str) -> str:
    if not _SERVED.fullmatch(name):
        raise ValueError("allowed: an API group such as cert-manager.io, or <group>/<version>/<kind>")
    return name


class Config(Model):
    """The whole of checks.yaml."""

    kubernetes: str
    """The cluster's minor version, such as 1.36."""
    flux: str = ""
    """Flux's version, such as 2.9. Left out: that of gotk-components.yaml or the FluxInstance, else the newest."""
    roots: Annotated[tuple[Bootstrap, ...], BeforeValidator(_one_or_more), Field(alias="bootstrap", min_length=1)]
    """Where Flux begins: one cluster, or a list of several."""
    sources: tuple[Source, ...] = ()
    """More Flux sources that hold this repository, such as an OCIRepository that its workflow pushes it to."""
    variables: Mapping[str, Mapping[str, Variable]] = {}
    """`<ConfigMap or Secret>/<namespace>/<name>` → key → what it holds, of those that substituteFrom names and the tree
    does not hold."""
    charts: Mapping[str, str | OwnChart] = {}
    """Chart → the version that the repository installs, or what it brings along."""
    served: tuple[Annotated[str, AfterValidator(_served)], ...] = ()
    """API groups, or `<group>/<version>/<kind>`, whose CRDs are on the cluster before Flux is."""
    namespaces: tuple[str, ...] = ()
    """The namespaces that are on the cluster before Flux is."""
    schemas: tuple[str, ...] = ()
    """Schemas that come before the built-in ones, as kubeconform's -schema-location has them, from the root."""
    policies: RelativePath | None = None
    """The folder of the Kyverno policies."""
    rules: Mapping[str, Annotated[Adjusted, BeforeValidator(_adjusted)]] = {}
    """Rule → what its findings count as: error, warning, note, or off."""
    exclude: tuple[Exclusion, ...] = ()
    """Findings to leave out."""

    @property
    def bootstrap(self) -> Bootstrap:
        """The cluster, of a configuration that is of one."""
        return self.roots[0]

    def of_each_cluster(self) -> tuple[Config, ...]:
        """One configuration for each cluster, with its own variables."""
        return tuple(
            self.model_copy(update={"roots": (root,), "variables": {**self.variables, **root.variables}})
            for root in self.roots
        )

    def is_served(self, group: str, kind: str) -> bool:
        """Whether the settings say that a kind is on the cluster before Flux is."""
        return any(
            each == group or (each.startswith(f"{group}/") and each.endswith(f"/{kind}")) for each in self.served
        )


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
        raise CannotRunError("\n".join(f"{where}: {_line(problem, data)}" for problem in error.errors())) from None


def _line(problem: ErrorDetails, data: Any) -> str:
    """A problem in a line: the setting, its value unless that is a whole part of the file, and what is wrong."""
    setting = ".".join(map(str, _way(problem["loc"], data))) or "the file"
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


def _way(steps: tuple[str | int, ...], data: Any) -> Iterator[str | int]:
    """The way to a setting as the file has it: pydantic also names the place in a list of one, and a union's member."""
    for step in steps:
        inner: Any = manifests.at(data, step)
        if isinstance(step, int) and not isinstance(data, list):
            continue
        if step in {"str", OwnChart.__name__}:
            continue
        data = inner
        yield step


_SETTINGS = sorted(
    {
        field.alias or name
        for model in (Variable, Source, Bootstrap, OwnChart, Exclusion, Config)
        for name, field in model.model_fields.items()
    }
)
