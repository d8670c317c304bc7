"""The account's process: moto's application behind the recorder, on a port of loopback."""

# Loose types of moto's internals.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from werkzeug.serving import make_server

from sandbox.account.faults import VARIABLE as FAULTS
from sandbox.account.faults import Faults
from sandbox.account.process import CREDENTIALS_PATH, IDENTITY_PATH, LOOPBACK, Account, write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from sandbox.account.process import ControlPlane
    from sandbox.folder import Folder

MOTO_SETTINGS = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_AMIS_PATH": str(Path(__file__).parent / "overlay" / "images.json"),
}
"""AWS's managed policies, and four images instead of moto's hundreds, which cost a second and 180 MB."""


@dataclass(frozen=True)
class Descriptors:
    """What the starting process handed down: told when the account answers, and held until then."""

    ready: int
    lock: int


class Identified:
    """A WSGI wrapper that says of itself, also while a call is under way, who it is and which keys it has issued."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self.account: Account | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or pass the call on."""
        path = environ["PATH_INFO"]
        if self.account is None or not path.startswith(IDENTITY_PATH):
            return self._application(environ, start_response)
        answer: object = asdict(self.account) if path == IDENTITY_PATH else _credentials(self.account, path)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]


def _credentials(account: Account, path: str) -> dict[str, object] | None:
    """What the account issued with the access key that a path names."""
    from sandbox.account.issued_keys import issued

    found = issued(account.account_id, path.removeprefix(CREDENTIALS_PATH))
    return asdict(found) if found else None


def serve(
    folder: Folder, *, account_id: str, region: str, descriptors: Descriptors, control_plane: ControlPlane | None
) -> None:
    """Serve for ever; writes the account's file once the port is open."""
    os.environ.update(MOTO_SETTINGS)
    rules = Path(os.environ.get(FAULTS, folder.faults))
    application = Identified(_application(account_id, folder.calls, Faults(rules), control_plane))
    server = make_server(LOOPBACK, 0, application, threaded=True, request_handler=_handler())
    process = psutil.Process()
    application.account = Account(
        endpoint=f"http://{LOOPBACK}:{server.server_port}",
        account_id=account_id,
        region=region,
        pid=process.pid,
        started=process.create_time(),
    )
    write(folder, application.account)
    os.write(descriptors.ready, b"ready\n")
    os.close(descriptors.ready)
    os.close(descriptors.lock)
    server.serve_forever()


def _application(account_id: str, record: Path, faults: Faults, control_plane: ControlPlane | None) -> WSGIApplication:
    """moto with the overlay, recorded in a new file. Imported here, once the settings are in the environment."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from sandbox.account import overlay
    from sandbox.account.calls import Recorder

    overlay.install(account_id, control_plane)
    record.write_text("")
    return Recorder(DomainDispatcherApplication(create_backend_app), record, faults)


def _handler() -> Any:
    """moto's request handler, without a log line of its own: the recorder writes one."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class Quiet(MotoRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            del code, size

    return Quiet
