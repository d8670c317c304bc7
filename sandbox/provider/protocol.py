"""The engine's protocol, without the SDK around it.

Importing `pulumi.runtime.proto` runs `pulumi/__init__.py`, which takes longer than all else that this process does
before it answers. The two packages above the protocol are stood in for while it is imported, and left to the SDK.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator


@contextlib.contextmanager
def _bare_packages() -> Generator[None]:
    spec = None if "pulumi" in sys.modules else importlib.util.find_spec("pulumi")
    if spec is None or spec.origin is None:
        yield
        return
    home = Path(spec.origin).parent
    bare = {"pulumi": home, "pulumi.runtime": home / "runtime"}
    for name, folder in bare.items():
        module = ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in bare:
            del sys.modules[name]


def _load(name: str) -> Any:
    return importlib.import_module(f"pulumi.runtime.proto.{name}")


with _bare_packages():
    messages: Any = _load("provider_pb2")
    services: Any = _load("provider_pb2_grpc")
    engine: Any = _load("engine_pb2")
    engines: Any = _load("engine_pb2_grpc")
    plugin: Any = _load("plugin_pb2")
    status: Any = _load("status_pb2")
