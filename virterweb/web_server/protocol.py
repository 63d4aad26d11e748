"""The HTTP protocol of uvicorn with further limits: time for requests to arrive and for answers to be read, and
the number of connections. Bodies are limited in `request_body`.

`uvicorn --http virterweb.web_server.protocol:Protocol`
"""

import asyncio
import logging
import os
import resource
from collections import Counter
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger(__name__)

# Seconds for the first lines of a request, from the connection or the answer before; also for what is left of a body
# that was refused.
HEAD_TIMEOUT = 10
SEND_TIMEOUT = 30  # seconds within which the client must read more of an answer
OTHER_FILES = 512  # that the process may open in addition to connections
MAX_CONNECTIONS = 4000  # connections
EVENTS = "/events/"  # the path of streams, which end only with their pages
MAX_CONNECTIONS_PER_ADDRESS = 500  # connections of one address, unless it is a proxy's
PROXIES = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1").replace(" ", "").split(",")  # as uvicorn has them


def _room() -> int:
    """Return the number of connections for which the process may open files, after raising its limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return max(16, min(MAX_CONNECTIONS, (MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else soft) - OTHER_FILES))


class Protocol(H11Protocol):
    """One connection. If there are too many, the one that has waited longest for its request is closed."""

    room: ClassVar[int] = _room()
    waiting: ClassVar[dict["Protocol", None]] = {}  # for a whole request head, the longest first
    addresses: ClassVar[Counter[str]] = Counter()
    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self.addresses[self.address] += 1
        if self.addresses[self.address] > MAX_CONNECTIONS_PER_ADDRESS and self.address not in PROXIES:
            self._abort(f"more than {MAX_CONNECTIONS_PER_ADDRESS} connections from {self.address}")
            return
        self._await_head()
        if len(self.connections) > self.room:
            next(iter(self.waiting))._abort(f"more than {self.room} connections")

    def shutdown(self) -> None:
        """Close a stream of events at once; what else is being answered is waited for."""
        super().shutdown()
        if self.cycle and not self.cycle.response_complete and self.cycle.scope["path"] == EVENTS:
            self.transport.close()

    def connection_lost(self, problem: Exception | None) -> None:
        self._stop_waiting()
        self._forget_address()
        super().connection_lost(problem)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        self._await_head()
        super().on_response_complete()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leave the connection to the websocket, which has its own limits: it may be silent for hours."""
        self._stop_waiting()
        self._forget_address()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._set_deadline(SEND_TIMEOUT)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._clear_deadline()

    def _forget_address(self) -> None:
        self.addresses[self.address] -= 1
        if not self.addresses[self.address]:
            del self.addresses[self.address]

    def _await_head(self) -> None:
        self.waiting.pop(self, None)
        self.waiting[self] = None
        self._set_deadline(HEAD_TIMEOUT)

    def _stop_waiting(self) -> None:
        self.waiting.pop(self, None)
        self._clear_deadline()

    def _set_deadline(self, seconds: float) -> None:
        self._clear_deadline()
        self.deadline = self.loop.call_later(
            seconds, self._abort, "the request or the reading of the answer took too long"
        )

    def _clear_deadline(self) -> None:
        if self.deadline:
            self.deadline.cancel()
            self.deadline = None

    def _abort(self, reason: str) -> None:
        log.debug("connection from %s closed: %s", self.address, reason)
        self._stop_waiting()
        self.transport.abort()
