"""Reading the images of a source, a few at a time."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from srgan_tf.data.pairs import Pair
from srgan_tf.errors import UserError


def load_in_parallel(images: Iterable[tuple[str, Callable[[], Pair]]]) -> Iterator[tuple[str, Pair | str]]:
    """Yields (name, pair or the reason why there is none), in order, a few images ahead of the reader."""
    rest, workers = iter(images), os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        while group := list(itertools.islice(rest, 2 * workers)):
            yield from zip((name for name, _ in group), pool.map(_load, (load for _, load in group)), strict=True)


def _load(load: Callable[[], Pair]) -> Pair | str:
    try:
        return load()
    except (UserError, OSError) as error:
        return str(error)
