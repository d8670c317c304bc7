"""A Git host on loopback: what `flux bootstrap github` asks of GitHub's REST API, and git over HTTP with basic auth.

Sources: GitHub REST API, repositories, branches and rules; git-http-backend(1); RFC 3875 (CGI).
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from permanent import github_setup
from sandbox import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from sandbox.cluster.layout import Layout

API = re.compile(r"/api/v3/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)(?P<rest>/.*)?$")
GIT = re.compile(r"/(?P<owner>[^/]+)/(?P<name>[^/]+?)\.git(?P<rest>/.*)$")
PROTECTED = "GH013: Repository rule violations found for {ref}."
MAIN = "main"
RULESET = 1
"""The number of main's."""

TOKEN_LIFE = timedelta(days=90)


@dataclass(frozen=True)
class Switches:
    """What the host does wrong, or slowly: read at each request."""

    protected: bool = False
    """Whether day zero's ruleset is on main."""
    bypass: str = "never"
    """What the ruleset says of the token's owner: `always` lets a push pass; empty: GitHub does not tell."""
    plan: bool = True
    """Whether the owner's plan has rules at all."""
    busy: int = 0
    """How many requests get 429 and are to be made again at once."""
    read_only: bool = False
    """Whether the token lacks the right to push."""
    rejected: bool = False
    """Whether the token is refused, as one that has expired."""
    races: int = 0
    """How many pushes somebody else is faster than: an empty commit goes to main just before."""
    latency: float = 0.0
    """Seconds before each answer."""
    fault: int = 0
    """A status that every request gets."""


def switches(layout: Layout) -> Switches:
    """The host's switches now."""
    if not layout.switches_file.exists():
        return Switches()
    return Switches(**json.loads(layout.switches_file.read_text()))


def switch(layout: Layout, changes: Mapping[str, object]) -> Switches:
    """Change some switches. Raises KeyError with the name of one that there is not."""
    known = {each.name: each.type for each in fields(Switches)}
    for name in changes:
        if name not in known:
            raise KeyError(name)
    changed = replace(switches(layout), **changes)  # pyright: ignore[reportArgumentType]  # named by a person
    files.write(layout.switches_file, json.dumps(asdict(changed)) + "\n")
    return changed


@dataclass(frozen=True)
class GitHost:
    """The WSGI application."""

    layout: Layout

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        now = switches(self.layout)
        time.sleep(now.latency)
        if now.fault:
            return _answer(start_response, now.fault, {"message": "the sandbox was told to fail"})
        if now.busy:
            switch(self.layout, {"busy": now.busy - 1})
            return _answer(start_response, 429, {"message": "Too Many Requests"}, [("Retry-After", "0")])
        path = environ["PATH_INFO"]
        api, git = API.fullmatch(path), GIT.fullmatch(path)
        if api:
            return self._api(environ, start_response, api, now)
        if git:
            return self._git(environ, start_response, git, now)
        return _answer(start_response, 404, {"message": "Not Found"})

    def _api(
        self, environ: WSGIEnvironment, start_response: StartResponse, asked: re.Match[str], now: Switches
    ) -> Iterable[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")[2]
        if now.rejected or given != self._token():
            return _answer(start_response, 401, {"message": "Bad credentials"})
        repository = self._repository(asked)
        if repository is None:
            return _answer(start_response, 404, {"message": "Not Found"})
        file = re.fullmatch(r"/contents/(?P<path>.+)", asked["rest"] or "")
        if file:
            return _file(repository, environ, start_response, file["path"])
        status, said = self._document(asked, repository, now)
        return _answer(start_response, status, said, self._expiration())

    def _document(self, asked: re.Match[str], repository: Path, now: Switches) -> tuple[int, object]:
        """Answer what is not a file's content, with a status."""
        match (asked["rest"] or "").strip("/").split("/"):
            case [""]:
                return 200, {
                    "name": asked["name"],
                    "full_name": f"{asked['owner']}/{asked['name']}",
                    "private": True,
                    "visibility": "private",
                    "default_branch": MAIN,
                    # Of the user: a fine-grained token may do less.
                    "permissions": {"admin": True, "push": True, "pull": True},
                }
            case ["branches", *name] if head := revision(repository, "/".join(name)):
                is_ruled = now.protected and name == [MAIN]  # a ruleset counts, and is no classic protection
                protection = {"enabled": False}
                return 200, {
                    "name": "/".join(name),
                    "commit": {"sha": head},
                    "protected": is_ruled,
                    "protection": protection,
                }
            case ["rules", "branches", *_] if not now.plan:
                return 403, {"message": "Upgrade to GitHub Pro or make this repository public to enable this feature."}
            case ["rules", "branches", *name]:
                rules: Any = github_setup.ruleset()["rules"] if now.protected and name == [MAIN] else []
                return 200, [{**rule, "ruleset_id": RULESET, "ruleset_source_type": "Repository"} for rule in rules]
            case ["rulesets", number] if now.protected and number == str(RULESET):
                bypass = {"current_user_can_bypass": now.bypass} if now.bypass else {}
                return 200, {"id": RULESET, "name": "main", "enforcement": "active", **bypass}
            case ["compare", commits]:
                return _comparison(repository, *commits.split("..."))
            case _:
                return 404, {"message": "Not Found"}

    def _expiration(self) -> list[tuple[str, str]]:
        """When the token expires, as GitHub tells with each answer."""
        expires = datetime.fromtimestamp(self.layout.token_file.stat().st_mtime, UTC) + TOKEN_LIFE
        return [("github-authentication-token-expiration", f"{expires:%Y-%m-%d %H:%M:%S} UTC")]

    def _git(
        self, environ: WSGIEnvironment, start_response: StartResponse, asked: re.Match[str], now: Switches
    ) -> Iterable[bytes]:
        if now.rejected or _password(environ) != self._token():
            challenge = [("WWW-Authenticate", 'Basic realm="GitHub"')]
            return _answer(start_response, 401, {"message": "Bad credentials"}, challenge)
        repository = self._repository(asked)
        if repository is None:
            return _answer(start_response, 404, {"message": "Not Found"})
        pushes = "receive-pack" in f"{asked['rest']} {environ.get('QUERY_STRING', '')}"
        if pushes and now.read_only:
            return _answer(start_response, 403, {"message": "Permission denied: Write access not granted."})
        if environ["REQUEST_METHOD"] == "POST" and pushes and now.races:
            switch(self.layout, {"races": now.races - 1})
            _commit_nothing(repository)
        return self._backend(environ, start_response, now, pushes=pushes)

    def _backend(
        self, environ: WSGIEnvironment, start_response: StartResponse, now: Switches, *, pushes: bool
    ) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or ""
        stream = environ["wsgi.input"]
        body = stream.read(int(length)) if length else stream.read() if environ.get("wsgi.input_terminated") else b""
        variables = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_PROJECT_ROOT": str(self.layout.repositories),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(self.layout.root),
            "REMOTE_USER": "git",
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": environ["REQUEST_METHOD"],
            "PATH_INFO": environ["PATH_INFO"],
            "QUERY_STRING": environ.get("QUERY_STRING", ""),
            "CONTENT_TYPE": environ.get("CONTENT_TYPE", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": environ.get("HTTP_CONTENT_ENCODING", ""),
            "GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""),
            **({"SANDBOX_PROTECTED": "1"} if pushes and now.protected and now.bypass != "always" else {}),
        }
        done = subprocess.run(
            ["git", "http-backend"],  # noqa: S607 the user's git
            env=variables,
            input=body,
            capture_output=True,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [_header(line) for line in head.decode("latin-1").splitlines() if ":" in line]
        status = dict(headers).pop("Status", "200 OK" if done.returncode == 0 else "500 Internal Server Error")
        start_response(status, [(name, value) for name, value in headers if name != "Status"])
        return [content]

    def _repository(self, asked: re.Match[str]) -> Path | None:
        path = self.layout.repositories / asked["owner"] / f"{asked['name']}.git"
        inside = path.resolve().is_relative_to(self.layout.repositories.resolve())
        return path if inside and path.is_dir() else None

    def _token(self) -> str:
        return self.layout.token_file.read_text().strip()


def _file(repository: Path, environ: WSGIEnvironment, start_response: StartResponse, path: str) -> Iterable[bytes]:
    """The raw content of a file at a ref, `main` unless the query names another."""
    ref = dict(parse_qsl(environ.get("QUERY_STRING", ""))).get("ref", "main")
    done = subprocess.run(  # noqa: S603
        ["git", "-C", repository, "cat-file", "blob", f"refs/heads/{ref}:{path}"],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        return _answer(start_response, 404, {"message": "Not Found"})
    headers = [("Content-Type", "application/vnd.github.raw+json; charset=utf-8")]
    start_response("200 OK", [*headers, ("Content-Length", str(len(done.stdout)))])
    return [done.stdout]


def _comparison(repository: Path, base: str, head: str) -> tuple[int, object]:
    """How a commit stands to another one, as GitHub compares them."""

    def has(ancestor: str, commit: str) -> int:
        command = ["git", "-C", str(repository), "merge-base", "--is-ancestor", ancestor, commit]
        return subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603

    if has(base, head) not in (0, 1):
        return 404, {"message": "Not Found"}
    if base == head:
        return 200, {"status": "identical"}
    status = "ahead" if has(base, head) == 0 else "behind" if has(head, base) == 0 else "diverged"
    return 200, {"status": status}


def _commit_nothing(repository: Path) -> None:
    """Put an empty commit on main."""
    identity = ["-c", "user.name=somebody else", "-c", "user.email=somebody@example.com"]
    git = ["git", "-C", str(repository), *identity]
    tree = [*git, "commit-tree", "main^{tree}", "-p", "main", "-m", "Be faster"]
    made = subprocess.run(tree, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    subprocess.run([*git, "update-ref", "refs/heads/main", made], check=True)  # noqa: S603


def revision(repository: Path, branch: str) -> str | None:
    """The commit that a branch of a bare repository is at."""
    done = subprocess.run(  # noqa: S603
        ["git", "-C", repository, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _password(environ: WSGIEnvironment) -> str:
    scheme, _, encoded = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded).decode().partition(":")[2]
    except ValueError:
        return ""


def _answer(
    start_response: StartResponse, status: int, said: object, headers: Iterable[tuple[str, str]] = ()
) -> Iterable[bytes]:
    body = json.dumps(said).encode()
    fixed = [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(f"{status} {'OK' if status == 200 else 'Refused'}", [*fixed, *headers])
    return [body]
