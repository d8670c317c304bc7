"""Tools in Go, taken from PATH or built from their pinned modules into a cache that all clones share.

Each tool has a folder with a go.mod and go.sum of its own, because their replaces conflict. What is built depends on
these two, the flags and the Go toolchain alone, and the name of the cache's folder says so: nothing in it belongs to
a clone, and a folder that is there is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from common.errors import CannotRunError
from tools import once

Say = Callable[[str], None]
"""Shows the user one line."""

REPORT = 30.0
"""Seconds between two lines of progress where there is no terminal."""


@dataclass(frozen=True)
class GoTool:
    """A command of a Go module, and how it is built."""

    name: str
    """Its file's name, and what the user knows it by."""
    folder: Path
    """Where its go.mod and go.sum are, and its sources if it is our own."""
    package: str
    """The main package."""
    module: str
    """The module of the package, whose version in go.mod is the tool's."""
    minutes: float
    """About how long a first build takes on 2 cores."""
    why: str
    """What it is needed for, to follow "needed for"."""
    tags: tuple[str, ...] = ()
    ldflags: str = "-s -w"
    """For the linker; {version} stands for the version, such as v1.36.3, {number}, {major}, {minor} for parts of it."""
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Executables to put next to it: file name -> (module, path inside the module)."""
    tell_version: tuple[str, ...] = ()
    """The arguments that make it print its version on the first line; without them none on PATH is looked for."""

    @property
    def version(self) -> str:
        """The module's version in go.mod, such as v3.274.1. Raises FleetError when go.mod has none."""
        go_mod = self.folder / "go.mod"
        pinned = re.search(rf"^\s*(?:require\s+)?{re.escape(self.module)}\s+(v\S+)", go_mod.read_text(), re.MULTILINE)
        if pinned is None:
            raise CannotRunError(f"{go_mod} requires no {self.module}: add it by `go get -tool {self.package}@VERSION`")
        return pinned[1]

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of go build."""
        tags = (f"-tags={','.join(self.tags)}",) if self.tags else ()
        number = self.version.removeprefix("v")
        major, minor, *_ = number.split(".")
        ldflags = self.ldflags.format(version=self.version, number=number, major=major, minor=minor)
        return ("-mod=readonly", "-trimpath", "-buildvcs=false", *tags, f"-ldflags={ldflags}")


def cache() -> Path:
    """The folder of all built tools, ${XDG_CACHE_HOME:-~/.cache}/infra-fleet/tools."""
    return once.cache("tools")


def cache_folder(tool: GoTool) -> Path:
    """The folder of a tool's build: <name>-<version>-<hash of what it is made from>.

    Raises FleetError when Go is missing, or too old for the tool's go.mod.
    """
    made_from = hashlib.sha256()
    module, sums, settings, *code = sources(tool)
    for part in (module, sums, settings, go(tool, "version").encode(), *code):
        made_from.update(hashlib.sha256(part).digest())
    return cache() / f"{tool.name}-{tool.version}-{made_from.hexdigest()[:16]}"


def sources(tool: GoTool) -> tuple[bytes, ...]:
    """What a tool is made from, apart from the Go toolchain: another of it may answer otherwise."""
    return (
        (tool.folder / "go.mod").read_bytes(),
        (tool.folder / "go.sum").read_bytes() if (tool.folder / "go.sum").exists() else b"",
        repr((tool.package, tool.flags, sorted(tool.files.items()))).encode(),
        *(source.read_bytes() for source in sorted(tool.folder.glob("*.go"))),
    )


def find(tool: GoTool, say: Say) -> Path:
    """The path of the tool on PATH if it is of the pinned version, and says so; else of the built one, as `ensure`."""
    return _on_path(tool, say) or ensure(tool, say)


def ensure(tool: GoTool, say: Say) -> Path:
    """The path of the built tool, which is built first if it has to be; its other files are next to it.

    Raises FleetError when Go is missing or too old, or the build fails.
    """
    folder = cache_folder(tool)
    if not folder.exists():
        with once.turn(cache(), f"{tool.name} {tool.version}", say) as lock:
            if not folder.exists():  # else the one we waited for has built it
                _build(tool, folder, lock, say)
    return folder / tool.name


def is_there(tool: GoTool) -> bool:
    """Whether `find` would find the tool without building it. Raises FleetError when Go is missing or too old."""
    return _on_path(tool, lambda _line: None) is not None or cache_folder(tool).exists()


def _on_path(tool: GoTool, say: Say) -> Path | None:
    """The tool on PATH if it is of the pinned version; says which, or why it is not used."""
    path = shutil.which(tool.name) if tool.tell_version else None
    if path is None:
        return None
    told = _told(path, tool.tell_version)
    number = re.escape(tool.version.removeprefix("v"))
    if re.search(rf"(?<![\w.-])v?{number}(?![\w.+-])", told) is None:
        say(f"{path} is not used: it says {told!r}, pinned is {tool.version}")
        return None
    say(f"{tool.name} {tool.version}, from {path}")
    return Path(path)


def _told(path: str, arguments: tuple[str, ...]) -> str:
    """The first line that a program prints, or why there is none."""
    try:
        done = subprocess.run(  # noqa: S603 the user's own
            [path, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return f"{error.strerror}"
    return next(iter(done.stdout.splitlines()), f"nothing, exit code {done.returncode}")


def _build(tool: GoTool, folder: Path, lock: int, say: Say) -> None:
    """Build into the cache's folder for it. The build has the lock too, should we be killed."""
    kept_log = folder.parent / f"{folder.name}.log"
    with once.complete(folder) as partial:
        log = partial / "build.log"
        with log.open("w") as output:
            process = subprocess.Popen(  # noqa: S603 our own flags
                ["go", "build", *tool.flags, "-o", str(partial / tool.name), tool.package],  # noqa: S607 the user's Go
                cwd=tool.folder,
                env=go_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[lock],
                process_group=0,
            )
            try:
                _wait(process, tool, say)
            except BaseException:
                with contextlib.suppress(ProcessLookupError, PermissionError):  # it has just ended; so says macOS
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait()
                raise
        if process.returncode != 0:
            last = (log.read_text().strip().splitlines() or [f"go build ended with {process.returncode}"])[-1]
            log.replace(kept_log)
            raise CannotRunError(f"{tool.name} {tool.version} cannot be built: {last.strip()} (all of it: {kept_log})")
        for name, (module, path) in tool.files.items():
            source = Path(go(tool, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module)) / path
            shutil.copyfile(source, partial / name)
            (partial / name).chmod(0o755)
        log.unlink()
    kept_log.unlink(missing_ok=True)


def _wait(process: subprocess.Popen[bytes], tool: GoTool, say: Say) -> None:
    """Wait for a build to end, and show that it goes on."""
    what = f"building {tool.name} {tool.version}, needed for {tool.why}: about {tool.minutes:g} min, once"
    console = Console(stderr=True)
    started = time.monotonic()

    def elapsed() -> str:
        minutes, seconds = divmod(int(time.monotonic() - started), 60)
        return f"{minutes}:{seconds:02}"

    if console.is_terminal:
        with console.status(what) as status:
            while _runs(process, 1.0):
                status.update(f"{what} ({elapsed()})")
    else:
        say(what)
        while _runs(process, REPORT):
            say(f"still building {tool.name}, {elapsed()} min so far")


def _runs(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process still runs after so many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def go(tool: GoTool, *arguments: str) -> str:
    """What a go command prints in the tool's module. Raises FleetError when Go is missing or refuses."""
    try:
        done = subprocess.run(  # noqa: S603 our own arguments
            ["go", *arguments],  # noqa: S607 the user's Go
            cwd=tool.folder,
            env=go_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise CannotRunError(
            f"{tool.name} {tool.version} is needed for {tool.why}: put Go on PATH to build it, or the tool itself"
        ) from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotRunError(f"{tool.name} {tool.version}: go {arguments[0]} fails: {reason}")
    return done.stdout.strip()


def go_environment() -> dict[str, str]:
    """The user's environment, for the proxy and the toolchain, less what would change the build."""
    ours = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    return {name: value for name, value in os.environ.items() if name not in {"GOOS", "GOARCH"}} | ours
