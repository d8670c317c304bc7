"""Where the target comes from: the stack's settings, its state, and the file in which it is captured."""

from __future__ import annotations

import json
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
from teardown.target import State, Target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VPC_TYPE = "aws:ec2/vpc:Vpc"
PROVIDERS = ("pulumi:pulumi:", "pulumi:providers:")
"""Resources of the engine alone, which cost nothing and are nowhere in AWS."""


class _Resource(BaseModel):
    type: str
    urn: str = ""
    id: str = ""
    external: bool = False
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
    try:
        settings = parse_file(config_of(folder / config.file_name(stack)), stack)
    except SettingsError as error:
        raise TeardownError(str(error)) from None
    return Target(settings.account_id, settings.region, settings.cluster_name, stack)


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
    return State(frozenset(_names(made)), vpc_id, pending, unread)


def capture(path: Path, target: Target, state: State) -> Target:
    """Write what is to go into a file, once; a file of the same cluster fills in the VPC that the state has forgotten.

    Raises:
        TeardownError: the file is of another cluster, or cannot be written.
    """
    if path.exists():
        before = read(path)
        if replace(before, vpc_id="") != replace(target, vpc_id=""):
            raise TeardownError(f"{path} is of {before.cluster} in {before.account_id}: remove it, if that is gone")
        target = replace(target, vpc_id=state.vpc_id or before.vpc_id)
    else:
        target = replace(target, vpc_id=state.vpc_id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(target), indent=2) + "\n", "utf-8")
        draft.replace(path)
    except OSError as error:
        raise TeardownError(f"{path} cannot be written: {error.strerror}") from None
    return target


def read(path: Path) -> Target:
    """A captured target. Raises TeardownError: there is none."""
    try:
        fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return Target(**fields)
    except (OSError, ValueError, TypeError) as error:
        raise TeardownError(f"{path} is no captured target ({error}): remove it, and capture again") from None


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
