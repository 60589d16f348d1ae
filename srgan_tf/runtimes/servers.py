"""Servers of one model, which share its requests."""

import dataclasses
import sys
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from srgan_tf.runtimes.transports import BusyError, NoAnswerError
from srgan_tf.text import printable

FIRST_PAUSE = 0.25
AWAY = 60.0  # seconds until a server that was given up is asked again
Connection = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass
class Server:
    """A server, and how it fares.

    Attributes:
        url: for messages.
        free: its connections that no request uses, each uint8 [1,H,W,3] -> uint8 [1,sH,sW,3].
        failures: how many attempts failed since one succeeded.
        rests_until: when it may be asked again, by time.monotonic.
        reason: why it was given up; empty: it was not, or has answered since.
    """

    url: str
    free: list[Connection]
    failures: int = 0
    rests_until: float = 0.0
    reason: str = ""


class ServerPool:
    """Gives each request to the server that has most connections free; can be called from many threads.

    A server that is busy or cannot be reached rests for 0.25 s, 0.5 s, 1 s and so on, and the others take its requests.
    After `retries` further attempts in vain it is given up, and asked again after AWAY seconds. One that does not
    answer in time is given up at once and for good, unless it is the only one left.
    """

    def __init__(self, servers: Sequence[Server], retries: int):
        self._servers, self._retries = servers, retries
        self._change = threading.Condition()
        self._losses, self._reason = 0, ""  # how often no server was left, and why the last time

    def run(self, images: np.ndarray) -> np.ndarray:
        """Upscales an image on one of the servers.

        Raises:
            OSError: none of them is left. The next call tries all of them again.
            UserError: as the connection.
        """
        losses = self._losses
        while True:
            server, connection = self._take(losses)
            try:
                made = connection(images)
                self._answered(server)
                return made
            except (BusyError, NoAnswerError) as error:
                self._failed(server, error)
            finally:
                with self._change:
                    server.free.append(connection)
                    self._change.notify_all()

    def _take(self, losses: int) -> tuple[Server, Connection]:
        """Waits for a free connection of a server that does not rest."""
        with self._change:
            while self._losses == losses:
                now = time.monotonic()
                ready = [one for one in self._servers if one.free and one.rests_until <= now]
                if ready:
                    server = max(ready, key=lambda one: len(one.free))
                    return server, server.free.pop()
                rests = [one.rests_until - now for one in self._servers if one.rests_until > now]
                self._change.wait(min(min(rests, default=AWAY), AWAY))
            raise OSError(self._reason)

    def _answered(self, server: Server) -> None:
        with self._change:
            back, server.failures, server.reason = bool(server.reason), 0, ""
        if back:
            print(printable(f"{server.url} answers again"), file=sys.stderr)

    def _failed(self, server: Server, error: BusyError | NoAnswerError) -> None:
        with self._change:
            now = time.monotonic()
            if server.rests_until > now:  # another request has said so
                return
            others = [one for one in self._servers if one is not server and one.failures <= self._retries]
            silent = isinstance(error, NoAnswerError)
            if silent and not others:
                raise error
            server.failures = max(server.failures, self._retries if silent else 0) + 1
            if server.failures <= self._retries:
                server.rests_until = now + FIRST_PAUSE * 2 ** (server.failures - 1)
                return
            server.rests_until = float("inf") if silent else now + AWAY
            known, server.reason = server.reason, str(error) if silent else given_up(server.url, error, self._retries)
            if not others:
                self._all_lost()
        if others and not known:
            print(printable(f"{server.reason}: the other servers take its work"), file=sys.stderr)

    def _all_lost(self) -> None:
        self._losses, self._reason = self._losses + 1, "; ".join(one.reason for one in self._servers)
        for one in self._servers:
            one.failures, one.rests_until = 0, 0.0


def given_up(url: str, error: BusyError, retries: int) -> str:
    """What is said of a server that was busy or away each time."""
    return f"{url}: {error} ({f'{retries + 1} attempts' if retries else '1 attempt'})"
