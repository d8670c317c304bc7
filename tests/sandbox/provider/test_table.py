"""The rows against what others say of the same types: the SDK's classes, AWS's resource schemas, the APIs' models."""

# The SDK's own reading of its classes is private, and cfn-lint has loose types.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from pulumi import _types as sdk

from sandbox.provider import sources
from sandbox.provider.model import input_shape, service_model
from sandbox.provider.shape import compiled
from sandbox.provider.table import ROWS
from tests.sandbox.provider import golden
from tests.sandbox.provider.shapes import classes, leaves, member_shape, schema_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import Shape

    from sandbox.provider.row import Properties, Property, Row

every_row = pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.type)


def nested(annotation: Any) -> Any:
    """The class of the objects that a type holds, None if it holds none."""
    if sdk.is_input_type(annotation) or sdk.is_output_type(annotation):
        return annotation
    return next((found for each in typing.get_args(annotation) if (found := nested(each))), None)


def unknown_names(specs: Properties, types: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, spec in specs.items():
        if name not in types:
            yield f"{path}{name}"
        elif spec.fields:
            inner = nested(types[name])
            assert inner, f"{path}{name} is not an object in the SDK"
            read = sdk.input_type_types if sdk.is_input_type(inner) else sdk.output_type_types
            yield from unknown_names(dict(spec.fields), read(inner), f"{path}{name}.")


@every_row
def test_inputs_are_the_sdks(row: Row) -> None:
    assert list(unknown_names(row.given, sdk.input_type_types(classes(row)[0]))) == []


@every_row
def test_outputs_are_the_sdks(row: Row) -> None:
    assert list(unknown_names(row.all, sdk.resource_types(classes(row)[1]))) == []


def test_a_name_that_the_sdk_does_not_know_is_found() -> None:
    row = ROWS["aws:eks/cluster:Cluster"]
    types = sdk.input_type_types(classes(row)[0])
    wrong = {**row.given, "nmae": row.given["name"]}
    assert list(unknown_names(wrong, types)) == ["nmae"]
    misplaced: Properties = {"upgradePolicy": row.given["vpcConfig"]}
    assert "upgradePolicy.subnetIds" in list(unknown_names(misplaced, types))


def scalar(annotation: Any) -> str:
    names = {"str": "text", "bool": "boolean", "int": "number"}
    return names.get(getattr(annotation, "__name__", ""), "")


API_SCALARS = {"string": "text", "boolean": "boolean", "integer": "number", "long": "number"}


def scalars_that_differ(
    specs: Mapping[str, Property], types: Mapping[str, Any], shape: Shape, path: str = ""
) -> Iterator[str]:
    """The properties that are text in the SDK and a boolean or a number in the API, or the other way round."""
    for name, spec in specs.items():
        inner = member_shape(shape, name, spec)
        if inner is None or name not in types:
            continue
        if spec.fields:
            block = nested(types[name])
            read = sdk.input_type_types if sdk.is_input_type(block) else sdk.output_type_types
            yield from scalars_that_differ(spec.fields, read(block), inner, f"{path}{name}.")
        elif scalar(types[name]) and scalar(types[name]) != API_SCALARS.get(inner.type_name):
            yield f"{path}{name}"


@pytest.mark.parametrize(
    ("row", "operation"), [(row, row.create) for row in ROWS.values() if isinstance(row.create, str)]
)
def test_text_of_the_sdk_is_marked_where_the_api_has_another_type(row: Row, operation: str) -> None:
    found = scalars_that_differ(
        row.properties, sdk.resource_types(classes(row)[1]), input_shape(row.service, operation)
    )
    assert set(found) == {leaf.path for leaf in leaves(row.properties) if leaf.spec.text}


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.cloudformation], ids=lambda row: row.type)
def test_replacements_are_those_of_the_resource_schema(row: Row) -> None:
    schema: Any = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-2", row.cloudformation).schema
    create_only = {
        each.removeprefix("/properties/").replace("/", ".").lower() for each in schema.get("createOnlyProperties", [])
    }
    paths = schema_paths(row)
    theirs = {
        path for path, theirs in paths.items() if any(f"{theirs}.".startswith(f"{each}.") for each in create_only)
    }
    ours = {leaf.path for leaf in leaves(row.properties) if leaf.replaces}
    assert ours ^ theirs == set(row.differs)
    assert all(row.differs.values())


@every_row
def test_a_type_without_a_resource_schema_names_its_source(row: Row) -> None:
    assert bool(row.cloudformation) != bool(row.source)


def test_the_sources_are_what_ships_in_packages() -> None:
    """Run `make golden` and look at the difference: a property that lost its source is reported as not known."""
    assert golden.render() == golden.FILE.read_text("utf-8")


@every_row
def test_a_property_that_replaces_has_a_source(row: Row) -> None:
    unsourced = {
        leaf.path for leaf in leaves(row.properties) if leaf.replaces and not sources.is_known(row.type, leaf.path)
    }
    assert not unsourced


def test_a_property_without_a_source_is_not_known() -> None:
    assert sources.is_known("aws:eks/cluster:Cluster", "vpcConfig.subnetIds[0]")
    assert not sources.is_known("aws:eks/cluster:Cluster", "nmae")
    assert not sources.is_known("aws:rds/instance:Instance", "engine")
    assert sources.is_known("infra-fleet:index:Network", "anything")


@every_row
def test_every_property_is_sent(row: Row) -> None:
    by_create = set(row.properties)
    if isinstance(row.create, str):
        shape = input_shape(row.service, row.create)
        by_create = {name for name, spec in row.properties.items() if member_shape(shape, name, spec) is not None}
        assert {name for name, spec in row.properties.items() if not spec.local} == by_create
    by_steps = {path.partition(".")[0] for step in row.steps if step.creates for path in step.properties}
    unsent = set(row.properties) - by_create - by_steps
    assert all(row.properties[name].hidden for name in unsent), unsent


@every_row
def test_every_change_leads_to_a_call_or_to_a_replacement(row: Row) -> None:
    changed_by_step = [path for step in row.steps for path in step.properties]
    lost = [
        leaf.path
        for leaf in leaves(row.properties)
        if not (leaf.replaces or leaf.spec.hidden or leaf.spec.told)
        and not any(f"{leaf.path}.".startswith(f"{path}.") for path in changed_by_step)
    ]
    assert lost == []


@every_row
def test_steps_name_properties(row: Row) -> None:
    known = {leaf.path for leaf in leaves(row.properties)} | set(row.properties)
    assert {path for step in row.steps for path in step.properties} <= known
    assert {output for step in row.steps for output in step.computes} <= set(row.outputs)


@pytest.mark.parametrize("service", sorted({row.service for row in ROWS.values()}))
def test_every_pattern_of_a_used_model_can_be_checked(service: str) -> None:
    model = service_model(service)
    patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names}
    for pattern in patterns - {None}:
        compiled(str(pattern))
