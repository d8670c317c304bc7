"""HTTP on one connection: uvicorn's, with an end for connections whose request body no route reads."""

from __future__ import annotations

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Protocol(H11Protocol):
    """Keeps the timer of an idle connection running while the rest of an unread body comes in.

    uvicorn stops it at each byte and starts it after a response alone: a body that is never complete would hold the
    connection for ever. Closing at once instead would reset it, and the client could lose the response.
    """

    def _unset_keepalive_if_required(self) -> None:
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            return
        super()._unset_keepalive_if_required()
