"""Gradient penalties: what keeps a discriminator smooth, beside its adversarial loss.

A penalty is f(discriminator, real, fake, shares) -> float32 scalar, the average over the images of this replica. It is
made of the gradient of an image's score, the mean of its logits, by its pixels; a tape around it differentiates it
once more. The pass is one of evaluation, so that a penalty moves no state. Normalisation over a batch would make the
score of one image depend on the others: such discriminators are refused.
"""

import keras
import tensorflow as tf

from srgan_tf.errors import UserError
from srgan_tf.settings import lookup


def wgan_gp(discriminator: keras.Model, real: tf.Tensor, fake: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """(|gradient| - 1)^2 at share * real + (1 - share) * fake (WGAN-GP, arXiv 1704.00028, Eq. 3)."""
    shares = tf.reshape(shares, [-1, 1, 1, 1])
    norms = tf.sqrt(_squared_slopes(discriminator, shares * real + (1 - shares) * fake) + 1e-12)
    return tf.reduce_mean(tf.square(norms - 1))


def r1(discriminator: keras.Model, real: tf.Tensor, fake: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """|gradient|^2 / 2 at real images, its weight being gamma (arXiv 1801.04406, Eq. 9)."""
    return tf.reduce_mean(_squared_slopes(discriminator, real)) / 2


PENALTIES = {"gp": wgan_gp, "r1": r1}


class Penalty:
    """A penalty as part of the discriminator's loss.

    Attributes:
        weight: its factor there.
    """

    def __init__(self, name: str, weight: float, discriminator: keras.Model, seed: int):
        """Checks that the penalty makes sense for the discriminator.

        Args:
            name: one of PENALTIES.
            weight: of at least 0.
            discriminator: what is penalised.
            seed: of the draws; with it and the step they are determined, so that a run can resume.

        Raises:
            ValueError: the name is unknown, or the discriminator normalises over the batch.
        """
        self._fn = lookup(PENALTIES, name, "gradient penalty")
        self.weight, self._discriminator, self._seed = weight, discriminator, seed
        layers = discriminator._flatten_layers()
        if any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers):
            raise UserError(f"--gradient_penalty={name} is for single images, but {type(discriminator).__name__} "
                            "normalises over the batch: give --discriminator=unet, or patchgan with norm:instance")

    def __call__(self, real: tf.Tensor, fake: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """The penalty without its weight.

        Args:
            real: float32 [B,P,P,3].
            fake: float32 [B,P,P,3]; taken as a constant.
            step: the number of this step.
        """
        # Drawn for the batches of all replicas, of which this one takes its part: the same as on one device.
        context = tf.distribute.get_replica_context()
        count, seed = tf.shape(real)[0], tf.stack([tf.cast(self._seed, tf.int64), tf.cast(step, tf.int64)])
        shares = tf.random.stateless_uniform([count * context.num_replicas_in_sync], seed)
        first = tf.cast(context.replica_id_in_sync_group, tf.int32) * count
        return self._fn(self._discriminator, real, tf.stop_gradient(fake), shares[first : first + count])


def _squared_slopes(discriminator: keras.Model, images: tf.Tensor) -> tf.Tensor:
    """[B], |gradient of the mean logit of an image by its pixels|^2."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images, training=False)
        scores = tf.reduce_mean(tf.reshape(logits, [tf.shape(images)[0], -1]), 1)
    return tf.reduce_sum(tf.square(tape.gradient(scores, images)), (1, 2, 3))
