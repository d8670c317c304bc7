"""The settings of the bootstrap: bootstrap.yaml, one typed model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bootstrap import yaml_file
from common.errors import CannotRunError
from infra.contract.versions import FLUX, FLUX_CONTROLLERS

FILE = "bootstrap.yaml"
REQUIRED = ("source-controller", "kustomize-controller")
"""Without them flux bootstrap refuses ("component … is required")."""


def _repository(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", value):
        raise ValueError("must be OWNER/NAME")
    return value


def _path(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/") or not value:
        raise ValueError("must be a folder of the repository, such as k8s/flux-system")
    return value.removeprefix("./").rstrip("/")


def _known(value: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [each for each in value if each not in FLUX_CONTROLLERS]
    if unknown:
        raise ValueError(f"no controller of Flux {FLUX}: {', '.join(unknown)}")
    return value


Components = Annotated[tuple[str, ...], AfterValidator(_known)]
Seconds = Annotated[float, Field(gt=0)]


class Deadlines(BaseModel):
    """Seconds that a step may take at most; a cold start on spot instances takes minutes.

    Together they are shorter than the rebuild's job, so that it ends with what is wrong, and not killed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    api: Seconds = 300
    """Until the API server answers."""
    nodes: Seconds = 600
    """Until the nodes, CoreDNS and the pod identity agent are ready."""
    flux: Seconds = 600
    """For `flux bootstrap github`, all of its attempts."""
    verify: Seconds = 1800
    """Until everything has reconciled: the longest chain of the Kustomizations' own timeouts."""


class Settings(BaseModel):
    """Settings of bootstrap.yaml: how Flux is bootstrapped."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    repository: Annotated[str, AfterValidator(_repository)]
    branch: Annotated[str, Field(min_length=1)] = "main"
    path: Annotated[str, AfterValidator(_path)] = "k8s/flux-system"
    components: Components = ("source-controller", "kustomize-controller", "helm-controller")
    components_extra: Components = ("image-reflector-controller", "image-automation-controller")
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] = FLUX
    """Of the components, without v; the CLI must be of the same."""
    hostname: Annotated[str, Field(min_length=1)] = "github.com"
    """Of the Git host: another one is a GitHub Enterprise Server."""
    ca_file: Path | None = None
    """The CA of the Git host, if it is not a public one (PEM)."""
    deadlines: Deadlines = Deadlines()

    @pydantic.model_validator(mode="after")
    def _complete(self) -> Settings:
        missing = [each for each in REQUIRED if each not in self.components]
        if missing:
            raise ValueError(f"components must have {' and '.join(missing)}")
        return self

    @property
    def owner(self) -> str:
        """The repository's owner."""
        return self.repository.partition("/")[0]

    @property
    def name(self) -> str:
        """The repository's name."""
        return self.repository.partition("/")[2]

    @property
    def all_components(self) -> tuple[str, ...]:
        """The controllers that are installed, in the order that flux writes them."""
        return self.components + self.components_extra

    @property
    def folder(self) -> str:
        """Where flux writes the gotk files."""
        return f"{self.path}/{NAMESPACE}"


NAMESPACE = "flux-system"
"""Flux's own, and the name of its source, root Kustomization and secret."""


def load(file: Path) -> Settings:
    """Read the settings.

    Raises:
        FleetError: there is no such file, or a setting is missing, unknown or wrong; all are named.
    """
    data = yaml_file.read(file)
    try:
        settings = Settings.model_validate({} if data is None else data)
    except pydantic.ValidationError as error:
        problems = "; ".join(_problem(each) for each in error.errors())
        raise CannotRunError(f"{file}: {problems}") from None
    if settings.ca_file is not None and not settings.ca_file.is_file():
        raise CannotRunError(f"{file}: caFile = {str(settings.ca_file)!r} is not a file")
    return settings


def _problem(error: Any) -> str:
    setting = ".".join(map(str, error["loc"])) or "the settings"
    value = error["input"]
    shown = f" = {value!r}" if isinstance(value, str | int | float | list) and error["type"] != "missing" else ""
    return f"{setting}{shown}: {error['msg'].removeprefix('Value error, ')}"
