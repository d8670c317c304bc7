"""What the provider works with, and what it refuses to work with: anything but the sandbox's own account and state."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infra.contract import names
from sandbox.folder import FOLDER_VARIABLE, Folder

from .errors import ProviderError
from .same import parsed
from .values import UNKNOWN, is_list, is_map

if TYPE_CHECKING:
    from collections.abc import Mapping

BACKEND_VARIABLE = "PULUMI_BACKEND_URL"
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"

_STAND_IN = "this provider is a stand-in for pulumi-aws that works on an embedded account only"
_REMEDY = "run it through `fleet sandbox`, or unset PULUMI_HOME to use the real pulumi-aws"


@dataclass(frozen=True)
class Configuration:
    """The provider's config. `default_tags` is `UNKNOWN` if the program does not know them yet."""

    region: str
    allowed_account_ids: tuple[str, ...]
    default_tags: Any


def endpoint(environment: Mapping[str, str] = os.environ) -> str:
    """The embedded account's address. Raises ProviderError unless everything around is the sandbox's own."""
    root = environment.get(FOLDER_VARIABLE, "")
    if not root:
        raise ProviderError(f"{FOLDER_VARIABLE} is not set: {_STAND_IN}; {_REMEDY}")
    backend = environment.get(BACKEND_VARIABLE, "")
    if not _is_own(backend, Folder(Path(root))):
        raise ProviderError(f"{BACKEND_VARIABLE} is {backend!r}, not the sandbox's own: {_STAND_IN}; {_REMEDY}")
    address = environment.get(ENDPOINT_VARIABLE, "")
    if not _on_this_machine(address):
        raise ProviderError(f"{ENDPOINT_VARIABLE} is {address!r}, not an address on loopback: {_STAND_IN}; {_REMEDY}")
    return address


def _is_own(backend: str, folder: Folder) -> bool:
    """Whether the state lies in the sandbox's folder, or in the bucket of its account: at no other endpoint."""
    if backend.startswith(f"{folder.root.as_uri()}/"):
        return True
    try:
        account = json.loads(folder.account_file.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return backend == names.state_backend(account["account_id"], account["region"])


def _on_this_machine(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def parse(arguments: Mapping[str, Any]) -> Configuration:
    """The config as the engine sends it: what is not text arrives as JSON. Raises ProviderError."""
    region = arguments.get("region")
    if not isinstance(region, str) or not region:
        raise ProviderError("aws:region is not set: give the provider a region")
    allowed = parsed(arguments.get("allowedAccountIds"))
    if allowed is not None and not is_list(allowed):
        raise ProviderError(f"aws:allowedAccountIds is {allowed!r}, not a list")
    tags = parsed(arguments.get("defaultTags"))
    return Configuration(region, tuple(str(each) for each in allowed or []), _tags(tags))


def _tags(default_tags: Any) -> Any:
    tags = default_tags.get("tags") if is_map(default_tags) else default_tags
    if tags is UNKNOWN or is_map(tags):
        return tags
    if tags is None:
        return {}
    raise ProviderError(f"aws:defaultTags.tags is {tags!r}, not an object")


def refuse_other_account(configuration: Configuration, account_id: str) -> None:
    """Raises ProviderError for an account that the program does not allow."""
    allowed = configuration.allowed_account_ids
    if allowed and account_id not in allowed:
        raise ProviderError(
            f"aws:allowedAccountIds is {', '.join(allowed)}, but the credentials belong to account {account_id}; "
            "use that account's credentials or correct the setting"
        )
