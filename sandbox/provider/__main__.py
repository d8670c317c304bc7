"""`python -m sandbox.provider [ENGINE_ADDRESS]`: the plugin's process. Its first line of output is its port."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from .protocol import services
from .service import Provider

_MESSAGE_BYTES = 400 * 1024 * 1024  # as Pulumi's SDKs
_WORKERS = 64
_GRACE_SECONDS = 1.0
_LOOK_SECONDS = 1.0


def serve(engine: str = "") -> tuple[grpc.Server, int]:
    """A started server and its port, on loopback; `engine`: where the engine takes log lines."""
    server = grpc.server(  # pyright: ignore[reportUnknownMemberType] - partly typed stubs
        ThreadPoolExecutor(_WORKERS, thread_name_prefix="provider"),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ],
    )
    services.add_ResourceProviderServicer_to_server(Provider(engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main() -> None:
    """Serve until the engine's signal, or until the engine is gone: killed, it sends none."""
    engine, ended = os.getppid(), threading.Event()

    def end(_number: int, _frame: object) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server, port = serve(sys.argv[1] if len(sys.argv) > 1 else "")
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not ended.wait(_LOOK_SECONDS) and os.getppid() == engine:
        pass
    server.stop(_GRACE_SECONDS).wait()


if __name__ == "__main__":
    main()
