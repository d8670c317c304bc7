"""AWS's clients, and what it means when a call fails: unknown, which is not none."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from common.errors import FleetError, UnknownError
from common.text import clean

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure"})
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId"})

PREFIXES = {"elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
"""boto3's service → the prefix of IAM actions, where they differ."""

SIGNED = {"tagging": "tag"}
"""The service that a request is signed for → the prefix of IAM actions, where they differ."""

ACTION = "Action"
"""Where an error's metadata has the IAM action of the call that failed: see `_note_action`."""

PAGE = (b"<!doctype", b"<html")

UNREADABLE = (ResponseParserError, KeyError, IndexError, TypeError, AttributeError, ValueError)
"""What an answer ends in that is none of AWS: botocore cannot parse it, or parses it and what must be there is not."""

CONFIG = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)
"""Three attempts with backoff (AWS SDKs reference, retry behavior); AWS_MAX_ATTEMPTS changes it."""


READS = ("BatchGet", "Describe", "Get", "Head", "List")
"""How the operations begin that change nothing: the only ones that are sent before account and cluster are proven."""


class Aws:
    """The clients of one region. They read; those that write come from `common.target`. Safe for threads."""

    is_proven = False

    def __init__(self, region: str, session: boto3.Session | None = None) -> None:
        """Connect at the first call.

        Args:
            region: of the clients.
            session: has the credentials; None: those of the environment.
        """
        self.region = region
        self.session = session or boto3.Session(region_name=region)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """boto3's client of a service."""
        with self._lock:
            if service not in self._clients:
                made = self._made(service)
                made.meta.events.register("after-call", _note_action)
                if not self.is_proven:
                    made.meta.events.register("before-call", _refuse_write)
                self._clients[service] = made
            return self._clients[service]

    def _made(self, service: str) -> Any:
        return self.session.client(service, region_name=self.region, config=CONFIG)  # pyright: ignore[reportUnknownMemberType, reportCallIssue, reportArgumentType, reportUnknownVariableType]

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
        """What an operation lists under a key, page by page, whole or not at all.

        Raises:
            UnknownError: any page is missing.
        """
        client = self.client(service)
        with said(service, operation):
            found: list[Any] = []
            if client.can_paginate(operation):
                for page in client.get_paginator(operation).paginate(**parameters):
                    found += page[key]
            else:
                found += getattr(client, operation)(**parameters)[key]
        yield from found


def _note_action(http_response: Any, parsed: dict[str, Any], model: Any, **_: object) -> None:
    """Write the IAM action of a call into its answer, from which botocore makes the error.

    Raises:
        ResponseParserError: a page came in place of an answer, of which botocore reads nothing (DeleteLogGroup).
    """
    if http_response.status_code < 300 and http_response.content.lstrip()[:9].lower().startswith(PAGE):
        raise ResponseParserError(f"a page in HTML: {http_response.content[:100]!r}")
    service = model.service_model.signing_name
    parsed.setdefault("ResponseMetadata", {})[ACTION] = f"{SIGNED.get(service, service)}:{model.name}"


def _refuse_write(model: Any, **_more: Any) -> None:
    """Botocore's event before a request is sent. Raises FleetError: the operation would change something."""
    if not model.name.startswith(READS):
        raise FleetError(f"{model.name} was not sent: account, region and cluster are not proven yet")


@contextmanager
def said(service: str, operation: str) -> Generator[None]:
    """AWS's refusals within as UnknownError, with the permission that is missing where it is one."""
    action = f"{PREFIXES.get(service, service)}:{''.join(part.capitalize() for part in operation.split('_'))}"
    with answered(f"{action}: "):
        yield


@contextmanager
def answered(what: str = "") -> Generator[None]:
    """Turn whatever a call to AWS ends in, or the reading of its answer, into UnknownError.

    Args:
        what: begins the message.
    """
    try:
        yield
    except ClientError as error:
        raise UnknownError(f"{what}{explain(error)}") from None
    except BotoCoreError as error:
        raise UnknownError(f"{what}AWS cannot be asked: {clean(error)}") from None
    except UNREADABLE as error:
        why = clean(f"{type(error).__name__}: {error}")
        raise UnknownError(f"{what}the answer cannot be read, perhaps it is a proxy's: {why}") from None


def code_of(error: ClientError) -> str:
    """AWS's error code."""
    return str(error.response.get("Error", {}).get("Code", ""))


def action_of(error: ClientError) -> str:
    """The IAM action of the call that failed, such as ec2:RevokeSecurityGroupIngress."""
    metadata: Any = error.response.get("ResponseMetadata", {})
    return str(metadata.get(ACTION) or error.operation_name)


def explain(error: ClientError) -> str:
    """What a refusal means to a person."""
    code, message = clean(code_of(error)), clean(error.response.get("Error", {}).get("Message", ""))
    if code in DENIED:
        return f"{code}: the credentials lack {action_of(error)} (fleet teardown policy says what is needed)"
    if code in EXPIRED:
        return f"{code}: the credentials have expired: get new ones, and run this again"
    if code.isdecimal():
        return f"HTTP {code}, which is not an answer of AWS, but perhaps a proxy's: {message}"
    return f"{code}: {message}"


def account_of(aws: Aws) -> str:
    """The account that the credentials are of. Raises UnknownError."""
    with said("sts", "get_caller_identity"):
        return aws.client("sts").get_caller_identity()["Account"]
