"""Tools in Go, built from their pinned modules into a cache that all clones share.

Each tool has a folder with a go.mod and go.sum of its own, because their replaces conflict. What is built depends on
these two, the flags and the Go toolchain alone, and the name of the cache's folder says so: nothing in it belongs to
a clone, and a folder that is there is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from sandbox.errors import SandboxError

Say = Callable[[str], None]
"""Shows the user one line."""

REPORT = 30.0
"""Seconds between two lines of progress where there is no terminal."""

PARTIAL = ".partial-"
"""In the name of a folder that a build writes to; one that no running build owns was left by a killed one."""


@dataclass(frozen=True)
class GoTool:
    """A command of a Go module, and how it is built."""

    name: str
    """Its file's name, and what the user knows it by."""
    folder: Path
    """Where its go.mod and go.sum are."""
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
    """For the linker; {version} stands for the version."""
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Executables to put beside it: file name -> (module, path inside the module)."""

    @property
    def version(self) -> str:
        """The module's version in go.mod, such as v3.274.1. Raises SandboxError when go.mod has none."""
        go_mod = self.folder / "go.mod"
        pinned = re.search(rf"^\s*(?:require\s+)?{re.escape(self.module)}\s+(v\S+)", go_mod.read_text(), re.MULTILINE)
        if pinned is None:
            raise SandboxError(f"{go_mod} requires no {self.module}: add it with `go get -tool {self.package}@VERSION`")
        return pinned[1]

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of go build."""
        tags = (f"-tags={','.join(self.tags)}",) if self.tags else ()
        return (
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            *tags,
            f"-ldflags={self.ldflags.format(version=self.version)}",
        )


def cache() -> Path:
    """The folder of all built tools, ${XDG_CACHE_HOME:-~/.cache}/infra-fleet/tools."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infra-fleet" / "tools"


def cache_folder(tool: GoTool) -> Path:
    """The folder of a tool's build: <name>-<version>-<hash of what it is made from>.

    Raises SandboxError when Go is missing, or too old for the tool's go.mod.
    """
    made_from = hashlib.sha256()
    for part in (
        (tool.folder / "go.mod").read_bytes(),
        (tool.folder / "go.sum").read_bytes() if (tool.folder / "go.sum").exists() else b"",
        repr((tool.package, tool.flags, sorted(tool.files.items()))).encode(),
        _go(tool, "version").encode(),
    ):
        made_from.update(hashlib.sha256(part).digest())
    return cache() / f"{tool.name}-{tool.version}-{made_from.hexdigest()[:16]}"


def ensure(tool: GoTool, say: Say) -> Path:
    """The path of the built tool, which is built first if it has to be; its other files are beside it.

    Raises SandboxError when Go is missing or too old, or the build fails.
    """
    folder = cache_folder(tool)
    if not folder.exists():
        with _turn(tool, say) as lock:
            if not folder.exists():  # else the one we waited for has built it
                _build(tool, folder, lock, say)
    return folder / tool.name


@contextlib.contextmanager
def _turn(tool: GoTool, say: Say) -> Generator[int]:
    """Hold the lock under which one tool is built at a time; yields its descriptor.

    The kernel frees it when all who have the descriptor have ended, in whatever way.
    """
    try:
        cache().mkdir(parents=True, exist_ok=True)
        file = (cache() / "build.lock").open("a+")
    except OSError as error:
        raise SandboxError(f"{cache()} cannot be written ({error.strerror}): set XDG_CACHE_HOME to another") from None
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            say(f"{tool.name} {tool.version}: waiting for {lock.read() or 'another process'}, one build runs at a time")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, which builds {tool.name} {tool.version}")
        lock.flush()
        for leftover in cache().glob(f"*{PARTIAL}*"):
            shutil.rmtree(leftover)
        yield lock.fileno()


def _build(tool: GoTool, folder: Path, lock: int, say: Say) -> None:
    """Build into a folder beside `folder`, then rename it. The build has the lock too, should we be killed."""
    kept_log = folder.parent / f"{folder.name}.log"
    partial = Path(tempfile.mkdtemp(prefix=folder.name + PARTIAL, dir=folder.parent))
    log = partial / "build.log"
    try:
        with log.open("w") as output:
            go = subprocess.Popen(  # noqa: S603 our own flags
                ["go", "build", *tool.flags, "-o", str(partial / tool.name), tool.package],  # noqa: S607 the user's Go
                cwd=tool.folder,
                env=_go_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[lock],
                process_group=0,
            )
            try:
                _wait(go, tool, say)
            except BaseException:
                with contextlib.suppress(ProcessLookupError, PermissionError):  # it has just ended; so says macOS
                    os.killpg(go.pid, signal.SIGTERM)
                go.wait()
                raise
        if go.returncode != 0:
            last = (log.read_text().strip().splitlines() or [f"go build ended with {go.returncode}"])[-1]
            log.replace(kept_log)
            raise SandboxError(f"{tool.name} {tool.version} cannot be built: {last.strip()} (all of it: {kept_log})")
        for name, (module, path) in tool.files.items():
            source = Path(_go(tool, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module)) / path
            shutil.copyfile(source, partial / name)
            (partial / name).chmod(0o755)
        log.unlink()
        partial.chmod(0o755)
        partial.rename(folder)
        kept_log.unlink(missing_ok=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _wait(go: subprocess.Popen[bytes], tool: GoTool, say: Say) -> None:
    """Wait for a build to end, and show that it goes on."""
    what = f"building {tool.name} {tool.version}, needed for {tool.why}: about {tool.minutes:g} min, once"
    console = Console(stderr=True)
    started = time.monotonic()

    def elapsed() -> str:
        minutes, seconds = divmod(int(time.monotonic() - started), 60)
        return f"{minutes}:{seconds:02}"

    if console.is_terminal:
        with console.status(what) as status:
            while _runs(go, 1.0):
                status.update(f"{what} ({elapsed()})")
    else:
        say(what)
        while _runs(go, REPORT):
            say(f"still building {tool.name}, {elapsed()} min so far")


def _runs(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process still runs after so many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _go(tool: GoTool, *arguments: str) -> str:
    """What a go command prints in the tool's module. Raises SandboxError when Go is missing or refuses."""
    try:
        done = subprocess.run(  # noqa: S603 our own arguments
            ["go", *arguments],  # noqa: S607 the user's Go
            cwd=tool.folder,
            env=_go_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise SandboxError(
            f"{tool.name} {tool.version} is needed for {tool.why}: put Go on PATH to build it, or the tool itself"
        ) from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SandboxError(f"{tool.name} {tool.version}: go {arguments[0]} fails: {reason}")
    return done.stdout.strip()


def _go_environment() -> dict[str, str]:
    """The user's environment, for the proxy and the toolchain, less what would change the build."""
    ours = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    return {name: value for name, value in os.environ.items() if name not in {"GOOS", "GOARCH"}} | ours
