"""The earlier versions of a stack's state, in a bucket that keeps them: listed, and made the newest again.

Sources: the engine keeps a stack's state in `.pulumi/stacks/<project>/<stack>.json`, or `.json.gz` where
PULUMI_DIY_BACKEND_GZIP is set, of which it reads the newer (pkg/backend/diy of 3.274); S3 user guide, "Restoring
previous versions": a copy of a version becomes the newest one, and nothing is lost.
"""
# boto3-stubs are installed for some services alone, and boto3.client is typed for all.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pydantic
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from common.aws import CONFIG, DENIED, code_of, explain
from common.errors import CannotRunError, FleetError, UnknownError
from common.pulumi import runner
from common.pulumi.exported_state import StackState
from common.pulumi.exported_state import parse as parse_state
from common.pulumi.locks import locks_of
from common.pulumi.runner import Stack

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime
    from pathlib import Path

    from common.target import Proven

WORKERS = 8
PAGE = 1000
"""How many versions S3 lists at once (S3 API reference, ListObjectVersions)."""

ENDINGS = ("", ".gz")
FORMATS = (3, 4)
"""Of checkpoints that 3.x of the engine writes; 4 names features (sdk/go/common/apitype/core.go)."""


class _Resource(BaseModel):
    urn: str


class _Pending(BaseModel):
    resource: _Resource
    type: str


class _Latest(BaseModel):
    resources: tuple[_Resource, ...] | None = None
    pending_operations: tuple[_Pending, ...] | None = None


class _Checkpoint(BaseModel):
    stack: str
    latest: _Latest | None = None


class _File(BaseModel):
    version: int
    checkpoint: _Checkpoint


@dataclass(frozen=True)
class Content:
    """What one version of the state says."""

    resources: int
    """How many it lists, the engine's own included."""
    pending: tuple[str, ...] = ()
    """The operations that a killed run was at."""
    state: StackState = field(default_factory=lambda: StackState())
    """The same, as the stack's state would be."""


HEAD = ("version", "time", "size", "holds", "pending", "")


@dataclass(frozen=True)
class Version:
    """One version of the state's object."""

    id: str
    key: str
    time: datetime
    size: int
    is_latest: bool
    is_deletion: bool = False
    """It is a delete marker: nothing was there from then on."""
    content: Content | None = None
    why: str = ""
    """Why its content is unknown."""

    @property
    def label(self) -> str:
        """What it holds, in a few words."""
        if self.is_deletion:
            return "deleted"
        return f"{self.content.resources} resources" if self.content else self.why or "unread"

    @property
    def cells(self) -> tuple[str, ...]:
        """What a row shows of it."""
        when = f"{self.time:%Y-%m-%d %H:%M:%S %Z}"
        size = "" if self.is_deletion else f"{self.size} bytes"
        pending = f"pending: {', '.join(self.pending)}" if self.pending else ""
        return (self.id, when, size, self.label, pending, "latest" if self.is_latest else "")

    @property
    def pending(self) -> tuple[str, ...]:
        """The operations that a killed run was at, as far as they are known."""
        return self.content.pending if self.content else ()

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        known = {"resources": self.content.resources, "pending": [*self.content.pending]} if self.content else None
        return {
            "id": self.id,
            "key": self.key,
            "time": self.time.isoformat(),
            "size": self.size,
            "latest": self.is_latest,
            "deleted": self.is_deletion,
            "content": known,
            "unknown": self.why,
        }


@dataclass(frozen=True)
class Restored:
    """What a restore did, or would do."""

    version: Version
    before: Version
    """What was the newest version before."""
    is_needed: bool
    """Whether the newest version differs from the one that is wanted."""
    new_id: str = ""
    """The id of the newest version then."""


class History:
    """The versions of one stack's state."""

    def __init__(self, folder: Path, stack: str) -> None:
        """Of the backend that the environment names. Raises FleetError: that keeps no versions, or is not named."""
        self.project, url = runner.project_name(folder), runner.backend()
        self.folder, self.stack = folder, stack
        scheme, self.bucket, path, query, _ = urlsplit(url)
        self._path = f".pulumi/stacks/{self.project}/{stack}.json"
        if scheme == "file":
            raise CannotRunError(f"{url} keeps no versions: the state before the last change is {self._path}.bak there")
        if scheme != "s3":
            raise CannotRunError(f"{runner.BACKEND_VARIABLE} is {url}: versions are read from s3:// backends only")
        self.key = f"{path.strip('/')}/{self._path}".lstrip("/")
        region, endpoint = (parse_qs(query).get(name, [None])[0] for name in ("region", "endpoint"))
        self._s3: Any = boto3.client("s3", region_name=region, endpoint_url=endpoint, config=CONFIG)

    def versions(self) -> list[Version]:
        """List them, the newest first, without their content.

        Raises:
            UnknownError: S3 does not say.
        """
        found: list[Version] = []
        with _said("s3:ListBucketVersions", f"s3://{self.bucket}"):
            pages = self._s3.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.key, PaginationConfig={"PageSize": PAGE}):
                for name, is_deletion in (("Versions", False), ("DeleteMarkers", True)):
                    found += [_version(each, is_deletion=is_deletion) for each in page.get(name, ())]
        keys = {f"{self.key}{ending}" for ending in ENDINGS}
        ours = [each for each in found if each.key in keys]
        return sorted(ours, key=lambda each: (each.time, each.is_latest), reverse=True)

    def read(self, versions: list[Version]) -> list[Version]:
        """The same with their content; one that is not a state of this stack says why."""
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(self._read, versions))

    def restore(self, version_id: str, proven: Proven | None = None) -> Restored:
        """Make an earlier version the newest.

        Args:
            version_id: as `versions` gives it.
            proven: of the cluster that the version is of; None: only look whether it can be done.

        Raises:
            FleetError: there is no such version, it is not a state of this stack, or somebody is at work on the stack.
            UnknownError: S3 does not say.
        """
        versions = self.versions()
        wanted = next((each for each in versions if each.id == version_id), None)
        if wanted is None:
            raise CannotRunError(f"s3://{self.bucket}/{self.key} has no version {version_id}: see `teardown history`")
        if wanted.is_deletion:
            raise CannotRunError(f"version {version_id} is a delete marker: choose one that has resources")
        self._refuse_locked()
        body = self._body(wanted)
        wanted = replace(wanted, content=_parsed(body, wanted, self.project, self.stack))
        latest = self._read(versions[0])
        is_same = latest.key == wanted.key and not latest.is_deletion and self._body(latest) == body
        restored = Restored(wanted, latest, is_needed=not is_same)
        if proven is None or is_same:
            return restored
        proven.require(self.stack)
        source = {"Bucket": self.bucket, "Key": wanted.key, "VersionId": wanted.id}
        with _said("s3:PutObject", f"s3://{self.bucket}/{wanted.key}"):
            done = self._s3.copy_object(Bucket=self.bucket, Key=wanted.key, CopySource=source)
        return replace(restored, new_id=str(done.get("VersionId", "")))

    def _refuse_locked(self) -> None:
        try:
            locks = locks_of(Stack(self.folder, self.stack))
        except FleetError as error:
            raise UnknownError(str(error)) from None
        if locks:
            holders = " and ".join(each.holder for each in locks)
            raise FleetError(
                f"{self.stack} is locked by {holders}: wait for that run; if it was killed, free the stack "
                f"(fleet lock --stack {self.stack} --free), and run this again"
            )

    def _read(self, version: Version) -> Version:
        if version.is_deletion:
            return version
        try:
            return replace(version, content=_parsed(self._body(version), version, self.project, self.stack))
        except FleetError as error:
            return replace(version, why=str(error))

    def _body(self, version: Version) -> bytes:
        with _said("s3:GetObjectVersion", f"s3://{self.bucket}/{version.key}"):
            return self._s3.get_object(Bucket=self.bucket, Key=version.key, VersionId=version.id)["Body"].read()


def _version(told: Any, *, is_deletion: bool) -> Version:
    return Version(
        told["VersionId"], told["Key"], told["LastModified"], told.get("Size", 0), told["IsLatest"], is_deletion
    )


def _parsed(body: bytes, version: Version, project: str, stack: str) -> Content:
    """What a version says. Raises FleetError: it is not a state, or another stack's."""
    wrong = f"version {version.id} is not a state that this can read"
    try:
        text = gzip.decompress(body) if version.key.endswith(".gz") else body
        told = _File.model_validate(json.loads(text))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, pydantic.ValidationError) else "it does not parse"
        raise FleetError(f"{wrong}: {why}") from None
    if told.version not in FORMATS:
        raise FleetError(f"{wrong}: its format is {told.version}, not one of {', '.join(map(str, FORMATS))}")
    latest = told.checkpoint.latest or _Latest()
    urns = [each.urn for each in latest.resources or ()]
    pending = [each.resource.urn for each in latest.pending_operations or ()]
    prefix = f"urn:pulumi:{stack}::{project}::"
    named = told.checkpoint.stack.split("/")
    others = [urn for urn in (*urns, *pending) if not urn.startswith(prefix)]
    if named[-1] != stack or (len(named) > 1 and named[-2] != project) or others:
        whose = others[0] if others else told.checkpoint.stack
        raise FleetError(f"version {version.id} is not of {project}/{stack}, but of {whose}")
    kinds = [f"{each.type} {each.resource.urn.rpartition('::')[2]}" for each in latest.pending_operations or ()]
    state = parse_state(json.dumps({"deployment": json.loads(text)["checkpoint"].get("latest") or {}}))
    return Content(len(urns), tuple(kinds), state)


@contextmanager
def _said(action: str, where: str) -> Generator[None]:
    """S3's refusals within as UnknownError: a call's name is not always that of its permission."""
    try:
        yield
    except ClientError as error:
        if code_of(error) in DENIED:
            raise UnknownError(f"{where}: {code_of(error)}: the credentials lack {action}") from None
        raise UnknownError(f"{where}: {explain(error)}") from None
    except BotoCoreError as error:
        raise UnknownError(f"{where}: S3 cannot be asked: {' '.join(str(error).split())}") from None
