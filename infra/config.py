"""What the settings of every project share: the model, AWS's identifiers, how config is read and how problems are said.

Keys are `<namespace>:camelCase`. Every problem names its key, the value and what is allowed; all are reported at once.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar, get_args, get_origin

import pulumi
import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from common.errors import CannotRunError
from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails


class SettingsError(CannotRunError):
    """The config is invalid; the message has one line for each problem."""


def matches(pattern: str, allowed: str) -> AfterValidator:
    """Check the whole string, and say in words what is allowed."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"allowed: {allowed}")
        return value

    return AfterValidator(check)


def _role_arn(value: str) -> str:
    if ":user/" in value:
        raise ValueError("allowed: role ARNs; a user's keys never expire and are one person's, a role is assumed")
    if not re.fullmatch(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]{1,576}", value):
        raise ValueError("allowed: role ARNs, arn:aws:iam::<account>:role/<name>")
    return value


def once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is there twice. Raises ValueError."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value!r} is listed twice; allowed: each once")
    return values


AccountId = Annotated[str, matches(r"\d{12}", "12 digits, in quotes")]
PolicyArn = Annotated[str, matches(r"arn:aws:iam::(\d{12}|aws):policy/[\w+=,.@/-]+", "a policy's ARN")]
RoleArn = Annotated[str, AfterValidator(_role_arn)]
ClusterName = Annotated[str, matches(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}", "at most 100 letters, digits, - and _")]
# Route 53 API reference, ResourceId: at most 32 characters. IAM would read * and ? as wildcards.
HostedZoneId = Annotated[str, matches(r"[0-9A-Z]{1,32}", "a hosted zone's id alone, such as Z0123456789ABCDEFGHIJ")]
HostedZoneIds = Annotated[tuple[HostedZoneId, ...], Field(max_length=20), AfterValidator(once)]
Region = Annotated[
    str,
    matches(
        r"(af|ap|ca|eu|il|me|mx|sa|us)-(central|(north|south)?(east|west)?)-\d",
        "a region's code such as eu-west-2, not of China or GovCloud, whose ARNs and hosts differ",
    ),
]


class Model(BaseModel):
    """Settings: frozen, every key known, defaults checked as values are."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )


class StackModel(Model):
    """The config of a whole stack. A validator before the fields finds the stack's name in its context."""

    namespace: ClassVar[str]
    """The Pulumi project, whose name is before the colon of each key."""


S = TypeVar("S", bound=StackModel)


def parse(model: type[S], config: Mapping[str, object], stack: str) -> S:
    """Check a stack's config.

    Args:
        model: what the config should be.
        config: key (without namespace) → value; structured values as objects, scalars as such or as text.
        stack: the stack's name.

    Raises:
        SettingsError: one line for each problem.
    """
    values = {key: _scalar(value) for key, value in config.items()}
    try:
        return model.model_validate(values, context=stack)
    except pydantic.ValidationError as error:
        problems = [problem for problem in error.errors() if problem["type"] != "default_factory_not_called"]
        raise SettingsError("\n".join(_line(model, problem) for problem in problems)) from None


def parse_file(model: type[S], config: Mapping[str, object], stack: str) -> S:
    """Check the config of a stack file, keys of other namespaces included.

    Raises:
        SettingsError: a line that names the file, then one for each problem.
    """
    prefix = f"{model.namespace}:"
    own = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    try:
        return parse(model, own, stack)
    except SettingsError as error:
        raise SettingsError(in_file(stack, error)) from None


def in_file(stack: str, problems: SettingsError) -> str:
    """The lines of the problems, beneath one that names the file and counts them."""
    folder = "permanent/" if stack == names.PERMANENT_STACK else ""
    count = len(str(problems).splitlines())
    return f"{folder}{file_name(stack)} has {count} error{'s' if count != 1 else ''}:\n{problems}"


def load(model: type[S]) -> S:
    """Check the config that the engine hands to the program.

    Raises:
        pulumi.RunError: the config's problems; the engine shows the message alone and fails.
    """
    raw: dict[str, str] = {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    structured = _structured(model)
    config = {key: _unfolded(value) if key in structured else value for key, value in raw.items()}
    try:
        return parse_file(model, config, pulumi.get_stack())
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None


def file_name(stack: str) -> str:
    """The file of a stack's config."""
    return f"Pulumi.{stack}.yaml"


def _structured(model: type[StackModel]) -> frozenset[str]:
    """The keys whose values are lists or maps, which the engine hands over as JSON."""
    return frozenset(
        f"{model.namespace}:{to_camel(name)}"
        for name, entry in model.model_fields.items()
        if get_origin(entry.annotation) in (tuple, Mapping)
    )


def _unfolded(value: str) -> object:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _scalar(value: object) -> object:
    """YAML reads 1.36 and 123456789012 as numbers; the engine hands over text. One form for both."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


ALLOWED = {
    "tuple_type": "a list",
    "list_type": "a list",
    "mapping_type": "a map of names to values",
    "dict_type": "a map of names to values",
    "model_type": "a map of keys to values",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "ip_v4_network": "an IPv4 network such as 10.0.0.0/16",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "too_short": "{min_length} or more of them",
    "too_long": "{max_length} or fewer of them",
}
"""What pydantic's errors mean to the person who wrote the value; those of our own validators say it themselves."""


def _line(model: type[StackModel], problem: ErrorDetails) -> str:
    """One line for one problem: the key, the value, what is allowed."""
    kind, value, written = problem["type"], problem["input"], problem["loc"][-1]
    owners, keys = zip(*_steps(model, problem["loc"]), strict=True)
    if kind == "extra_forbidden":
        path = _path(model.namespace, (*keys[:-1], written))
        return f"  {path}: unknown setting; {_nearest(str(written), owners[-1])}"
    path = _path(model.namespace, keys)
    if kind == "missing":
        return f"  {path} is not set; it is required"
    shown = json.dumps(value, default=str) if isinstance(value, list | tuple | dict | bool) else str(value)
    said = problem["msg"].removeprefix("Value error, ")
    if kind in ALLOWED:
        said = f"allowed: {ALLOWED[kind].format(**problem.get('ctx', {}))}"
    if said.startswith("allowed: "):
        return f"  {path} = {shown} is not allowed: use {said.removeprefix('allowed: ')}"
    return f"  {path} = {shown}: {said}"


def _steps(model: type[Model], location: tuple[int | str, ...]) -> Iterator[tuple[type[Model], int | str]]:
    """The key at each part of a problem's place, with the model that it belongs to.

    A default that fails is placed by its field's name, not by its key.
    """
    for part in location:
        yield model, to_camel(part) if isinstance(part, str) and part in model.model_fields else part
        entry = next((entry for name, entry in model.model_fields.items() if part in (name, entry.alias)), None)
        inner = get_args(entry.annotation) if entry else ()
        model = next((kind for kind in inner if isinstance(kind, type) and issubclass(kind, Model)), model)


def _path(namespace: str, keys: tuple[int | str, ...]) -> str:
    """`infra-fleet:nodeGroups.default.instanceTypes[0]`."""
    head, *rest = keys
    return f"{namespace}:{head}" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in rest)


ALIKE = 3
"""Letters at the beginning of a key that make it one's neighbour when spelling alone does not: natMod, natStrategy."""


def _nearest(key: str, model: type[Model]) -> str:
    known = [to_camel(name) for name in model.model_fields]
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    nearest = nearest or [name for name in known if name[:ALIKE].casefold() == key[:ALIKE].casefold()]
    return f"did you mean {nearest[0]}?" if nearest else f"allowed: {', '.join(known)}"
