"""What a client is told when the embedded account itself fails: an error in the service's format, not a web page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Failure:
    """An HTTP answer."""

    status: HTTPStatus
    headers: list[tuple[str, str]]
    body: bytes


def failure(error: Exception, *, service: str, operation: str, form: bool) -> Failure:
    """501 NotImplemented for a call that is not emulated, else 500 InternalFailure; `form`: the call was a form's."""
    emulated = not isinstance(error, NotImplementedError)
    status = HTTPStatus.INTERNAL_SERVER_ERROR if emulated else HTTPStatus.NOT_IMPLEMENTED
    code = "InternalFailure" if emulated else "NotImplemented"
    what = f"failed: {type(error).__name__}: {error}" if emulated else "is not emulated"
    message = f"{service} {operation} {what} (the embedded account; its log says more)"
    return refusal(code, message, status, service=service, form=form)


def refusal(code: str, message: str, status: HTTPStatus, *, service: str, form: bool) -> Failure:
    """An error as the service would answer it; `form`: the call was a form's."""
    if form or service == "s3":
        fields = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        text = f"<Response><Errors>{fields}</Errors></Response>" if form else fields
        return Failure(status, [("Content-Type", "text/xml")], text.encode())
    if service == "route53":
        fields = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        text = f"<ErrorResponse>{fields}<RequestId>0</RequestId></ErrorResponse>"
        return Failure(status, [("Content-Type", "text/xml")], text.encode())
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
    return Failure(status, headers, json.dumps({"__type": code, "message": message}).encode())
