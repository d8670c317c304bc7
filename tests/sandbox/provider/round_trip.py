"""The life of one resource, step by step, as the engine would live it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.provider.names import DEFAULTS
from sandbox.provider.same import absent
from sandbox.provider.table import ROWS
from sandbox.provider.values import UNKNOWN, is_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.provider.row import Property
    from tests.sandbox.provider.driver import Driver, Made, Properties


@dataclass(frozen=True)
class Update:
    """New inputs, the paths that they change and outputs that they lead to."""

    inputs: Properties
    paths: set[str]
    outputs: Properties = field(default_factory=dict[str, Any])


def made(aws: Driver, token: str, name: str, inputs: Properties) -> Made:
    """Create; what is created reads back clean, and the same program changes nothing."""
    foretold = aws.preview(token, name, inputs)
    resource = aws.create(token, name, inputs)
    assert resource.id
    # Each check of a resource that is not there yet makes another name.
    named = {name: value for name, value in foretold.items() if name not in resource.inputs.get(DEFAULTS, [])}
    assert agrees(token, named, resource.outputs)
    settled(aws, resource, inputs)
    return resource


def settled(aws: Driver, resource: Made, inputs: Properties) -> None:
    again = aws.refresh(resource)
    assert again is not None
    assert again.inputs == resource.inputs
    assert again.outputs == resource.outputs
    assert aws.diff(resource, inputs).kinds == {}


def agrees(token: str, foretold: Properties, actual: Properties) -> bool:
    """Whether a preview told nothing that turned out otherwise: unknown stands for anything."""
    return _agree(ROWS[token].all, foretold, actual)


def _agree(specs: Mapping[str, Property], foretold: Properties, actual: Properties) -> bool:
    return all(_value_agrees(specs[name], value, actual.get(name)) for name, value in foretold.items())


def _value_agrees(spec: Property, foretold: Any, actual: Any) -> bool:
    if foretold is UNKNOWN or (absent(foretold) and absent(actual)):
        return True
    if spec.fields and is_map(foretold) and is_map(actual):
        return _agree(spec.fields, foretold, actual)
    return spec.same(actual, foretold)


def forgotten(specs: Mapping[str, Property], foretold: Properties, actual: Properties, path: str = "") -> Iterator[str]:
    """What AWS fills in of an input, and a preview does not even call unknown."""
    for name, spec in specs.items():
        told, value = foretold.get(name), actual.get(name)
        if spec.computed and not absent(value) and told is None:
            yield f"{path}{name}"
        elif spec.fields and is_map(told) and is_map(value):
            yield from forgotten(spec.fields, told, value, f"{path}{name}.")


def updated(aws: Driver, resource: Made, *updates: Update) -> Made:
    """Each update is one in place, has its effect, and settles."""
    for each in updates:
        differ = aws.diff(resource, each.inputs)
        assert set(differ.kinds) - {path for path in differ.kinds if path.startswith("tagsAll")} == each.paths
        assert differ.replaces == []
        foretold = aws.preview_update(resource, each.inputs)
        resource = aws.update(resource, each.inputs)
        assert agrees(resource.type, foretold, resource.outputs)
        assert list(forgotten(ROWS[resource.type].all, foretold, resource.outputs)) == []
        assert resource.outputs | each.outputs == resource.outputs
        settled(aws, resource, each.inputs)
    return resource


def gone(aws: Driver, resource: Made) -> None:
    """Delete; then nothing is there, and deleting again is success."""
    aws.delete(resource)
    assert aws.refresh(resource) is None
    aws.delete(resource)


def imported(aws: Driver, resource: Made, inputs: Properties, resource_id: str = "") -> None:
    """Import by id; the program that made the resource then changes nothing."""
    found = aws.import_(resource.type, resource.name, resource_id or resource.id)
    assert found is not None
    assert found.id == resource.id
    assert aws.diff(found, inputs).replaces == []


def vpc_with_subnets(aws: Driver, zones: str = "ab") -> tuple[str, list[str]]:
    """A VPC and a subnet in each zone of the region."""
    vpc = aws.create("aws:ec2/vpc:Vpc", "main", {"cidrBlock": "10.0.0.0/16"})
    subnets = [
        aws.create(
            "aws:ec2/subnet:Subnet",
            zone,
            {"vpcId": vpc.id, "cidrBlock": f"10.0.{index}.0/24", "availabilityZone": f"eu-west-2{zone}"},
        ).id
        for index, zone in enumerate(zones)
    ]
    return vpc.id, subnets
