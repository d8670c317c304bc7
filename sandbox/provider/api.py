"""The embedded account's API: botocore clients that know one address, which is on this machine."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from .errors import AwsError
from .shape import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = "sandbox"


@dataclass(frozen=True)
class Api:
    """Calls operations in a region of the account at `endpoint`.

    Credentials come from the environment alone and default to placeholders: the account checks no signatures.
    """

    endpoint: str
    region: str
    _clients: dict[str, Any] = field(default_factory=dict[str, Any])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The response of an operation. Raises AwsError."""
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        method = getattr(self._client(service), xform_name(operation))
        try:
            return cast("dict[str, Any]", method(**plain(dict(parameters))))
        except ClientError as error:
            told = error.response.get("Error", {})
            raise AwsError(operation, told.get("Code", "Unknown"), told.get("Message", "no message")) from error
        except (BotoCoreError, ResponseParserError) as error:
            raise AwsError(operation, type(error).__name__, str(error)) from error

    def account_id(self) -> str:
        """The account that the credentials belong to."""
        return str(self("sts", "GetCallerIdentity", {})["Account"])

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        from sandbox.account.clients import session

        # Creating a client is not safe in threads; using one is.
        with self._lock:
            if service not in self._clients:
                self._clients[service] = session().create_client(
                    service,
                    region_name=self.region,
                    endpoint_url=self.endpoint,
                    aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", _PLACEHOLDER),
                    aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", _PLACEHOLDER),
                    aws_session_token=os.environ.get("AWS_SESSION_TOKEN"),
                    config=Config(
                        retries={"total_max_attempts": 2},
                        max_pool_connections=64,
                        proxies={},
                        # Check has walked them, further than botocore does; and EKS takes an empty role to remove it.
                        parameter_validation=False,
                    ),
                )
            return self._clients[service]
