"""Averages of a generator's weights, steadier than the weights themselves."""

import keras
import tensorflow as tf

from srgan_tf.training.schedule_free import ScheduleFreeAdamW


class MovingAverage:
    """A second generator whose weights follow those of the first.

    After step t, counted from 1, `average += (1 - d) (weights - average)` with d = min(decay, t / (9 + t)): a short run
    is not held back by its random beginning. The statistics of batch normalisation are averaged in the same way.

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
            self.generator = _copy(generator)

    def update(self, step: tf.Tensor) -> None:
        """Follows the generator; called outside the replicas, in the same graph as the step."""
        if not self._decay:
            return
        step = tf.cast(step, tf.float32)
        share = 1 - tf.minimum(self._decay, step / (9 + step))
        extended = tf.distribute.get_strategy().extended
        for average, weight in zip(self.generator.weights, self._source.weights, strict=True):
            extended.update(average.value, _follow, args=(weight.value, share))


class ScheduleFreeAverage:
    """A second generator, which holds the average that a ScheduleFreeAdamW is about.

    Attributes:
        generator: the average, a model of the same class and arguments.
    """

    def __init__(self, generator: keras.Model, optimizer: keras.optimizers.Optimizer):
        """Starts at the generator's weights.

        Args:
            generator: what is trained.
            optimizer: the ScheduleFreeAdamW that was built on its trainable variables, scaled for float16 or not.
        """
        self._source, self.generator = generator, _copy(generator)
        self._optimizer: ScheduleFreeAdamW = getattr(optimizer, "inner_optimizer", optimizer)

    def update(self, step: tf.Tensor) -> None:
        """Takes the optimizer's averages; called as MovingAverage's."""
        update = tf.distribute.get_strategy().extended.update
        for average, pair in zip(self.generator.trainable_variables, self._optimizer.sequences(), strict=True):
            update(average.value, lambda mine, *given: mine.assign(self._optimizer.averaged(*given)),
                   args=tuple(variable.value for variable in pair))
        for average, weight in zip(self.generator.non_trainable_variables, self._source.non_trainable_variables,
                                   strict=True):
            update(average.value, lambda mine, given: mine.assign(given), args=(weight.value,))


Average = MovingAverage | ScheduleFreeAverage


def _copy(generator: keras.Model) -> keras.Model:
    # The dtype is no part of a model's configuration.
    copy = type(generator).from_config({**generator.get_config(), "dtype": generator.dtype_policy.name})
    copy.set_weights(generator.get_weights())
    return copy


def _follow(average: tf.Variable, weight: tf.Tensor, share: tf.Tensor) -> None:
    if average.dtype.is_floating:
        average.assign_add(tf.cast(share, average.dtype) * (weight - average))
    else:
        average.assign(weight)
