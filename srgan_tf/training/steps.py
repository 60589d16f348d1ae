"""What one training step does: losses, gradients, updates.

A step is called inside a graph as `step(lr, hr) -> {name: float32 scalar}` with float32 RGB batches [B,H,W,3] and
[B,sH,sW,3] in [0, 1]; `step.trackables()` is what a checkpoint must hold.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from srgan_tf.losses import Adversarial, Term, total_loss


def replica_mean(values: tf.Tensor) -> tf.Tensor:
    """The mean over the batches of all replicas."""
    mean = tf.reduce_mean(values)
    context = tf.distribute.get_replica_context()
    return mean if context.num_replicas_in_sync == 1 else context.all_reduce(tf.distribute.ReduceOp.MEAN, mean)


def update(optimizer: keras.optimizers.Optimizer, tape: tf.GradientTape, loss: tf.Tensor, model: keras.Model) -> None:
    """Takes one optimizer step on a model. The loss has been through `scaled` while the tape was recording."""
    variables = [variable.value for variable in model.trainable_variables]
    gradients = tape.gradient(loss, variables)
    optimizer.apply(gradients, model.trainable_variables)


def scaled(optimizer: keras.optimizers.Optimizer, loss: tf.Tensor) -> tf.Tensor:
    """The loss as this replica's share, and as a loss-scaling optimizer wants it."""
    return optimizer.scale_loss(loss / tf.distribute.get_strategy().num_replicas_in_sync)


class PixelStep:
    """PSNR-oriented training: the generator against a sum of losses."""

    def __init__(self, generator: keras.Model, optimizer: keras.optimizers.Optimizer, terms: Sequence[Term]):
        self.generator, self.optimizer, self.terms = generator, optimizer, tuple(terms)
        optimizer.build(generator.trainable_variables)

    def __call__(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update of the generator; returns the total loss and each term without its weight."""
        with tf.GradientTape() as tape:
            total, values = total_loss(self.terms, hr, self.generator(lr, training=True))
            loss = scaled(self.optimizer, total)
        update(self.optimizer, tape, loss, self.generator)
        return {"loss": total, **_named(values)}

    def trackables(self) -> dict[str, object]:
        """The objects that a checkpoint must hold, by name."""
        return {"generator": self.generator, "optimizer": self.optimizer}


class AdversarialStep(PixelStep):
    """Adds a discriminator that tells real HR pictures from generated ones.

    Both players move at once, from the same forward passes: the generator against the discriminator as it was, the
    discriminator on the pictures of the generator as it was. This is the order of the ESRGAN authors' code (generator
    first, discriminator on the old fakes), without its second pass through the discriminator.
    """

    def __init__(self, generator: keras.Model, optimizer: keras.optimizers.Optimizer, terms: Sequence[Term],
                 discriminator: keras.Model, discriminator_optimizer: keras.optimizers.Optimizer,
                 adversarial: Adversarial, weight: float):
        super().__init__(generator, optimizer, terms)
        self.discriminator, self.discriminator_optimizer = discriminator, discriminator_optimizer
        self.adversarial, self.weight = adversarial, weight
        discriminator_optimizer.build(discriminator.trainable_variables)

    def __call__(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update of both players; D(real) and D(fake) are returned as mean probabilities."""
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generator(lr, training=True)
            total, values = total_loss(self.terms, hr, fake)
            real_logits = self.discriminator(hr, training=True)
            fake_logits = self.discriminator(fake, training=True)
            values["adversarial"] = self.adversarial.generator_loss(real_logits, fake_logits, replica_mean)
            total += self.weight * values["adversarial"]
            critic = self.adversarial.discriminator_loss(real_logits, fake_logits, replica_mean)
            generator_loss = scaled(self.optimizer, total)
            discriminator_loss = scaled(self.discriminator_optimizer, critic)
        update(self.optimizer, tape, generator_loss, self.generator)
        update(self.discriminator_optimizer, tape, discriminator_loss, self.discriminator)
        values.update(discriminator=critic)
        return {"loss": total, **_named(values), "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
                "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits))}

    def trackables(self) -> dict[str, object]:
        """The objects that a checkpoint must hold, by name."""
        return {**super().trackables(), "discriminator": self.discriminator,
                "discriminator_optimizer": self.discriminator_optimizer}


def _named(values: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {f"loss/{name}": value for name, value in values.items()}
