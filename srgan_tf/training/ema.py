"""The exponential moving average of a generator's weights, steadier than the weights themselves."""

import keras
import tensorflow as tf


class MovingAverage:
    """A second generator whose weights follow those of the first.

    After step t, counted from 1, `average += (1 - d) (weights - average)` with d = min(decay, t / (9 + t)): a short run
    is not held back by its random beginning. The statistics of batch normalisation are averaged likewise.

    Attributes:
        generator: the average, a model of the same class and arguments.
    """

    def __init__(self, generator: keras.Model, decay: float):
        """Starts the average at the generator's weights.

        Args:
            generator: what is trained.
            decay: in [0, 1); at 0 the average is the generator itself, and nothing is copied.
        """
        self._source, self._decay = generator, decay
        self.generator = generator
        if decay:
            # The dtype is no part of a model's configuration.
            arguments = {**generator.get_config(), "dtype": generator.dtype_policy.name}
            self.generator = type(generator).from_config(arguments)
            self.generator.set_weights(generator.get_weights())

    def update(self, step: tf.Tensor) -> None:
        """Follows the generator; called outside the replicas, in the same graph as the step."""
        if not self._decay:
            return
        step = tf.cast(step, tf.float32)
        share = 1 - tf.minimum(self._decay, step / (9 + step))
        extended = tf.distribute.get_strategy().extended
        for average, weight in zip(self.generator.weights, self._source.weights, strict=True):
            extended.update(average.value, _follow, args=(weight.value, share))


def _follow(average: tf.Variable, weight: tf.Tensor, share: tf.Tensor) -> None:
    if average.dtype.is_floating:
        average.assign_add(tf.cast(share, average.dtype) * (weight - average))
    else:
        average.assign(weight)
