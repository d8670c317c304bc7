"""A record of every call to the account, and one call at a time.

moto iterates over what other threads change; one lock keeps concurrent calls from failing at random.
"""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import time
import traceback
from http import HTTPStatus
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import HTTPException

from sandbox.account.clients import is_own
from sandbox.account.failures import failure
from sandbox.account.faults import NONE, Call

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from sandbox.account.faults import Faults, Rule

UNSIGNED = "unsigned"
UNKNOWN = "unknown"


class Recorder:
    """A WSGI wrapper that writes service, operation and status of each call: as JSON to `record`, as text to stdout.

    `service` is the name in the signature, also the prefix of IAM actions, e.g. `elasticloadbalancing`.
    """

    def __init__(self, application: WSGIApplication, record: Path, faults: Faults) -> None:
        self._application = application
        self._record = record
        self._faults = faults
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one call, once the one before is done."""
        body = _buffer_body(environ)
        service = service_of(environ)
        status = HTTPStatus.INTERNAL_SERVER_ERROR

        def observe(line: str, headers: list[tuple[str, str]], *arguments: Any) -> Any:
            nonlocal status
            status = HTTPStatus(int(line.split(maxsplit=1)[0]))
            return start_response(line, headers, *arguments)

        with self._lock:
            operation = _named(environ, service, body)
            fault = None if is_own(environ.get("HTTP_USER_AGENT", "")) else self._faults.strike(service, operation)
        if fault:
            time.sleep(fault.latency)
        with self._lock:
            try:
                if fault and fault.code != NONE:
                    call = Call(service, operation)
                    return fault.answer(environ, observe, call=call, form=is_form(environ))
                return self._answer(environ, observe, fault)
            except Exception as error:  # noqa: BLE001 -- whatever moto raises is this call's answer
                traceback.print_exception(error)
                failed = failure(error, service=service, operation=operation, form=is_form(environ))
                observe(f"{failed.status.value} {failed.status.phrase}", failed.headers)
                return [failed.body]
            finally:
                self._write(service, operation, status)

    def _answer(self, environ: WSGIEnvironment, observe: Any, fault: Rule | None) -> list[bytes]:
        """The account's answer, bent if a rule asks for it."""
        if not fault or not fault.replaces:
            return list(self._application(environ, observe))
        head: list[tuple[str, list[tuple[str, str]]]] = []

        def keep(line: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            head.append((line, headers))

        answer = fault.bend(b"".join(self._application(environ, keep)))
        line, headers = head[-1]
        others = [(name, value) for name, value in headers if name.lower() != "content-length"]
        observe(line, [*others, ("Content-Length", str(len(answer)))])
        return [answer]

    def _write(self, service: str, operation: str, status: HTTPStatus) -> None:
        print(service, operation, int(status), flush=True)  # noqa: T201 -- stdout is the account's log
        with self._record.open("a", encoding="utf-8") as record:
            record.write(json.dumps({"service": service, "operation": operation, "status": int(status)}) + "\n")


def _buffer_body(environ: WSGIEnvironment) -> bytes:
    """Read the body before anything waits for it, and leave it to be read again."""
    stream = environ["wsgi.input"]
    body = (
        stream.read() if environ.get("wsgi.input_terminated") else stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    )
    environ["wsgi.input"] = BytesIO(body)
    return body


def service_of(environ: WSGIEnvironment) -> str:
    """The service in the credential scope of the signature: `Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`."""
    _, _, scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")
    parts = scope.partition(",")[0].split("/")
    return parts[3] if len(parts) == 5 else UNSIGNED


def is_form(environ: WSGIEnvironment) -> bool:
    """Whether the call is of a service with forms for requests and XML for answers."""
    return environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")


def _named(environ: WSGIEnvironment, service: str, body: bytes) -> str:
    """The operation's name for the record, whose faults are not answers of AWS."""
    try:
        return operation_of(environ, service, body) or UNKNOWN
    except Exception as error:  # noqa: BLE001 -- whatever moto raises, the call goes on
        traceback.print_exception(error)
        return UNKNOWN


def operation_of(environ: WSGIEnvironment, service: str, body: bytes) -> str:
    """The operation's name: in a header, in the form, or by method and path; empty when none is known."""
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return target.rpartition(".")[2]
    if is_form(environ):
        return parse_qs(body.decode()).get("Action", [""])[0]
    if service == UNSIGNED:
        return ""
    try:
        operation, _ = get_service_router(service).match(Request(environ.copy()))
    except (HTTPException, NotImplementedError, UnknownServiceError):
        return ""
    return operation.name
