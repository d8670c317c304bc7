"""botocore clients that read nothing of the user's AWS settings."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session


@cache
def session() -> Session:
    """One session for the process: it holds the service models, which take long to read."""
    unset = (None, None, None, None)
    return Session(
        {
            "profile": unset,
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )


OWN = "infra-fleet-sandbox"
"""The application id of the sandbox's own calls, which faults let pass."""

APPLICATION_VARIABLE = "AWS_SDK_UA_APP_ID"
"""Where every AWS SDK reads its application id (AWS SDKs and Tools reference, "Application ID")."""


@cache
def client(service: str, *, endpoint: str, region: str) -> Any:
    """A client of one service at the account's endpoint, e.g. `http://127.0.0.1:4100`."""
    return _client(service, endpoint, region)


@cache
def own_client(service: str, *, endpoint: str, region: str) -> Any:
    """The same for the sandbox's own preparation and for what only looks: no fault hits its calls."""
    return _client(service, endpoint, region, OWN)


def is_own(user_agent: str) -> bool:
    """Whether a User-Agent header is of the sandbox's own calls: SDKs write the application id as `app/<id>`."""
    return f"app/{OWN}" in user_agent.split()


def _client(service: str, endpoint: str, region: str, application: str | None = None) -> Any:
    options: dict[str, Any] = {"user_agent_appid": application}  # botocore's stubs lack it
    return session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",  # noqa: S106 -- a key of no account
        config=Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2}, **options),
    )
