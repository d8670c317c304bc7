"""Runs the program under Pulumi's own mocks, and keeps what it asked the engine to register: edges, timeouts and all.

No engine, plugin or account is needed, and nothing is asked of AWS.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.stack import run_pulumi_func

from infra.contract import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pulumi.runtime.proto import resource_pb2

COMPUTED: Mapping[str, Mapping[str, object]] = {
    "aws:ecr/repository:Repository": {"repositoryUrl": "123456789012.dkr.ecr.eu-west-2.amazonaws.com/repository"},
    "aws:kms/key:Key": {"keyId": "key-1"},
    "aws:ec2/eip:Eip": {"allocationId": "eipalloc-1"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
    "aws:eks/nodeGroup:NodeGroup": {"nodeGroupName": "default-1"},
    "aws:eks/cluster:Cluster": {
        "endpoint": "https://cluster.example",
        "certificateAuthority": {"data": "UEVN"},
        "identities": [{"oidcs": [{"issuer": "https://oidc.eks.eu-west-2.amazonaws.com/id/A"}]}],
    },
}
"""What AWS adds to the inputs, where the program reads it. An output that a mock forgets loses its edge silently."""


@dataclass(frozen=True)
class Registration:
    """One RegisterResource request."""

    urn: str
    type: str
    name: str
    custom: bool
    parent: str
    provider: str
    inputs: Mapping[str, Any]
    dependencies: frozenset[str]
    property_dependencies: Mapping[str, frozenset[str]]
    deleted_with: str
    protect: bool
    delete_before_replace: bool
    create_timeout: str
    delete_timeout: str
    imported: str
    ignored: tuple[str, ...]
    replacement_trigger: str
    """The engine replaces a resource whose trigger differs from the state's; empty: it has none."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        return label(self.type, self.name)


@dataclass(frozen=True)
class Recording:
    """What one run of the program registered, and the stack's outputs."""

    registrations: Mapping[str, Registration]
    outputs: Mapping[str, Any]
    warnings: Sequence[str]
    notes: Sequence[str]

    def one(self, kind: str, name: str) -> Registration:
        """The custom resource of a type (its last part) and a logical name."""
        (found,) = (entry for entry in self.all(kind) if entry.name == name)
        return found

    def all(self, kind: str) -> list[Registration]:
        """The custom resources of a type (its last part)."""
        return [entry for entry in self.registrations.values() if entry.custom and entry.type.endswith(f":{kind}")]

    @property
    def waits(self) -> dict[str, frozenset[str]]:
        """The resources of AWS, by label: each with those that it waits for when it is created."""
        ours = {urn: entry for urn, entry in self.registrations.items() if entry.custom and not is_provider(entry.type)}
        return {
            entry.label: frozenset(ours[urn].label for urn in entry.dependencies if urn in ours)
            for entry in ours.values()
        }


def label(kind: str, name: str) -> str:
    """A resource's type without package, and its logical name: `Subnet public-eu-west-2a`."""
    return f"{kind.rsplit(':', 1)[-1]} {name}"


def is_provider(kind: str) -> bool:
    """Whether a resource is not AWS's but the plugin that makes those."""
    return kind.startswith("pulumi:providers:")


class UnknownInvokeError(Exception):
    """The program asked something of AWS, which nothing here answers."""


class _Mocks(mocks.Mocks):
    def __init__(self, *, preview: bool) -> None:
        self._preview = preview

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise UnknownInvokeError(f"{args.token} {args.args}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        computed = {"arn": f"arn:aws:test::123456789012:{args.name}", **COMPUTED.get(args.typ, {})}
        if not args.custom:
            return None, args.inputs
        inputs: dict[Any, Any] = {**args.inputs}
        if args.typ == "aws:eks/cluster:Cluster":
            group = rpc.UNKNOWN if self._preview else "sg-1"
            inputs["vpcConfig"] = {**inputs["vpcConfig"], "clusterSecurityGroupId": group}
        if self._preview:
            return rpc.UNKNOWN, {**dict.fromkeys(computed, rpc.UNKNOWN), **inputs}
        physical = {"name": f"{args.name}-1234567"} if args.typ.startswith("aws:iam/") else {}
        state: dict[Any, Any] = {**physical, **computed, **inputs}
        return f"{args.name}-id", state


class _Monitor(mocks.MockMonitor):
    """Keeps the raw request, which carries what the mocks' arguments leave out."""

    def __init__(self, *, preview: bool) -> None:
        super().__init__(_Mocks(preview=preview))
        self.recorded: dict[str, Registration] = {}
        self.outputs: dict[str, Any] = {}

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802  # the RPC's name
        response = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self.recorded[response.urn] = Registration(
                urn=response.urn,
                type=request.type,
                name=request.name,
                custom=request.custom,
                parent=request.parent,
                provider=request.provider,
                inputs=json_format.MessageToDict(request.object),
                dependencies=frozenset(request.dependencies),
                property_dependencies={
                    key: frozenset(value.urns) for key, value in request.propertyDependencies.items()
                },
                deleted_with=request.deletedWith,
                protect=request.protect,
                delete_before_replace=request.deleteBeforeReplace,
                create_timeout=request.customTimeouts.create,
                delete_timeout=request.customTimeouts.delete,
                imported=request.importId,
                ignored=tuple(request.ignoreChanges),
                replacement_trigger=request.replacement_trigger.string_value,
            )
        return response

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802
        if "::pulumi:pulumi:Stack::" in request.urn:
            self.outputs = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)


class _Log(logging.Handler):
    """Keeps the notes and warnings that the program logs."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.logger = logging.Logger("program")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        (self.warnings if record.levelno > logging.INFO else self.notes).append(record.getMessage())


def engine_config(config: Mapping[str, object], project: str) -> dict[str, str]:
    """Config as the engine hands it over: every value is text, structured ones are JSON."""
    return {f"{project}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def run(
    program: Callable[[], object],
    *,
    config: Mapping[str, object],
    preview: bool,
    project: str = names.PROJECT,
    stack: str = "staging",
) -> Recording:
    """Run a program once, on an event loop and a monitor of its own."""
    monitor = _Monitor(preview=preview)
    logged = _Log()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        mocks.set_mocks(
            monitor.mocks,
            project=project,
            stack=stack,
            preview=preview,
            monitor=monitor,
            logger=logged.logger,
        )
        pulumi.runtime.set_all_config(engine_config(config, project))

        def body() -> None:
            program()

        loop.run_until_complete(run_pulumi_func(body))
        root = settings.get_root_resource()
        outputs = json_format.MessageToDict(
            loop.run_until_complete(rpc.serialize_properties(getattr(root, "outputs", {}), {}))
        )
    finally:
        settings.reset_options()
        pulumi.runtime.set_all_config({})
        loop.close()
        asyncio.set_event_loop(None)
    return Recording(monitor.recorded, outputs, logged.warnings, logged.notes)
