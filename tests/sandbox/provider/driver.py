"""What the engine does with a provider, for tests: the same calls in the same order, over a real connection."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# The generated protocol has no types.

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from sandbox.provider import values
from sandbox.provider.__main__ import serve
from sandbox.provider.protocol import messages, services

if TYPE_CHECKING:
    from collections.abc import Generator

Properties = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A resource in the state: its type, name, id, inputs and outputs."""

    type: str
    name: str
    id: str
    inputs: Properties
    outputs: Properties

    def __getitem__(self, name: str) -> Any:
        return self.outputs[name]


@dataclass(frozen=True)
class Differ:
    """The provider's answer to Diff."""

    kinds: dict[str, str]
    replaces: list[str]
    delete_before_replace: bool


class RefusedError(Exception):
    """The provider's failures in Check: path to reason."""

    def __init__(self, failures: dict[str, str]) -> None:
        super().__init__(str(failures))
        self.failures = failures


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:test::project::{token}::{name}"


class Driver:
    def __init__(self, stub: Any) -> None:
        self.stub = stub

    @classmethod
    @contextmanager
    def started(cls) -> Generator[Driver]:
        server, port = serve()
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        try:
            yield cls(services.ResourceProviderStub(channel))
        finally:
            channel.close()
            server.stop(None).wait()

    def configure(self, **config: Any) -> None:
        arguments = {name: each if isinstance(each, str) else json.dumps(each) for name, each in config.items()}
        self.stub.Configure(messages.ConfigureRequest(args=values.encode(arguments)))

    def check(self, token: str, name: str, inputs: Properties, olds: Properties | None = None) -> Properties:
        response = self.stub.Check(
            messages.CheckRequest(
                urn=urn(token, name),
                news=values.encode(inputs),
                olds=values.encode(olds or {}),
                randomSeed=secrets.token_bytes(),
            )
        )
        if response.failures:
            raise RefusedError(dict(each.reason.split(": ", 1) for each in response.failures))
        return values.decode(response.inputs)

    def preview(self, token: str, name: str, inputs: Properties) -> Properties:
        checked = self.check(token, name, inputs)
        request = messages.CreateRequest(urn=urn(token, name), properties=values.encode(checked), preview=True)
        return values.decode(self.stub.Create(request).properties)

    def create(self, token: str, name: str, inputs: Properties) -> Made:
        checked = self.check(token, name, inputs)
        request = messages.CreateRequest(urn=urn(token, name), properties=values.encode(checked))
        response = self.stub.Create(request)
        return Made(token, name, response.id, checked, values.decode(response.properties))

    def diff(self, made: Made, inputs: Properties) -> Differ:
        response = self.stub.Diff(
            messages.DiffRequest(
                id=made.id,
                urn=urn(made.type, made.name),
                olds=values.encode(made.outputs),
                old_inputs=values.encode(made.inputs),
                news=values.encode(self.check(made.type, made.name, inputs, made.inputs)),
            )
        )
        kind = messages.PropertyDiff.Kind
        differ = Differ(
            {path: kind.Name(each.kind) for path, each in response.detailedDiff.items()},
            list(response.replaces),
            response.deleteBeforeReplace,
        )
        some = response.changes == messages.DiffResponse.DIFF_SOME
        assert some == bool(differ.kinds)
        return differ

    def update(self, made: Made, inputs: Properties) -> Made:
        checked = self.check(made.type, made.name, inputs, made.inputs)
        outputs = self._update(made, checked, preview=False)
        return Made(made.type, made.name, made.id, checked, outputs)

    def preview_update(self, made: Made, inputs: Properties) -> Properties:
        return self._update(made, self.check(made.type, made.name, inputs, made.inputs), preview=True)

    def _update(self, made: Made, checked: Properties, *, preview: bool) -> Properties:
        response = self.stub.Update(
            messages.UpdateRequest(
                id=made.id,
                urn=urn(made.type, made.name),
                olds=values.encode(made.outputs),
                old_inputs=values.encode(made.inputs),
                news=values.encode(checked),
                preview=preview,
            )
        )
        return values.decode(response.properties)

    def refresh(self, made: Made) -> Made | None:
        response = self.stub.Read(
            messages.ReadRequest(
                id=made.id,
                urn=urn(made.type, made.name),
                properties=values.encode(made.outputs),
                inputs=values.encode(made.inputs),
            )
        )
        return _read(made.type, made.name, response)

    def import_(self, token: str, name: str, resource_id: str) -> Made | None:
        return _read(token, name, self.stub.Read(messages.ReadRequest(id=resource_id, urn=urn(token, name))))

    def delete(self, made: Made) -> None:
        self.stub.Delete(
            messages.DeleteRequest(
                id=made.id,
                urn=urn(made.type, made.name),
                properties=values.encode(made.outputs),
                old_inputs=values.encode(made.inputs),
            )
        )


def _read(token: str, name: str, response: Any) -> Made | None:
    if not response.id:
        return None
    return Made(token, name, response.id, values.decode(response.inputs), values.decode(response.properties))
