"""How large a network may become, found out before it takes memory: files and flags name sizes that nobody has."""

import contextlib
import contextvars
import math
import os
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras

from srgan_tf.errors import UserError

LAYERS = 4_000  # RCAN has 1,630
_left: contextvars.ContextVar[list[int] | None] = contextvars.ContextVar("layers left", default=None)


def construct(architecture: type, arguments: Mapping[str, Any], dtype: str | None,
              check: Callable[[keras.Model], None], layers: int = LAYERS) -> keras.Model:
    """Builds a network whose weights get values, and with them memory, only once `check` has passed.

    Args:
        architecture: a class of the registry.
        arguments: of it.
        dtype: dtype policy to compute in; None for Keras' global policy.
        check: is given the network without values, whose shapes are known, and raises what it objects to.
        layers: most layers with weights that it may have.

    Raises:
        TypeError, ValueError: what the constructor or `check` raises, or the network has more than `layers` layers.
    """
    policy = dtype or keras.config.dtype_policy()  # each thread has a global one of its own

    def build() -> keras.Model:
        with keras.StatelessScope(initialize_variables=False), _counted_layers(min(layers, LAYERS)):
            model = architecture(**arguments, dtype=policy)
            check(model)
        with keras.StatelessScope():
            pass  # values for all of this thread's variables
        return model

    # In a thread that ends, because Keras remembers variables without values, for each thread, until they get them.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(build).result()


def require_memory(architecture: type, arguments: Mapping[str, Any], copies: int = 1) -> None:
    """Refuses a network that this machine cannot hold, without building it in memory.

    Args:
        architecture: a class of the registry.
        arguments: of it, the dtype among them.
        copies: how many numbers each weight takes: four in training with Adam.

    Raises:
        TypeError, ValueError: what the constructor raises, or the network is too large.
    """
    def check(model: keras.Model) -> None:
        needed, there = 4 * copies * weight_count(model), memory_bytes()
        if needed > there:
            raise UserError(f"a {architecture.__name__} of this size takes {needed / 2**30:,.0f} GiB for its weights, "
                            f"{copies} numbers for each; this machine has {there / 2**30:,.0f} GiB")
        raise _FoundError

    arguments, state = dict(arguments), random.getstate()
    try:
        construct(architecture, arguments, arguments.pop("dtype", None), check)
    except _FoundError:
        random.setstate(state)  # Keras drew the initial weights' seeds from it


class _FoundError(Exception):
    """Ends a construction whose result is not needed."""


def count_layer() -> None:
    """Notes that a layer with weights is about to be made."""
    left = _left.get()
    if left is not None:
        left[0] -= 1
        if left[0] < 0:
            raise UserError(f"it has more than {left[1]:,} layers")


def without_values() -> bool:
    """Whether the network at hand is built by `construct`, so that its weights have shapes alone."""
    return _left.get() is not None


@contextlib.contextmanager
def _counted_layers(most: int) -> Iterator[None]:
    token = _left.set([most, most])
    try:
        yield
    finally:
        _left.reset(token)


def weight_count(model: keras.Model) -> int:
    """How many numbers the model's variables are, whether they have values or not."""
    return sum(math.prod(variable.shape) for variable in model.variables)


def memory_bytes() -> int:
    """The machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
