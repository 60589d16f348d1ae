"""Random numbers that are functions of a seed alone.

A seed is an integer tensor [2]; `tf.random.split(seed, n)` gives as many that are independent of one another.
"""

import itertools
from collections.abc import Sequence

import tensorflow as tf

Drawn = dict[str, dict[str, tf.Tensor]]
"""What was drawn, by step and parameter, one value or one an image: what the preview writes beside an image."""


def uniform(seed: tf.Tensor, shape: Sequence[int] | tf.Tensor, low: float = 0, high: float = 1) -> tf.Tensor:
    """float32 of the shape, in [low, high)."""
    return tf.random.stateless_uniform(shape, seed, low, high)


def choice(seed: tf.Tensor, count: int | tf.Tensor, probabilities: Sequence[float]) -> tf.Tensor:
    """Returns i with the i-th probability: int32 [count]."""
    cumulative = tf.constant(list(itertools.accumulate(probabilities))[:-1], tf.float32)
    return tf.searchsorted(cumulative, uniform(seed, [count]), side="right")


def happens(seed: tf.Tensor, count: int | tf.Tensor, probability: float) -> tf.Tensor:
    """True with the probability: bool [count]."""
    return uniform(seed, [count]) < probability
