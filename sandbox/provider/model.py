"""botocore's service models: what each operation takes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from botocore.model import StructureShape

from sandbox.account.clients import session

if TYPE_CHECKING:
    from botocore.model import ServiceModel


@cache
def service_model(service: str) -> ServiceModel:
    """The model of a service."""
    return session().get_service_model(service)


@cache
def input_shape(service: str, operation: str) -> StructureShape:
    """What an operation takes."""
    shape = service_model(service).operation_model(operation).input_shape
    return shape if shape is not None else StructureShape("Empty", {"type": "structure", "members": {}})
