"""Check: the inputs that a program gave, completed; and everything in them that AWS or this table would refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .model import input_shape
from .names import DEFAULTS
from .row import Account, Resource, Response, Row
from .same import absent
from .shape import Violation, walk
from .values import UNKNOWN, as_map, is_list, is_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .row import Property


@dataclass(frozen=True)
class Request:
    """What the engine asks to check: the inputs of a resource, new and as they were, its name and a seed for more."""

    row: Row
    news: Mapping[str, Any]
    olds: Mapping[str, Any]
    name: str
    seed: bytes
    default_tags: Any
    account: Account


def check(request: Request) -> tuple[dict[str, Any], list[Violation]]:
    """The completed inputs and what is wrong with them."""
    row = request.row
    given = {name: value for name, value in request.news.items() if not name.startswith("__")}
    if row.tags:
        # The engine puts the old ones here where they are ignored; pulumi-aws too writes its own over them.
        given.pop("tagsAll", None)
    failures = list(_unknown_properties(row, given))
    inputs = _with_defaults(row.given, given)
    failures += _fill_name(request, inputs)
    if row.tags:
        inputs["tagsAll"] = _all_tags(request.default_tags, inputs.get("tags"))
    failures += _own_rules(row.inputs, inputs, "")
    if not failures:
        failures += _refused_by_model(request, inputs)
    return inputs, list(dict.fromkeys(failures))


def _unknown_properties(row: Row, given: Mapping[str, Any]) -> Iterator[Violation]:
    specs = row.given
    for name, value in given.items():
        if name in specs:
            yield from _unknown_fields(specs[name], value, name)
        else:
            yield Violation(name, f"{row.type} has no property {name!r} here{row.nearest(name)}")


def _unknown_fields(spec: Property, value: Any, path: str) -> Iterator[Violation]:
    if spec.fields is None:
        return
    if is_list(value):
        for index, item in enumerate(value):
            yield from _unknown_fields(spec, item, f"{path}[{index}]")
    elif is_map(value):
        for name, item in value.items():
            if name.startswith("__"):
                continue
            if name in spec.fields and not spec.fields[name].told:
                yield from _unknown_fields(spec.fields[name], item, f"{path}.{name}")
            else:
                known = ", ".join(known for known, each in spec.fields.items() if not each.told)
                yield Violation(f"{path}.{name}", f"{path} has no property {name!r} here: one of {known}")


def _with_defaults(specs: Mapping[str, Property], given: Mapping[str, Any]) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    for name, spec in specs.items():
        value = given.get(name, spec.default)
        if value is None:
            value = spec.default
        if value is not None:
            inputs[name] = _fields_with_defaults(spec, value)
    return inputs


def _fields_with_defaults(spec: Property, value: Any) -> Any:
    if spec.fields is not None and is_map(value):
        return _with_defaults(spec.fields, value)
    if spec.fields is not None and is_list(value):
        return [_fields_with_defaults(spec, item) for item in value]
    if spec.text and isinstance(value, (bool, int)):
        return str(value).lower()
    return value


def _fill_name(request: Request, inputs: dict[str, Any]) -> Iterator[Violation]:
    naming = request.row.name
    if naming is None:
        return
    inputs[DEFAULTS] = []
    if naming.property in inputs:
        if naming.prefix in inputs:
            yield Violation(naming.prefix, f"conflicts with {naming.property}: give one of them")
        return
    try:
        inputs[naming.property] = naming.fill(inputs, request.olds, request.name, request.seed)
    except ValueError as error:
        yield Violation(naming.prefix if naming.prefix in inputs else naming.property, str(error))
    inputs[DEFAULTS] = [naming.property]


def _all_tags(default_tags: Any, tags: Any) -> Any:
    if default_tags is UNKNOWN or tags is UNKNOWN:
        return UNKNOWN
    return {**as_map(default_tags), **as_map(tags)}


def _own_rules(specs: Mapping[str, Property], inputs: Mapping[str, Any], path: str) -> Iterator[Violation]:
    for name, spec in specs.items():
        inner, value = f"{path}{name}", inputs.get(name)
        if spec.required and absent(value):
            yield Violation(inner, "is required")
        if value is None or value is UNKNOWN:
            continue
        wrong = spec.check(value) if spec.check else ""
        if wrong:
            yield Violation(inner, wrong)
        if spec.fields is not None and is_map(value):
            yield from _own_rules(spec.fields, value, f"{inner}.")
        elif spec.fields is not None and is_list(value):
            for index, item in enumerate(value):
                if is_map(item):
                    yield from _own_rules(spec.fields, item, f"{inner}[{index}].")


def _refused_by_model(request: Request, inputs: Mapping[str, Any]) -> Iterator[Violation]:
    """Walk every operation that these inputs lead to, as far as the row tells it without AWS's answers."""
    row, found = request.row, list[Violation]()

    def rehearse(service: str, operation: str, parameters: Mapping[str, Any]) -> Response:
        for each in walk(dict(parameters), input_shape(service, operation)):
            found.append(_at_property(row, each))
        return {}

    resource = Resource(row, UNKNOWN, inputs, {}, request.account, rehearse, wait=_no_wait)
    if isinstance(row.create, str):
        resource.make()
    for step in row.steps:
        if step.operation and resource.given(step):
            resource.send(step.operation, *step.properties)
    yield from found


def _no_wait(what: str, look: Callable[[], tuple[bool, str]]) -> None:  # noqa: ARG001 - a rehearsal waits for nothing
    return


def _at_property(row: Row, violation: Violation) -> Violation:
    """The violation of a member that is missing, at the property that the member comes from."""
    if not violation.member:
        return violation
    name = row.property_of(violation.member) if not violation.path else violation.member
    return Violation(f"{violation.path}.{name}".lstrip("."), violation.reason)
