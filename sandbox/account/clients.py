"""boto3 clients of the embedded account that read nothing of the user's AWS settings."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

UNSET = (None, None, None, None)
"""A session variable that neither a file nor the environment sets."""


@cache
def client(service: str, *, endpoint: str, region: str) -> Any:
    """A client of one service at the account's endpoint, e.g. `http://127.0.0.1:4100`."""
    config = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2})
    session: Any = _session()
    return session.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",  # noqa: S106 -- a key of no account
        config=config,
    )


@cache
def _session() -> boto3.Session:
    """One session: it holds the service models, which take long to read."""
    core = botocore.session.Session(
        {
            "profile": UNSET,
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.Session(botocore_session=core)
