"""A provider whose one resource type takes until a file appears: its inputs name it, and one that says it has begun."""

# ruff: noqa: N802 - the service names its methods

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct


def path(inputs: Struct, name: str) -> Path:
    return Path(inputs.fields[name].string_value)


class SlowProvider(provider_pb2_grpc.ResourceProviderServicer):
    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(acceptSecrets=True)

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        path(request.properties, "begun").touch()
        while not path(request.properties, "go").exists():
            time.sleep(0.02)
        return provider_pb2.CreateResponse(id="made", properties=request.properties)

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        return Empty()


if __name__ == "__main__":
    ended = threading.Event()
    signal.signal(signal.SIGINT, lambda _number, _frame: ended.set())
    server = grpc.server(ThreadPoolExecutor())  # pyright: ignore[reportUnknownMemberType] grpc-stubs
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(SlowProvider(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)  # noqa: T201 the protocol
    server.start()
    ended.wait()
