"""AWS's clients, and what it means when a call fails: unknown, which is not none."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from teardown.errors import TeardownError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure"})
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId"})

PREFIXES = {"elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
"""boto3's service → the prefix of IAM actions, where they differ."""

CONFIG = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)
"""Three attempts with backoff (AWS SDKs reference, retry behavior); AWS_MAX_ATTEMPTS changes it."""


READS = ("Describe", "Get", "Head", "List")
"""How the operations begin that change nothing: the only ones that are sent before account and cluster are proven."""


class Aws:
    """The clients of one region. They read; those that write come from `teardown.proof`. Safe for threads."""

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
                if not self.is_proven:
                    made.meta.events.register("before-call", _refuse_write)
                self._clients[service] = made
            return self._clients[service]

    def _made(self, service: str) -> Any:
        return self.session.client(service, config=CONFIG)  # pyright: ignore[reportUnknownMemberType, reportCallIssue, reportArgumentType, reportUnknownVariableType]

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> Iterator[Any]:
        """What an operation lists under a key, page by page, whole or not at all.

        Raises:
            UnknownError: any page cannot be had.
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


def _refuse_write(model: Any, **_more: Any) -> None:
    """Botocore's event before a request is sent. Raises TeardownError: the operation would change something."""
    if not model.name.startswith(READS):
        raise TeardownError(f"{model.name} was not sent: account, region and cluster are not proven yet")


@contextmanager
def said(service: str, operation: str) -> Generator[None]:
    """AWS's refusals within as UnknownError, with the permission that is missing where it is one."""
    action = f"{PREFIXES.get(service, service)}:{''.join(part.capitalize() for part in operation.split('_'))}"
    try:
        yield
    except ClientError as error:
        raise UnknownError(f"{action}: {explain(error, action)}") from None
    except BotoCoreError as error:
        raise UnknownError(f"{action}: AWS cannot be asked: {' '.join(str(error).split())}") from None
    except (ResponseParserError, KeyError):
        raise UnknownError(f"{action}: the reply is not one of AWS: is a proxy between?") from None


def code_of(error: ClientError) -> str:
    """AWS's error code."""
    return str(error.response.get("Error", {}).get("Code", ""))


def explain(error: ClientError, action: str) -> str:
    """What a refusal means to a person."""
    code, message = code_of(error), " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
    if code in DENIED:
        return f"{code}: the credentials lack {action} (python -m teardown policy says what is needed)"
    if code in EXPIRED:
        return f"{code}: the credentials have expired: get new ones, and run this again"
    return f"{code}: {message}"


def account_of(aws: Aws) -> str:
    """The account that the credentials are of. Raises UnknownError."""
    with said("sts", "get_caller_identity"):
        return aws.client("sts").get_caller_identity()["Account"]
