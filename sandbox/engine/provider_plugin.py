"""The stand-in for pulumi-aws, where the engine looks for the real one."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from sandbox import files
from sandbox.engine.pulumi import module_command, script

if TYPE_CHECKING:
    from sandbox.folder import Folder


def install_plugin(folder: Folder, version: str | None = None) -> None:
    """Put the sandbox's provider into PULUMI_HOME as the plugin of a pulumi-aws: by default the installed one.

    The engine takes no other version for it (SelectCompatiblePlugin in sdk/go/common/workspace/plugins.go).
    """
    version = version or metadata.version("pulumi-aws")
    path = folder.pulumi_home / "plugins" / f"resource-aws-v{version}" / "pulumi-resource-aws"
    files.write(path, script(module_command("sandbox.provider")), executable=True)
