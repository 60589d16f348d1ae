"""Admission control: the one place that decides how much is done, waits and is held at once."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from srgan_tf.serving.refusals import RefusedError


class AdmissionControl:
    """Runs work in a few threads, lets some wait, and refuses the rest at once.

    All methods are called from the event loop's thread.

    Attributes:
        inside: requests that run or wait.
        held: bytes of requests and answers that are in memory.
        released: bytes that were held, and are not any more; for others to set to 0.
        closed: whether everything new is refused, because the server stops.
    """

    def __init__(self, running: int, waiting: int, held_bytes: int, timeout: float):
        """Sets the limits.

        Args:
            running: requests that compute at the same time.
            waiting: requests that wait for a turn.
            held_bytes: bytes of requests and answers that may be in memory together.
            timeout: seconds from admission to the answer.
        """
        self.limit, self.held_limit, self.timeout = running + waiting, held_bytes, timeout
        self.inside, self.held, self.closed = 0, 0, False
        self.held_lock, self.released = threading.Lock(), 0
        self._pool = ThreadPoolExecutor(running, "tensorflow")

    async def run(self, work: Callable[[], Any], done: Callable[[], None]) -> Any:
        """Returns `work()`, run in a thread; calls `done()` when that has ended or never will begin.

        Work that is given up, because its time is over or its client gone, is dropped if it still waits, with what it
        refers to. What already computes keeps its thread, and its place inside, to its end; it has to look at its time
        by itself.

        Raises:
            RefusedError: there is no room, the server stops, or the time is over.
        """
        if self.closed or self.inside >= self.limit:
            done()
            if self.closed:
                raise RefusedError("UNAVAILABLE", "the server is stopping")
            raise RefusedError("RESOURCE_EXHAUSTED", f"{self.limit} requests run or wait already; try again later")
        loop = asyncio.get_running_loop()
        self.inside += 1
        box = [work]  # the pool keeps what is cancelled in its queue, until a thread comes to it
        future = self._pool.submit(_forgetful, box)

        def leave(_: Any) -> None:
            box.clear()
            done()
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                loop.call_soon_threadsafe(self._leave)

        future.add_done_callback(leave)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.timeout)
        except asyncio.TimeoutError:  # noqa: UP041 (another class in Python 3.10)
            raise RefusedError("DEADLINE_EXCEEDED", f"no answer within {self.timeout:g} s") from None

    def _leave(self) -> None:
        self.inside -= 1

    def hold(self) -> "Hold":
        """What one request will take; to be used as a context."""
        return Hold(self)

    async def drain(self, seconds: float) -> bool:
        """Refuses what is new and waits for what is inside, so long; returns whether all of it ended."""
        self.closed = True
        deadline = asyncio.get_running_loop().time() + seconds
        while self.inside and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        return not self.inside


def _forgetful(box: list[Callable[[], Any]]) -> Any:
    """Does the work in a box. A refusal comes without its traceback, whose frames would keep the request in memory."""
    try:
        return box.pop()()
    except RefusedError as error:
        refusal = RefusedError(error.code, error.message)
    raise refusal


class Hold:
    """Bytes that one request keeps in memory, given back when the last of its users has left.

    Its users are the handler of the request, the work that it gave to a thread, and the answer on its way: a client
    that goes away ends the first, not the others. Any thread may call.
    """

    def __init__(self, admission: AdmissionControl):
        self._admission, self._taken, self._users = admission, 0, 1

    def take(self, count: int) -> None:
        """Counts so many bytes more, or fewer.

        Raises:
            RefusedError: they do not fit.
        """
        admission = self._admission
        with admission.held_lock:
            if count > 0 and self._taken + count > admission.held_limit:
                raise RefusedError("OUT_OF_RANGE", f"{self._taken + count} bytes are more than the "
                                   f"{admission.held_limit} that requests and answers may take together "
                                   "(--max_held_megabytes)")
            if count > 0 and admission.held + count > admission.held_limit:
                raise RefusedError("RESOURCE_EXHAUSTED", "requests and answers in memory would exceed "
                                   f"{admission.held_limit >> 20} MiB; try again later")
            self._taken += count
            admission.held += count
            admission.released += max(0, -count)

    def enter(self) -> None:
        """One user more, who must leave."""
        with self._admission.held_lock:
            self._users += 1

    def leave(self) -> None:
        """One user fewer; the last one gives everything back."""
        with self._admission.held_lock:
            self._users -= 1
            if not self._users:
                self._admission.held -= self._taken
                self._admission.released += self._taken

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
