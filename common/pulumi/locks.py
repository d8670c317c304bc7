"""Who holds a stack's lock. The engine's self-managed backends lock by a file, which a killed run leaves behind.

Layout: `.pulumi/locks/organization/<project>/<stack>/<uuid>.json` in the backend (pkg/backend/diy/lock.go of 3.274).
"""
# boto3-stubs are installed for some services alone, and boto3.client is typed for all.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pydantic
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from common.errors import CannotRunError
from common.pulumi import runner
from common.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from common.pulumi.runner import Stack

UNITS = (("d", 86400), ("h", 3600), ("min", 60))


class Lock(pydantic.BaseModel):
    """One run that holds the stack."""

    username: str
    hostname: str
    pid: int
    timestamp: pydantic.AwareDatetime

    @property
    def holder(self) -> str:
        """`USER@HOST (pid N) since T`."""
        since = self.timestamp.strftime("%Y-%m-%d %H:%M:%S %Z")
        return f"{self.username}@{self.hostname} (pid {self.pid}) since {since}"

    def age(self, now: datetime) -> str:
        """How long it has been held, in the two largest units: `3 h 12 min`."""
        seconds = max(0, int((now - self.timestamp).total_seconds()))
        parts: list[str] = []
        for unit, size in UNITS:
            count, seconds = divmod(seconds, size)
            if count or parts:
                parts.append(f"{count} {unit}")
        return " ".join(parts[:2]) or "less than a minute"


def locks_of(stack: Stack) -> list[Lock]:
    """The locks of a stack in the backend of this environment, the oldest first.

    Raises:
        FleetError: there is no backend, it cannot be read, or has a lock that is none.
    """
    where = f".pulumi/locks/organization/{runner.project_name(stack.folder)}/{stack.name}"
    found = [_parsed(path, text) for path, text in _files(stack.folder, where)]
    return sorted(found, key=lambda lock: lock.timestamp)


def _files(folder: Path, where: str) -> Iterator[tuple[str, bytes]]:
    url = runner.backend()
    scheme, bucket, path, query, _ = urlsplit(url)
    if scheme == "file":
        return _on_disk(folder / Path(unquote(bucket + path)).expanduser(), where)
    if scheme == "s3":
        return _in_bucket(bucket, f"{path.strip('/')}/{where}/".lstrip("/"), parse_qs(query))
    raise CannotRunError(f"{runner.BACKEND_VARIABLE} is {url}: locks are read from s3:// and file:// backends only")


def _parsed(path: str, text: bytes) -> Lock:
    try:
        return Lock.model_validate_json(text)
    except pydantic.ValidationError:
        raise CannotRunError(f"{path} is not a lock that pulumi wrote: look at it, and remove it by hand") from None


def _on_disk(state: Path, where: str) -> Iterator[tuple[str, bytes]]:
    if not state.is_dir():
        raise CannotRunError(f"{runner.BACKEND_VARIABLE} names {state}, which is not a folder")
    for path in (state / where).glob("*.json"):
        try:
            yield str(path), path.read_bytes()
        except FileNotFoundError:  # freed meanwhile
            continue
        except OSError as error:
            raise CannotRunError(f"{path} cannot be read: {error.strerror}") from None


def _in_bucket(bucket: str, prefix: str, query: dict[str, list[str]]) -> Iterator[tuple[str, bytes]]:
    region, endpoint = (query.get(key, [None])[0] for key in ("region", "endpoint"))
    try:
        s3 = boto3.client("s3", region_name=region, endpoint_url=endpoint)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry.get("Key", "") for page in pages for entry in page.get("Contents", ())]
        for key in (key for key in keys if key.endswith(".json")):
            try:
                yield f"s3://{bucket}/{key}", s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            except s3.exceptions.NoSuchKey:  # freed meanwhile
                continue
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise CannotRunError(f"the locks in s3://{bucket}/{prefix} cannot be read: {clean(error)}") from None
