"""uvicorn's connections with limits of time and number, so that those who only connect leave room for others.

A connection without the head of a request is closed when its time is over. Where another one needs its place, the
oldest of those is closed whose client has still to send something. Where all have sent everything, a few more are let
in, to ask for the health.
"""

import asyncio
import contextlib
import ipaddress
from collections import defaultdict
from collections.abc import Callable

from uvicorn.protocols.http.h11_impl import H11Protocol

RESERVE = 32  # places for those who ask for the health
HEALTH_PATH = "/healthz"


class Clients:
    """The connections of a server.

    Attributes:
        most: connections that may ask for anything.
        most_each: those of one client: an IPv4 address, or a /64 network of IPv6.
        head_timeout: seconds for a head to arrive, from the connection or from the answer before.
        write_timeout: seconds in which a client must read something of its answer.
    """

    def __init__(self, most: int, most_each: int, head_timeout: float, write_timeout: float):
        self.most, self.most_each = most, most_each
        self.head_timeout, self.write_timeout = head_timeout, write_timeout
        self._all: defaultdict[str, dict[Connection, None]] = defaultdict(dict)  # each in the order of their arrival

    def add(self, connection: "Connection") -> bool:
        """Takes a connection up; returns whether it has a place, which may have been that of one that waits."""
        client = client_of(connection.client)
        self._all[client][connection] = None
        for crowd, most in ((self._all[client], self.most_each), (self._everyone(), self.most)):
            placed = [other for other in crowd if other.placed]
            if len(placed) >= most and not _close_oldest(placed):
                self._admit_to_reserve(connection)
                return False
        return True

    def _admit_to_reserve(self, connection: "Connection") -> None:
        extra = [other for other in self._everyone()
                 if not other.placed and other is not connection and not other.transport.is_closing()]
        if len(extra) >= RESERVE and not _close_oldest(extra):
            connection.transport.abort()

    def discard(self, connection: "Connection") -> None:
        """Forgets a connection."""
        client = client_of(connection.client)
        self._all[client].pop(connection, None)
        if not self._all[client]:
            del self._all[client]

    def make_room(self) -> None:
        """Closes what waits: the process has no file descriptors left."""
        for connection in self._everyone():
            if connection.idle:
                connection.transport.abort()

    def _everyone(self) -> list["Connection"]:
        """The clients with the most connections first."""
        return [connection for crowd in sorted(self._all.values(), key=len, reverse=True) for connection in crowd]


def _close_oldest(crowd: list["Connection"]) -> bool:
    """Closes the first connection that waits for its client; whether there is one."""
    for connection in crowd:
        if connection.waits:
            connection.placed = False
            connection.transport.abort()
            return True
    return False


def client_of(address: tuple[str, int] | None) -> str:
    """Whose connection it is. Who has an IPv6 address has a whole network of them."""
    host = address[0].partition("%")[0] if address else ""
    with contextlib.suppress(ValueError):
        found = ipaddress.ip_address(host)
        if found.version == 6 and not found.ipv4_mapped:
            return str(ipaddress.ip_network((found, 64), strict=False))
    return host


class Connection(H11Protocol):
    """uvicorn's, with its limits; `Connection.of(clients)` is what uvicorn takes for `http`.

    Attributes:
        idle: whether there is no request that is not answered.
        waits: whether the client has still to send something: a request, or the rest of one.
        placed: whether it is one of those that may ask for anything.
    """

    clients: Clients

    @classmethod
    def of(cls, clients: Clients) -> type["Connection"]:
        return type("Connection", (cls,), {"clients": clients})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.placed = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self.placed = self.clients.add(self)
        if not self.placed:
            self.app = _health_alone(self.app)
        self._watch()

    @property
    def idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    @property
    def waits(self) -> bool:
        return not self.transport.is_closing() and (self.idle or self.cycle.more_body)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.clients.discard(self)
        for timer in (self._head_timer, self._write_timer):
            if timer:
                timer.cancel()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.clients.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer:
            self._write_timer.cancel()

    def _watch(self) -> None:
        """Starts the time of a head where one is waited for, and ends it where it is there."""
        if self.idle and not self._head_timer:
            self._head_timer = self.loop.call_later(self.clients.head_timeout, self.transport.abort)
        elif not self.idle and self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None


def _health_alone(app: Callable) -> Callable:
    """The application for those without a place."""
    async def answer(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["path"] == HEALTH_PATH:
            await app(scope, receive, send)
            return
        body = b'{"error": "too many connections; try again later"}'
        await send({"type": "http.response.start", "status": 503, "headers": [
            (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
            (b"connection", b"close")]})
        await send({"type": "http.response.body", "body": body})

    return answer
