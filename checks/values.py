"""What variables are replaced by: values of the settings, and of the ConfigMaps and Secrets that the tree itself holds.

Source: kustomize-controller, postBuild (a later source wins over an earlier one, spec.postBuild.substitute over all).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks import envsubst
from checks.manifests import at, mapping, mappings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checks.config import Config

UNKNOWN = "unknown"
"""Stands for a value that is not known here."""

Held = dict[str, dict[str, str | None]]
"""`<ConfigMap or Secret>/<namespace>/<name>` → key → value, None for one that is encrypted."""


@dataclass(frozen=True)
class Values:
    """What a Flux Kustomization's variables are replaced by."""

    known: Mapping[str, str]
    """Name → value, or what stands for it."""
    guessed: frozenset[str]
    """The names whose values are not known: they are encrypted."""
    is_open: bool
    """Whether there may be more: a source of values is neither in the settings nor in the tree."""


def held(manifests: Iterable[Mapping[str, Any]]) -> Held:
    """What the ConfigMaps and Secrets among some objects hold."""
    found: Held = {}
    for each in manifests:
        kind = each.get("kind")
        if kind in {"ConfigMap", "Secret"} and each.get("apiVersion") == "v1":
            name = f"{kind}/{at(each, 'metadata', 'namespace') or ''}/{at(each, 'metadata', 'name')}"
            found[name] = dict(_entries(each))
        elif kind == "SealedSecret":
            name = f"Secret/{at(each, 'metadata', 'namespace') or ''}/{at(each, 'metadata', 'name')}"
            found[name] = {str(key): None for key in mapping(at(each, "spec", "encryptedData"))}
    return found


def _entries(each: Mapping[str, Any]) -> Iterable[tuple[str, str | None]]:
    is_secret = each.get("kind") == "Secret"
    for key, value in mapping(each.get("data")).items():
        text = str(value)
        yield str(key), _decoded(text) if is_secret else text
    for key, value in mapping(each.get("stringData")).items():
        text = str(value)
        yield str(key), None if text.startswith("ENC[") else text


def _decoded(text: str) -> str | None:
    """A Secret's value; None for one that is encrypted, or no text."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def of(spec: Mapping[str, Any], namespace: str, config: Config, there: Held) -> Values | None:
    """The values of a Flux Kustomization; None without postBuild.

    Args:
        spec: its own.
        namespace: its own.
        config: what is declared; where the tree holds a source, that counts.
        there: what the tree holds.
    """
    if spec.get("postBuild") is None:
        return None
    post_build = mapping(spec.get("postBuild"))
    found: dict[str, str | None] = {}
    is_open = False
    for reference in mappings(post_build.get("substituteFrom")):
        name = f"{reference.get('kind')}/{namespace}/{reference.get('name')}"
        samples = {key: each.sample for key, each in config.variables.get(name, {}).items()}
        if name in there:
            found |= {key: samples.get(key) if value is None else value for key, value in there[name].items()}
        elif name in config.variables:
            found |= samples
        else:
            is_open = True
    found |= {str(key): str(value) for key, value in mapping(post_build.get("substitute")).items()}
    return Values(
        {key: UNKNOWN if value is None else envsubst.clean(value) for key, value in found.items()},
        frozenset(key for key, value in found.items() if value is None),
        is_open,
    )
