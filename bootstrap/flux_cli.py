"""The flux CLI: found, of the right version, run; and the files that it writes to Git.

Source: flux2, cmd/flux (flags, output, exit codes), pkg/manifestgen/sync (gotk-sync.yaml).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.flux_settings import NAMESPACE
from common.errors import CannotRunError, FleetError
from common.world import in_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bootstrap.flux_settings import Settings

SANDBOX_CLI = "INFRA_FLEET_FLUX"
"""What stands for the CLI in the sandbox, which alone sets it."""

RACES = re.compile(
    r"non-fast-forward|fetch first|reference already exists|failed to update ref|cannot lock ref", re.IGNORECASE
)
PROTECTED = re.compile(r"GH006|protected branch|GH013", re.IGNORECASE)
ATTEMPTS = 4
"""How often a push that lost a race is run again."""


@dataclass(frozen=True)
class Cli:
    """A flux CLI."""

    path: str
    version: str

    @property
    def name(self) -> str:
        """Which one it is, as a person is told."""
        return f"{os.path.basename(self.path)} {self.version}"  # noqa: PTH119


def find(settings: Settings) -> Cli:
    """The CLI.

    Raises:
        FleetError: there is none, or it is not of the components' version.
    """
    path = (os.environ.get(SANDBOX_CLI) if in_sandbox() else None) or shutil.which("flux")
    install = f"curl -s https://fluxcd.io/install.sh | FLUX_VERSION={settings.version} bash"
    if path is None:
        raise CannotRunError(f"flux is not on PATH: install {settings.version} (mise install, or {install})")
    done = subprocess.run(  # noqa: S603 the user's own
        [path, "version", "--client"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    found = re.search(r"v(\d+\.\d+\.\d+\S*)", done.stdout)
    if done.returncode != 0 or found is None:
        said = " ".join((done.stderr or done.stdout).split())
        raise CannotRunError(f"{path} does not say its version: {said}")
    if found[1] != settings.version:
        raise CannotRunError(
            f"{path} is of version {found[1]}, and the components are to be {settings.version}: both must be one "
            f"(mise install, or {install})"
        )
    return Cli(path, found[1])


def bootstrap(cli: Cli, settings: Settings, *, token: str, kubeconfig: Path, say: Callable[[str], None]) -> None:
    """Run `flux bootstrap github`, again if a push lost a race.

    Args:
        cli: the CLI.
        settings: what it is told.
        token: goes to it by its environment.
        kubeconfig: likewise.
        say: takes what it says, a line each.

    Raises:
        FleetError: it fails; its last complaint is told.
    """
    command = [
        *(cli.path, "bootstrap", "github", f"--owner={settings.owner}", f"--repository={settings.name}"),
        *(f"--branch={settings.branch}", f"--path={settings.path}", f"--hostname={settings.hostname}"),
        *_components(settings),
        "--token-auth",
        f"--timeout={settings.deadlines.flux:g}s",
        *((f"--ca-file={settings.ca_file}",) if settings.ca_file else ()),
    ]
    environment = {**os.environ, "GITHUB_TOKEN": token, "KUBECONFIG": str(kubeconfig)}
    for attempt in range(1, ATTEMPTS + 1):
        code, lines = _run(command, environment, say)
        if code == 0:
            return
        complaint = _complaint(lines)
        if RACES.search(complaint) and attempt < ATTEMPTS:
            say(f"somebody else pushed to {settings.branch} meanwhile: once more")
            continue
        if PROTECTED.search(complaint):
            raise FleetError(
                f"{settings.branch} is protected and flux has files to push: `fleet bootstrap render` writes them "
                f"for a pull request, after which the bootstrap pushes nothing ({complaint})"
            )
        raise FleetError(f"flux bootstrap failed: {complaint}")


def render(cli: Cli, settings: Settings) -> dict[str, str]:
    """The gotk files, exactly as flux bootstrap would commit them, by path in the repository.

    Raises:
        FleetError: flux does not give them.
    """
    done = subprocess.run(  # noqa: S603 our own arguments
        [cli.path, "install", "--export", *_components(settings)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise FleetError(f"flux install --export failed: {_complaint(done.stderr.splitlines())}")
    files = {"gotk-components.yaml": done.stdout, "gotk-sync.yaml": sync(settings)}
    return {f"{settings.folder}/{name}": content for name, content in files.items()}


def sync(settings: Settings) -> str:
    """gotk-sync.yaml: the GitRepository, and the Kustomization that it all begins with."""
    return f"""# This manifest was generated by flux. DO NOT EDIT.
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: {NAMESPACE}
  namespace: {NAMESPACE}
spec:
  interval: 1m0s
  ref:
    branch: {settings.branch}
  secretRef:
    name: {NAMESPACE}
  url: https://{settings.hostname}/{settings.repository}.git
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {NAMESPACE}
  namespace: {NAMESPACE}
spec:
  interval: 10m0s
  path: ./{settings.path}
  prune: true
  sourceRef:
    kind: GitRepository
    name: {NAMESPACE}
"""


def _components(settings: Settings) -> list[str]:
    extra = [f"--components-extra={','.join(settings.components_extra)}"] if settings.components_extra else []
    return [f"--components={','.join(settings.components)}", *extra, f"--version=v{settings.version}"]


def _run(command: list[str], environment: Mapping[str, str], say: Callable[[str], None]) -> tuple[int, list[str]]:
    """Run to the end in a group of its own, so that our Ctrl-C lets it finish; gives its code and what it said."""
    child = subprocess.Popen(  # noqa: S603
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    lines: list[str] = []
    try:
        for line in child.stdout or ():
            lines.append(line.rstrip())
            say(line.rstrip())
        return child.wait(), lines
    except BaseException:
        child.send_signal(signal.SIGINT)
        child.wait()
        raise


def _complaint(lines: list[str]) -> str:
    """The last thing that it calls a failure."""
    failures = [line.removeprefix("✗").strip() for line in lines if line.startswith("✗")]
    return (failures or [line for line in lines if line.strip()] or ["it said nothing"])[-1]
