"""WSGI applications over TLS on a port of loopback, in threads of this process."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from common.errors import CannotRunError
from sandbox.account.process import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path
    from wsgiref.types import WSGIApplication


class Server:
    """An application that is served until it is closed."""

    def __init__(self, application: WSGIApplication, certificate: tuple[Path, Path], port: int = 0) -> None:
        """Serve.

        Args:
            application: what answers.
            certificate: files of the certificate and its key (PEM).
            port: 0 for any that is free.

        Raises:
            FleetError: the port is taken.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        try:
            self._server: BaseWSGIServer = make_server(
                LOOPBACK, port, application, threaded=True, request_handler=_Quiet, ssl_context=context
            )
        except (OSError, SystemExit):
            raise CannotRunError(f"port {port} of {LOOPBACK} is taken: end what listens there") from None
        self.port: int = self._server.server_port
        name, looks = f"server {self.port}", {"poll_interval": 0.05}  # seconds until it sees that it is closed
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs=looks, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Quiet(WSGIRequestHandler):
    """Without a line for each request: what matters, the applications log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        del code, size
