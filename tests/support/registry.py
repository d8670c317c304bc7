"""A registry as ECR is one: the distribution API behind the tokens, repositories and tags of the embedded account.

moto's ECR has no such API. Blobs and manifests are kept by go-containerregistry's registry; who may push, where to, and
which tags there are is asked of the account at each request.

Sources: OCI distribution specification 1.1; ECR user guide, "Private registry authentication" and "Image tag
mutability".
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
from botocore.exceptions import ClientError
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from sandbox.account.clients import client
from tools.build import ensure
from tools.catalogue import CRANE

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from sandbox.account.process import Account

LONGEST = 60.0
PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<what>manifests|tags|blobs)/(?P<reference>.+)")
KEPT = ("content-type", "content-length", "location", "range", "docker-content-digest", "docker-upload-uuid")
"""The headers of an answer that a client reads."""


@dataclass(frozen=True)
class Front:
    """The WSGI application before the registry."""

    backend: str
    """Its URL."""
    ecr: Any

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """Answer one request."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        given = request.authorization
        if given is None or f"{given.username}:{given.password}" != token(self.ecr):
            challenge = {"WWW-Authenticate": 'Basic realm="ECR",service="ecr.amazonaws.com"'}
            return _refused(401, "UNAUTHORIZED", "Your Authorization Token is invalid.", challenge)
        asked = PATH.fullmatch(request.path)
        if asked is None:
            return self._forward(request)
        repository, what, reference = asked["repository"], asked["what"], asked["reference"]
        try:
            self.ecr.describe_repositories(repositoryNames=[repository])
        except ClientError as error:
            return _refused(404, "NAME_UNKNOWN", str(error))
        if what == "tags":
            return Response(json.dumps({"name": repository, "tags": self._tags(repository)}))
        if what == "manifests" and not reference.startswith("sha256:"):
            return self._tagged(request, repository, reference)
        return self._forward(request)

    def _tagged(self, request: Request, repository: str, tag: str) -> Response:
        """A manifest by its tag: pushed into the account too, and not there once the account has lost it."""
        if request.method != "PUT":
            if tag not in self._tags(repository):
                return _refused(404, "MANIFEST_UNKNOWN", f"Requested image not found: {repository}:{tag}")
            return self._forward(request)
        manifest = request.get_data()
        try:
            self.ecr.put_image(
                repositoryName=repository,
                imageManifest=manifest.decode(),
                imageManifestMediaType=request.headers["Content-Type"],
                imageTag=tag,
            )
        except ClientError as error:
            return _refused(400, "TAG_INVALID", str(error))
        return self._forward(request)

    def _tags(self, repository: str) -> list[str]:
        pages = self.ecr.get_paginator("list_images").paginate(repositoryName=repository)
        return sorted(image["imageTag"] for page in pages for image in page["imageIds"] if "imageTag" in image)

    def _forward(self, request: Request) -> Response:
        headers = {name: value for name, value in request.headers if name not in ("Host", "Authorization")}
        url = f"{self.backend}{request.full_path.removesuffix('?')}"
        answer = httpx2.request(request.method, url, content=request.get_data(), headers=headers, timeout=LONGEST)
        response = Response(answer.content, answer.status_code)
        for name in KEPT:
            if name in answer.headers:
                response.headers[name] = answer.headers[name]
        return response


def token(ecr: Any) -> str:
    """The user and password that the account gives for its registry."""
    (given,) = ecr.get_authorization_token()["authorizationData"]
    return base64.b64decode(given["authorizationToken"]).decode()


def _refused(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps({"errors": [{"code": code, "message": message}]})
    return Response(body, status, headers, content_type="application/json")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Nothing: crane tries TLS first, and each time a line would say so."""


@dataclass(frozen=True)
class Registry:
    """A registry that is served, and crane to push to it."""

    host: str
    ecr: Any
    home: Path
    """Where crane keeps its login."""

    def crane(self, *arguments: str, code: int = 0, text: str = "") -> str:
        """`crane …`; gives what it prints, errors included where it must fail."""
        command = [ensure(CRANE, print), *arguments]
        environment = {"DOCKER_CONFIG": str(self.home), "HOME": str(self.home)}
        done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, timeout=120)
        assert (done.returncode != 0) == (code != 0), done.stdout + done.stderr
        return done.stdout + (done.stderr if code else "")

    def login(self) -> None:
        """As `aws ecr get-login-password | docker login --password-stdin`."""
        user, _, password = token(self.ecr).partition(":")
        self.crane("auth", "login", self.host, "--username", user, "--password-stdin", text=password)

    def push(self, image: str, layer: Path, code: int = 0) -> str:
        """Push an image of one layer, such as load-harness:v1.0.1; gives its reference by digest."""
        return self.crane("append", "--new_layer", str(layer), "--new_tag", f"{self.host}/{image}", code=code)

    def tags(self, repository: str) -> list[str]:
        """As image-reflector-controller scans them."""
        return self.crane("ls", f"{self.host}/{repository}").split()


@contextmanager
def serve(account: Account, folder: Path) -> Generator[Registry]:
    """A registry of an account's ECR on loopback, for as long as the block runs."""
    ecr = client("ecr", endpoint=account.endpoint, region=account.region)
    log = folder / "registry.log"
    with log.open("w") as out:
        command = [ensure(CRANE, print), "registry", "serve", "--address=127.0.0.1:0"]
        backend = subprocess.Popen(command, stdout=out, stderr=out)
    server = None
    try:
        server = make_server("127.0.0.1", 0, Front(_address(log), ecr), threaded=True, request_handler=_Quiet)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Registry(f"127.0.0.1:{server.server_port}", ecr, folder)
    finally:
        if server:
            server.shutdown()
            server.server_close()
        backend.kill()
        backend.wait()


def _address(log: Path) -> str:
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        found = re.search(r"serving on port (\d+)", log.read_text())
        if found:
            return f"http://127.0.0.1:{found[1]}"
        time.sleep(0.05)
    raise AssertionError(f"the registry does not start: {log.read_text()}")
