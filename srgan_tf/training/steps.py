"""What one training step does: losses, gradients, updates.

A step is called inside a graph as `step(lr, hr) -> {name: float32 scalar}` with float32 RGB batches [B,H,W,3] and
[B,sH,sW,3] in [0, 1] (of 6 channels with --sharpen_targets: HR as it is, for the discriminator, then HR sharpened, for
the generator's losses; and where a teacher's images are stored: HR, then these); `step.trackables()` is what a
checkpoint must hold. On several devices each replica calls it with its share of the batch: a loss is the average over
that share, and gradients are summed over the replicas.
"""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from srgan_tf.losses import Adversarial, Term, total_loss
from srgan_tf.training.penalties import Penalty


def replica_mean(values: tf.Tensor) -> tf.Tensor:
    """The mean over the batches of all replicas."""
    mean = tf.reduce_mean(values)
    context = tf.distribute.get_replica_context()
    return mean if context.num_replicas_in_sync == 1 else context.all_reduce(tf.distribute.ReduceOp.MEAN, mean)


def variables(owner: keras.Model | keras.optimizers.Optimizer) -> list[tf.Variable]:
    """Everything that training changes in a model or an optimizer, for a checkpoint.

    TensorFlow's own search does not look into the lists of layers that a Keras model holds.
    """
    return [variable.value for variable in owner.variables]


class OptimizedNetwork:
    """A network and the optimizer that trains it.

    Attributes:
        model: the network.
        optimizer: built on its trainable variables.
        clip_norm: greatest norm of its gradients; 0 sets no limit.
    """

    def __init__(self, model: keras.Model, optimizer: keras.optimizers.Optimizer, clip_norm: float = 0):
        self.model, self.optimizer, self.clip_norm = model, optimizer, clip_norm
        optimizer.build(model.trainable_variables)

    @property
    def iterations(self) -> tf.Variable:
        """Steps taken."""
        return self.optimizer.iterations

    def rate(self) -> tf.Tensor:
        """The learning rate of the next step."""
        return tf.convert_to_tensor(self.optimizer.learning_rate)

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss as this replica's share, and as a loss-scaling optimizer wants it; for a tape to record."""
        return self.optimizer.scale_loss(loss / tf.distribute.get_strategy().num_replicas_in_sync)

    def update(self, tape: tf.GradientTape, loss: tf.Tensor) -> tf.Tensor:
        """Takes one optimizer step.

        Args:
            tape: what recorded the loss.
            loss: has been through `scaled`.

        Returns:
            The norm of the gradients over all weights, before clipping; 0 where float16 overflowed, which makes the
            optimizer pass the step over.
        """
        return self.apply(tape.gradient(loss, [variable.value for variable in self.model.trainable_variables]))

    def apply(self, gradients: list[tf.Tensor]) -> tf.Tensor:
        """Takes the step of these gradients; returns as `update`."""
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            # Keras sums over the replicas again: what they then hold in common is divided among them.
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        scale = self.optimizer.scale_loss(tf.ones(()))
        norm = tf.linalg.global_norm(gradients) / scale
        factor = 1 / context.num_replicas_in_sync
        if self.clip_norm:
            factor *= tf.minimum(1.0, self.clip_norm / norm)
        if self.clip_norm or context.num_replicas_in_sync > 1:
            gradients = [gradient * factor for gradient in gradients]
        self.optimizer.apply(gradients, self.model.trainable_variables)
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            norm = tf.where(tf.math.is_finite(norm), norm, 0)
        return norm


class PixelStep:
    """PSNR-oriented training: the generator against a sum of losses.

    Attributes:
        generator: the network and its optimizer.
        terms: of the sum.
        average: the generator's moving average, for terms that compare with it; the engine, which has it, sets it.
        teacher: makes the images that terms of a teacher compare with; None: they come with HR.
    """

    def __init__(self, generator: OptimizedNetwork, terms: Sequence[Term], teacher: keras.Model | None = None):
        self.generator, self.terms, self.teacher = generator, tuple(terms), teacher
        self.average: keras.Model | None = None
        self.is_taught = any(term.of_teacher for term in self.terms)
        self.reads_lessons = self.is_taught and not teacher  # the teacher's images come with HR

    def __call__(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update of the generator; returns the total loss, each term without its weight, the gradients' norm."""
        with tf.GradientTape() as tape:
            fake = self.generator.model(lr, training=True)
            total, values = total_loss(self.terms, self._target(hr), fake, **self._steady(lr, hr))
            loss = self.generator.scaled(total)
        return {"loss": total, **named(values), "learning_rate": self.generator.rate(),
                "gradient_norm": self.generator.update(tape, loss)}

    def _target(self, hr: tf.Tensor) -> tf.Tensor:
        """What the generator's images are compared with where a term says nothing else."""
        return hr[..., :3] if self.reads_lessons else hr[..., -3:]

    def _steady(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the moving average and the teacher make of the batch, where a term asks for it."""
        given = {}
        if any("average" in term.needs for term in self.terms):
            given["average"] = self.average(lr, training=False)
        if self.is_taught:
            # As stored: what a teacher makes beyond black and white is no lesson.
            given["teacher"] = (hr[..., 3:] if self.reads_lessons
                                else tf.clip_by_value(tf.cast(self.teacher(lr, training=False), tf.float32), 0, 1))
        return given

    def trackables(self) -> dict[str, list[tf.Variable]]:
        """The variables that a checkpoint must hold, by name."""
        return {"generator": variables(self.generator.model), "optimizer": variables(self.generator.optimizer)}


class AdversarialStep(PixelStep):
    """Adds a discriminator that tells real HR images from generated ones.

    Both networks are updated at once, from the same forward passes: the generator against the discriminator as it
    was, the discriminator on the images of the generator as it was. This is the order of the ESRGAN authors' code
    (generator first, discriminator on the old fakes), without its second pass through the discriminator.
    """

    def __init__(self, generator: OptimizedNetwork, terms: Sequence[Term], discriminator: OptimizedNetwork,
                 adversarial: Adversarial, weight: float, penalty: Penalty | None = None,
                 view: Callable = tf.identity, teacher: keras.Model | None = None):
        super().__init__(generator, terms, teacher)
        self.view = view  # what the discriminator sees of images: [B,P,P,3] -> [B,P,P,3]
        self.discriminator, self.adversarial, self.weight = discriminator, adversarial, weight
        self.penalty = penalty
        self._looks_inside = any("fake_maps" in term.needs for term in self.terms)

    def __call__(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update of both networks; D(real) and D(fake) are returned as mean probabilities."""
        generator, discriminator, real = self.generator, self.discriminator, hr[..., :3]
        with tf.GradientTape(persistent=True) as tape:
            fake = generator.model(lr, training=True)
            seen, faked = self.view(real), self.view(fake)
            (*real_maps, real_logits), (*fake_maps, fake_logits) = self._discriminate(seen), self._discriminate(faked)
            total, values = total_loss(self.terms, self._target(hr), fake, real_maps=real_maps, fake_maps=fake_maps,
                                       **self._steady(lr, hr))
            values["adversarial"] = self.adversarial.generator_loss(real_logits, fake_logits, replica_mean)
            total += self.weight * values["adversarial"]
            values["discriminator"] = self.adversarial.discriminator_loss(real_logits, fake_logits, replica_mean)
            generator_loss = generator.scaled(total)
            discriminator_loss = values["discriminator"]
            if self.penalty:
                values["gradient_penalty"] = self.penalty(seen, faked, discriminator.optimizer.iterations)
                discriminator_loss += self.penalty.weight * values["gradient_penalty"]
            discriminator_loss = discriminator.scaled(discriminator_loss)
        return {"loss": total, **named(values),
                "d_real": tf.reduce_mean(tf.sigmoid(real_logits)), "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
                "learning_rate": generator.rate(),
                "gradient_norm": generator.update(tape, generator_loss),
                "gradient_norm/discriminator": discriminator.update(tape, discriminator_loss)}

    def _discriminate(self, images: tf.Tensor) -> list[tf.Tensor]:
        """The discriminator's logits; before them the maps within it where a term asks for them."""
        model = self.discriminator.model
        return model.features(images, training=True) if self._looks_inside else [model(images, training=True)]

    def trackables(self) -> dict[str, list[tf.Variable]]:
        """The variables that a checkpoint must hold, by name."""
        return {**super().trackables(), "discriminator": variables(self.discriminator.model),
                "discriminator_optimizer": variables(self.discriminator.optimizer)}


def named(values: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Losses under the names that records have."""
    return {f"loss/{name}": value for name, value in values.items()}
