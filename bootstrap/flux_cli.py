"""The flux CLI: found, of the right version, run; and the files that it writes to Git.

Source: flux2, cmd/flux (flags, output, exit codes), pkg/manifestgen/sync (gotk-sync.yaml).
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml

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
REFUSED = re.compile(
    r"GH006|GH013|protected branch|repository rule violations|pre-receive hook declined", re.IGNORECASE
)
"""What GitHub answers to a push that the rules of the branch refuse (classic protection, rulesets, hooks)."""
INSTEAD_OF_A_PUSH = (
    "`fleet bootstrap render` writes them for a pull request, after which the bootstrap pushes nothing; or let the "
    "token's owner bypass the rules (docs/day-zero.md, step 4)"
)
PR_SET_PDEATHSIG = 1
"""linux/prctl.h."""
ATTEMPTS = 4
"""How often it is run at most."""


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


@dataclass(frozen=True)
class Invocation:
    """What flux is run with."""

    cli: Cli
    settings: Settings
    token: str
    """Goes to it by its environment."""
    kubeconfig: Path
    """Likewise."""
    scratch: Path
    """A folder for its temporary files."""

    def run(self, say: Callable[[str], None], seconds: float) -> tuple[int, str]:
        """Run `flux bootstrap github` to its end; gives its code and its last complaint."""
        settings = self.settings
        command = [
            *(self.cli.path, "bootstrap", "github", f"--owner={settings.owner}", f"--repository={settings.name}"),
            *(f"--branch={settings.branch}", f"--path={settings.path}", f"--hostname={settings.hostname}"),
            *_components(settings),
            "--token-auth",
            f"--timeout={seconds:.0f}s",
            *((f"--ca-file={settings.ca_file}",) if settings.ca_file else ()),
        ]
        mine = {"GITHUB_TOKEN": self.token, "KUBECONFIG": str(self.kubeconfig), "TMPDIR": str(self.scratch)}
        code, lines = _run(command, {**os.environ, **mine}, say)
        return code, _complaint(lines)


def bootstrap(flux: Invocation, say: Callable[[str], None], refreshed: Callable[[float], bool]) -> None:
    """Run `flux bootstrap github`; again if a push lost a race, or what it saw was stale.

    An attempt takes half of the deadline at most: a commit that lands while flux waits for the one before it would
    otherwise take all.

    Args:
        flux: how it is run.
        say: takes what it says, a line each.
        refreshed: has the controllers look again, within so many seconds; gives whether all is well now. Raises
            FleetError with what is wrong now.

    Raises:
        FleetError: it fails; its last complaint is told.
    """
    deadline = flux.settings.deadlines.flux
    end, is_fresh = time.monotonic() + deadline, False
    for attempt in range(1, ATTEMPTS + 1):
        code, complaint = flux.run(say, max(min(deadline / 2, end - time.monotonic()), 1))
        if code == 0:
            return
        left = end - time.monotonic()
        if attempt < ATTEMPTS and left > 0 and RACES.search(complaint):
            say(f"somebody else pushed to {flux.settings.branch} meanwhile: once more")
            continue
        if REFUSED.search(complaint):
            raise FleetError(
                f"{flux.settings.branch} takes no push of this token, and flux has files to push: {INSTEAD_OF_A_PUSH} "
                f"({complaint})"
            )
        if not is_fresh and left > 0 and refreshed(left):
            say(f"what flux saw was from before ({complaint}): once more")
            is_fresh = True
            continue
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
    branch: {_scalar(settings.branch)}
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


def _scalar(text: str) -> str:
    """A string as Go's YAML writes it: plain; in double quotes if it reads as another type, else in single ones."""
    try:
        read: Any = yaml.safe_load(f"- {text}")
    except yaml.YAMLError:
        read = None
    if read == [text]:
        return text
    is_other_type = bool(read) and isinstance(read[0], bool | int | float | date | None)
    return f'"{text}"' if is_other_type and not text.startswith("#") else f"'{text}'"


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
        preexec_fn=_die_with_parent(),  # one call into the kernel, and no other thread of ours runs
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


def _die_with_parent() -> Callable[[], None] | None:
    """What a child calls so that the kernel ends it when we are killed (prctl(2)); None where there is no such call."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded here: a child after fork may load nothing
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _complaint(lines: list[str]) -> str:
    """The last thing that it calls a failure."""
    failures = [line.removeprefix("✗").strip() for line in lines if line.startswith("✗")]
    return (failures or [line for line in lines if line.strip()] or ["it said nothing"])[-1]
