"""Physical names as pulumi-aws makes them: the resource's name, a dash and seven hexadecimal digits."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULTS = "__defaults"
"""The input that lists which inputs the provider filled in, as pulumi-terraform-bridge names it."""

_HEX_DIGITS = 7
_PREFIXED_DIGITS = 26  # Terraform's id.PrefixedUniqueId


@dataclass(frozen=True)
class AutoName:
    """The input that carries the physical name, how long AWS lets it be, and the input that may give its beginning."""

    property: str
    limit: int
    prefix: str = ""

    def given(self, inputs: Mapping[str, Any]) -> bool:
        """Whether the program chose the name."""
        return self.property in inputs and self.property not in inputs.get(DEFAULTS, [])

    def fill(self, inputs: Mapping[str, Any], olds: Mapping[str, Any], resource: str, seed: bytes) -> Any:
        """The name of a resource whose program gave none: the one that it has, or a new one.

        Raises ValueError, with what to do, when AWS would find it too long.
        """
        prefix = inputs.get(self.prefix) if self.prefix else None
        if prefix is UNKNOWN:
            return UNKNOWN
        old = olds.get(self.property)
        if isinstance(old, str) and not self.given(olds) and (not self.prefix or prefix == olds.get(self.prefix)):
            return old
        name = f"{prefix}{_digits(seed)}" if prefix else f"{resource}-{_hexadecimal(seed)}"
        if len(name) > self.limit:
            what = f"{self.prefix} {prefix!r}" if prefix else f"the resource's name {resource!r}"
            raise ValueError(
                f"{what} is too long: with {len(name) - len(str(prefix or resource))} characters that make it unique, "
                f"{len(name)} of the {self.limit} allowed; shorten it or give {self.property}"
            )
        return name


def _entropy(seed: bytes) -> bytes:
    return hashlib.sha256(seed or secrets.token_bytes(32)).digest()


def _hexadecimal(seed: bytes) -> str:
    return _entropy(seed).hex()[:_HEX_DIGITS]


def _digits(seed: bytes) -> str:
    return str(int.from_bytes(_entropy(seed), "big")).zfill(_PREFIXED_DIGITS)[-_PREFIXED_DIGITS:]
