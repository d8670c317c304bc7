"""`python -m load_harness.probe`: the container's health check, for engines that have no probes of their own."""

from __future__ import annotations

import http.client
import os
import sys


def main() -> None:
    """End with 0 if the service says that it is alive."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "5000")), timeout=3)
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"/health does not answer: {error}")
    if status != http.HTTPStatus.OK:
        sys.exit(f"/health answers {status}")


if __name__ == "__main__":
    main()
