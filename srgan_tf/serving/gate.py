"""Admission: the one place that decides how much is done, waits and is held at once."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from srgan_tf.serving.errors import RefusedError


class Gate:
    """Runs work in a few threads, lets some wait, and refuses the rest at once.

    All methods are called from the event loop's thread.

    Attributes:
        inside: requests that run or wait.
        held: bytes of requests and answers that are in memory.
        closed: whether everything new is refused, because the server stops.
    """

    def __init__(self, running: int, waiting: int, held_bytes: int, timeout: float):
        """Makes a gate.

        Args:
            running: requests that compute at the same time.
            waiting: requests that wait for a turn.
            held_bytes: bytes of requests and answers that may be in memory together.
            timeout: seconds from admission to the answer.
        """
        self.limit, self.held_limit, self.timeout = running + waiting, held_bytes, timeout
        self.inside, self.held, self.closed = 0, 0, False
        self._pool = ThreadPoolExecutor(running, "tensorflow")

    async def run(self, work: Callable[[], Any], done: Callable[[], None]) -> Any:
        """Returns `work()`, run in a thread; calls `done()` when that has ended or never will begin.

        Work that is given up, because its time is over or its client gone, is dropped if it still waits. What already
        computes cannot be stopped: it keeps its thread, and its place inside, to its end.

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
        future = self._pool.submit(work)

        def leave(_: Any) -> None:
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

    @contextlib.contextmanager
    def hold(self) -> Iterator[Callable[[int], None]]:
        """Yields a function to call with each number of bytes taken; they are given back at the end.

        Raises:
            RefusedError: by that function, where the bytes do not fit.
        """
        taken = 0

        def take(count: int) -> None:
            nonlocal taken
            if taken + count > self.held_limit:
                raise RefusedError("OUT_OF_RANGE", f"{taken + count} bytes are more than the {self.held_limit} that "
                                   "requests and answers may take together (--max_held_megabytes)")
            if self.held + count > self.held_limit:
                raise RefusedError("RESOURCE_EXHAUSTED", "requests and answers in memory would exceed "
                                   f"{self.held_limit >> 20} MiB; try again later")
            taken += count
            self.held += count

        try:
            yield take
        finally:
            self.held -= taken

    async def drain(self, seconds: float) -> bool:
        """Refuses what is new and waits for what is inside, so long; returns whether all of it ended."""
        self.closed = True
        deadline = asyncio.get_running_loop().time() + seconds
        while self.inside and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        return not self.inside
