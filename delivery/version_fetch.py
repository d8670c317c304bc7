"""What somebody else's server sends, within limits: time, size, hops; and nothing but what was asked for."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import httpx2
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from common.errors import UnknownError
from common.text import clean

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

T = TypeVar("T")

LARGEST = 50 * 2**20
"""Bytes of an answer: as large an index as Flux's source-controller takes (--helm-index-max-size)."""

HOPS = 5
"""Redirects."""

AGENT = "infra-fleet (fleet versions)"


class Foreign(BaseModel):
    """A part of an answer: what else is in it is left alone, and what is wrong with it is not quoted."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True)
class Limits:
    """How long and how much one answer may be.

    Attributes:
        connect: seconds until somebody answers.
        read: seconds between two parts of an answer.
        whole: seconds for all of it.
        size: bytes.
    """

    connect: float = 5.0
    read: float = 15.0
    whole: float = 60.0
    size: int = LARGEST


@dataclass(frozen=True)
class Answer:
    """What came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Web:
    """Asks servers."""

    limits: Limits = Limits()

    def get(self, url: str, headers: Mapping[str, str] | None = None, *, allowed: tuple[int, ...] = ()) -> Answer:
        """Fetch a URL. Raises UnknownError: no answer, one that is too long, an error other than `allowed`, a page."""
        with _answered(url), self._client() as client, client.stream("GET", url, headers=dict(headers or {})) as found:
            if url.startswith("https:") and any(each.url.scheme != "https" for each in (*found.history, found)):
                raise UnknownError(f"{url}: it leads to a server without TLS")
            answer = Answer(found.status_code, found.headers, self._body(url, found))
        if answer.status != 200 and answer.status not in allowed:
            raise UnknownError(f"{url}: HTTP {answer.status}")
        if answer.status == 200 and answer.body.lstrip()[:1] == b"<":
            raise UnknownError(f"{url}: a page in HTML instead of an answer, perhaps a proxy's")
        return answer

    def _client(self) -> httpx2.Client:
        timeout = httpx2.Timeout(self.limits.read, connect=self.limits.connect)
        return httpx2.Client(
            timeout=timeout, follow_redirects=True, max_redirects=HOPS, headers={"User-Agent": AGENT, "Accept": "*/*"}
        )

    def _body(self, url: str, found: httpx2.Response) -> bytes:
        until, body = time.monotonic() + self.limits.whole, bytearray()
        for part in found.iter_bytes():
            body += part
            if len(body) > self.limits.size:
                raise UnknownError(f"{url}: more than {self.limits.size} bytes")
            if time.monotonic() > until:
                raise UnknownError(f"{url}: not all of it came within {self.limits.whole:g} s")
        return bytes(body)


@contextmanager
def _answered(url: str) -> Generator[None]:
    try:
        yield
    except httpx2.TimeoutException:
        raise UnknownError(f"{url}: timed out") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError, ValueError) as error:
        raise UnknownError(f"{url}: {clean(error) or type(error).__name__}") from None


def parsed(url: str, form: TypeAdapter[T], document: object, *, is_json: bool = False) -> T:
    """Read a document, or JSON text, in a form. Raises UnknownError: it is of another, with where that shows."""
    try:
        if is_json and isinstance(document, bytes):
            return form.validate_json(document)
        return form.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UnknownError(f"{url}: {clean(where)}: {clean(first['msg'])}") from None


def next_link(headers: Mapping[str, str]) -> str:
    """The target of `rel="next"` in the header Link, or an empty text (RFC 8288)."""
    found = re.search(r'<([^<>]*)>\s*;[^,]*\brel="?next\b', headers.get("link", ""))
    return found[1] if found else ""


def challenge(headers: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a Bearer challenge, or none (RFC 6750)."""
    scheme, _, rest = headers.get("www-authenticate", "").partition(" ")
    return dict(re.findall(r'(\w+)="([^"]*)"', rest)) if scheme.lower() == "bearer" else {}
