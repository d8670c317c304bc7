"""Where the target comes from: the stack's settings, its state, and the file in which it is captured."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from common.errors import CannotRunError, FleetError, UnknownError
from common.pulumi import exported_state
from common.pulumi.exported_state import StackState
from common.pulumi.runner import Stack
from infra import config
from infra.always_on import notice
from infra.settings import parse_file
from infra.stack_file import config_of
from teardown.target import PersistentVolume, Target

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings


def of_stack(folder: Path, stack: str) -> Target:
    """The cluster of a stack's settings. Raises FleetError: they are bad."""
    settings = _settings(folder, stack)
    return Target(settings.account_id, settings.region, settings.cluster_name, stack)


def always_on(folder: Path, stack: str) -> str:
    """What the stack costs that has no nightly teardown; empty where it has one. Raises FleetError: bad settings."""
    return notice(_settings(folder, stack))


def zones_of(folder: Path, stack: str) -> tuple[str, ...]:
    """The hosted zones of a stack's settings. Raises FleetError: they are bad."""
    return _settings(folder, stack).hosted_zone_ids


def _settings(folder: Path, stack: str) -> Settings:
    return parse_file(config_of(folder / config.file_name(stack)), stack)


def state_of(folder: Path, stack: str) -> StackState:
    """Ask the backend. A stack that it has never heard of has an empty state.

    Raises:
        UnknownError: it does not say.
    """
    told = exported(folder, stack)
    return StackState() if told is None else exported_state.parse(told)


def exported(folder: Path, stack: str) -> str | None:
    """What `pulumi stack export` prints; None for a stack that the backend has never heard of.

    Raises:
        UnknownError: it does not say.
    """
    try:
        return Stack(folder, stack).export()
    except FleetError as error:
        raise UnknownError(f"the stack's state is unknown: {error}") from None


def capture(path: Path, target: Target, state: StackState) -> Target:
    """Write what is to go into a file, once; a file of the same cluster fills in the VPC that the state has forgotten.

    Raises:
        FleetError: the file is of another cluster, the VPC that was given is another, or the file cannot be written.
    """
    before = read(path) if path.exists() else target
    if _which(before) != _which(target):
        raise CannotRunError(f"{path} is of {before.cluster} in {before.account_id}: remove it, if that is gone")
    vpc_id = vpc_of(target.vpc_id, state.vpc_id) or before.vpc_id
    target = replace(target, vpc_id=vpc_id, persistent_volumes=before.persistent_volumes)
    write(path, target)
    return target


def vpc_of(given: str, in_state: str) -> str:
    """The VPC: that of the state, or the one that was given. Raises FleetError: they differ."""
    if given and in_state and given != in_state:
        raise CannotRunError(f"--vpc {given}: the state says that the stack's VPC is {in_state}; leave --vpc out")
    return in_state or given


def write(path: Path, target: Target) -> None:
    """Replace the file as a whole. Raises FleetError: it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(replace(target, volumes_held="")), indent=2) + "\n", "utf-8")
        draft.replace(path)
    except OSError as error:
        raise CannotRunError(f"{path} cannot be written: {error.strerror}") from None


def read(path: Path) -> Target:
    """A captured target. Raises FleetError: there is none."""
    try:
        fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
        volumes = tuple(PersistentVolume(**each) for each in fields.pop("persistent_volumes", ()))
        return Target(**fields, persistent_volumes=volumes)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CannotRunError(f"{path} is not a captured target ({error}): remove it, and capture again") from None


def _which(target: Target) -> tuple[str, str, str, str]:
    return target.account_id, target.region, target.cluster, target.stack
