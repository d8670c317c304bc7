"""The errors of the EKS API: code and members as in its service model."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class EksError(ServiceException):
    """An error of the service model; moto takes the model from the module of an exception unless it is of our own."""

    def __init__(self, code: str, message: str, **members: str) -> None:
        super().__init__(code, message)
        for member, value in members.items():
            setattr(self, member, value)


def not_found(message: str, **members: str) -> EksError:
    """404 ResourceNotFoundException."""
    return EksError("ResourceNotFoundException", message, **members)


def in_use(message: str, **members: str) -> EksError:
    """409 ResourceInUseException."""
    return EksError("ResourceInUseException", message, **members)


def invalid_parameter(message: str, **members: str) -> EksError:
    """400 InvalidParameterException."""
    return EksError("InvalidParameterException", message, **members)


def invalid_request(message: str, **members: str) -> EksError:
    """400 InvalidRequestException."""
    return EksError("InvalidRequestException", message, **members)


def unsupported_zone(message: str) -> EksError:
    """400 UnsupportedAvailabilityZoneException, of CreateCluster."""
    return EksError("UnsupportedAvailabilityZoneException", message)


def no_such_resource(message: str) -> EksError:
    """404 NotFoundException, of the tagging operations."""
    return EksError("NotFoundException", message)
