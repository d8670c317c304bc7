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


@cache
def client(service: str, *, endpoint: str, region: str) -> Any:
    """A client of one service at the account's endpoint, e.g. `http://127.0.0.1:4100`."""
    return session().create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",  # noqa: S106 -- a key of no account
        config=Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2}),
    )
