"""Work on several items at once, whose results come in the order of the items."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any


def ahead(executor: Executor, function: Callable, items: Iterable, more: int = 1) -> Iterator[Future]:
    """What the function makes of each item; it is at work on so many more while one is looked at."""
    futures = deque()
    for item in items:
        futures.append(executor.submit(function, item))
        if len(futures) > more:
            yield futures.popleft()
    yield from futures


def mapped(function: Callable, items: Sequence, count: int) -> Iterator[Any]:
    """As map, with so many calls at once, each in a thread of its own; closing it waits for those under way."""
    count = min(count, len(items))
    if count <= 1:
        yield from map(function, items)
        return
    executor = ThreadPoolExecutor(count)
    try:
        for future in ahead(executor, function, items, 2 * count):  # so that one that takes longer stops no other
            yield future.result()
    finally:
        executor.shutdown(cancel_futures=True)
