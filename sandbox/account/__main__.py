"""`python -m sandbox.account`: serve the embedded account until it is ended. Started by `process.ensure`."""

from __future__ import annotations

import argparse
from pathlib import Path

from sandbox.account.process import ControlPlane
from sandbox.account.server import Descriptors, serve
from sandbox.folder import Folder


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.account", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the sandbox folder that the account belongs to")
    parser.add_argument("--account-id", required=True, help="the account's id, 12 digits")
    parser.add_argument("--region", required=True, help="the region of the stack")
    parser.add_argument("--ready", type=int, required=True, help="file descriptor that gets a line when it answers")
    parser.add_argument(
        "--lock", type=int, required=True, help="file descriptor of the start's lock, closed when it answers"
    )
    parser.add_argument("--api-server", help="where the API server behind the first EKS cluster listens")
    parser.add_argument("--api-server-ca", type=Path, help="the file with its CA (PEM)")
    return parser.parse_args()


def main() -> None:
    """Serve. The environment is without the user's AWS settings already."""
    arguments = _arguments()
    behind = arguments.api_server and ControlPlane(arguments.api_server, arguments.api_server_ca)
    serve(
        Folder(arguments.folder),
        account_id=arguments.account_id,
        region=arguments.region,
        descriptors=Descriptors(ready=arguments.ready, lock=arguments.lock),
        control_plane=behind,
    )


if __name__ == "__main__":
    main()
