"""Where the target comes from: the stack's settings, its state, and the file in which it is captured."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pydantic
from pydantic import BaseModel, JsonValue

from infra import config
from infra.commands import engine
from infra.commands.errors import CommandError
from infra.config import SettingsError
from infra.settings import parse_file
from infra.stack_file import config_of
from teardown.errors import TeardownError, UnknownError
from teardown.target import Identity, PersistentVolume, State, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from infra.settings import Settings

STACK_TYPE = "pulumi:pulumi:Stack"
VPC_TYPE = "aws:ec2/vpc:Vpc"
CLUSTER_TYPE = "aws:eks/cluster:Cluster"
ARN = re.compile(r"arn:[\w-]+:[\w-]+:(?P<region>[\w-]*):(?P<account>\d{12}):")
PROVIDERS = ("pulumi:pulumi:", "pulumi:providers:")
"""Resources of the engine alone, which cost nothing and are nowhere in AWS."""


class _Resource(BaseModel):
    type: str = ""
    urn: str = ""
    id: str = ""
    external: bool = False
    delete: bool = False
    """Whether it is the old one of a replacement, still to be deleted."""
    outputs: dict[str, JsonValue] = {}


class _Pending(BaseModel):
    type: str
    resource: _Resource


class _Deployment(BaseModel):
    resources: tuple[_Resource, ...] | None = None
    pending_operations: tuple[_Pending, ...] | None = None


class _Export(BaseModel):
    deployment: _Deployment


def of_stack(folder: Path, stack: str) -> Target:
    """The cluster of a stack's settings. Raises TeardownError: they are bad."""
    settings = _settings(folder, stack)
    return Target(settings.account_id, settings.region, settings.cluster_name, stack)


def zones_of(folder: Path, stack: str) -> tuple[str, ...]:
    """The hosted zones of a stack's settings. Raises TeardownError: they are bad."""
    return _settings(folder, stack).hosted_zone_ids


def _settings(folder: Path, stack: str) -> Settings:
    try:
        return parse_file(config_of(folder / config.file_name(stack)), stack)
    except SettingsError as error:
        raise TeardownError(str(error)) from None


def state_of(folder: Path, stack: str) -> State:
    """Ask the backend. A stack that it has never heard of has an empty state.

    Raises:
        UnknownError: it does not say.
    """
    told = exported(folder, stack)
    return State() if told is None else parse_state(told)


def exported(folder: Path, stack: str) -> str | None:
    """What `pulumi stack export` prints; None for a stack that the backend has never heard of.

    Raises:
        UnknownError: it does not say.
    """
    try:
        done = engine.run(folder, "stack", "export", "--stack", stack)
    except CommandError as error:
        raise UnknownError(f"the stack's state is unknown: {error}") from None
    if done.returncode == engine.NO_STACK:
        return None
    if done.returncode != 0:
        raise UnknownError(f"the stack's state is unknown: {engine.one_line(done)}")
    return done.stdout


def parse_state(text: str) -> State:
    """Read what `pulumi stack export` prints. Raises UnknownError: it is no state."""
    try:
        deployment = _Export.model_validate_json(text).deployment
    except pydantic.ValidationError as error:
        raise UnknownError(
            f"the stack's state is unknown: pulumi prints no state: {error.errors()[0]['msg']}"
        ) from None
    made = [each for each in deployment.resources or () if each.id and not each.external and _is_of_aws(each.type)]
    pending = tuple(
        f"{each.type} {each.resource.urn.rpartition('::')[2]}" for each in deployment.pending_operations or ()
    )
    vpc_id = next((each.id for each in made if each.type == VPC_TYPE), "")
    unread = tuple(f"{each.type} {each.urn.rpartition('::')[2]}" for each in made if not each.outputs)
    return State(frozenset(_names(made)), vpc_id, pending, _identity(deployment, made), unread)


def _identity(deployment: _Deployment, made: list[_Resource]) -> Identity:
    """Which cluster a state is of. The cluster's own outputs come first: the stack's may be of an earlier one."""
    listed = next((each for each in made if each.type == CLUSTER_TYPE and not each.delete), None)
    own = listed.outputs if listed else {}
    stack = {
        key: value
        for each in deployment.resources or ()
        if each.type == STACK_TYPE
        for key, value in each.outputs.items()
    }
    pending = [each.resource.type for each in deployment.pending_operations or () if each.type == "creating"]
    is_stale = CLUSTER_TYPE in pending and not listed
    data = own.get("certificateAuthority")
    authority = _text(data, "data") if isinstance(data, dict) else ""
    arns = [match for each in made if (match := ARN.match(_text(each.outputs, "arn")))]
    return Identity(
        frozenset({match["account"] for match in arns} | {_text(stack, "aws_account_id")}) - {""},
        frozenset({match["region"] for match in arns} | {_text(stack, "aws_region")}) - {""},
        _text(own, "name") or _text(stack, "cluster_name"),
        _text(own, "endpoint") or ("" if is_stale else _text(stack, "cluster_endpoint")),
        authority or ("" if is_stale else _text(stack, "cluster_certificate_authority")),
    )


def _text(outputs: Mapping[str, JsonValue], name: str) -> str:
    """An output that is text; empty if it is none."""
    value = outputs.get(name)
    return value if isinstance(value, str) else ""


def capture(path: Path, target: Target, state: State) -> Target:
    """Write what is to go into a file, once; a file of the same cluster fills in the VPC that the state has forgotten.

    Raises:
        TeardownError: the file is of another cluster, the VPC that was given is another, or the file cannot be written.
    """
    before = read(path) if path.exists() else target
    if _which(before) != _which(target):
        raise TeardownError(f"{path} is of {before.cluster} in {before.account_id}: remove it, if that is gone")
    vpc_id = vpc_of(target.vpc_id, state.vpc_id) or before.vpc_id
    target = replace(target, vpc_id=vpc_id, persistent_volumes=before.persistent_volumes)
    write(path, target)
    return target


def vpc_of(given: str, in_state: str) -> str:
    """The VPC: that of the state, or the one that was given. Raises TeardownError: they differ."""
    if given and in_state and given != in_state:
        raise TeardownError(f"--vpc {given}: the state says that the stack's VPC is {in_state}; leave --vpc out")
    return in_state or given


def write(path: Path, target: Target) -> None:
    """Replace the file as a whole. Raises TeardownError: it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(replace(target, volumes_held="")), indent=2) + "\n", "utf-8")
        draft.replace(path)
    except OSError as error:
        raise TeardownError(f"{path} cannot be written: {error.strerror}") from None


def read(path: Path) -> Target:
    """A captured target. Raises TeardownError: there is none."""
    try:
        fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
        volumes = tuple(PersistentVolume(**each) for each in fields.pop("persistent_volumes", ()))
        return Target(**fields, persistent_volumes=volumes)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TeardownError(f"{path} is no captured target ({error}): remove it, and capture again") from None


def _which(target: Target) -> tuple[str, str, str, str]:
    return target.account_id, target.region, target.cluster, target.stack


def _is_of_aws(kind: str) -> bool:
    return not kind.startswith(PROVIDERS)


def _names(resources: Iterable[_Resource]) -> set[str]:
    """Ids, ARNs and names: what AWS's answers may call a resource by."""
    found: set[str] = set()
    for each in resources:
        found |= {
            each.id,
            *(str(each.outputs[key]) for key in ("arn", "name") if isinstance(each.outputs.get(key), str)),
        }
    return found
