"""What one training step of a network over time does.

As steps.py, with short clips in place of images: float32 [B,T,H,W,3] and [B,T,sH,sW,3] in [0, 1]. Losses are averages
over all frames that the network upscales.
"""

from collections.abc import Sequence

import tensorflow as tf

from srgan_tf.losses import Neighbours, Term, total_loss
from srgan_tf.models.spatiotemporal import triplets
from srgan_tf.models.warping import warp
from srgan_tf.training.steps import AdversarialStep, OptimizedNetwork, PixelStep, named, replica_mean

# TecoGAN's discriminator rests while it is this far ahead, in the mean of log D (the authors' code).
LEAD = 0.4


def pixels_of(clips: tf.Tensor) -> tf.Tensor:
    """[B,T,H,W,C] -> [BT,H,W,C]."""
    return tf.reshape(clips, [-1, *clips.shape[2:]])


def there_and_back(clips: tf.Tensor) -> tf.Tensor:
    """Frames 1 ... T, T - 1 ... 1 (TecoGAN, section 3.3)."""
    return tf.concat([clips, tf.reverse(clips, [1])[:, 1:]], 1)


class _Unrolled:
    """What both kinds of step have in common."""

    generator: OptimizedNetwork
    terms: Sequence[Term]

    @property
    def returns(self) -> bool:
        """Whether clips run there and back, for the ping-pong loss."""
        return any("ping_pong" in term.needs for term in self.terms)

    def unroll(self, lr: tf.Tensor, hr: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, dict]:
        """The frames, the references and the images [B,T',...], and what the terms need besides."""
        model = self.generator.model
        if self.returns:
            lr, hr = there_and_back(lr), there_and_back(hr)
        images, motions = model.unroll(lr, training=True)
        first, count = model.delay, lr.shape[1] - 2 * model.delay
        frames, target = lr[:, first : first + count], hr[:, first : first + count]
        given = {"motions": motions}
        if self.returns:
            half = (count + 1) // 2
            given["ping_pong"] = images[:, : half - 1], tf.reverse(images[:, half:], [1])
        if any("neighbours" in term.needs for term in self.terms):
            flow = tf.stop_gradient(model.upscaled_flow(motions[0][2]))
            given["neighbours"] = Neighbours(*(part for clips in (images, target) for part in (
                pixels_of(clips[:, 1:]), warp(pixels_of(clips[:, :-1]), flow))))
        return frames, target, images, given


class ClipStep(_Unrolled, PixelStep):
    """A network over time against a sum of losses, unrolled over short clips."""

    def __call__(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update; returns the total loss, each term without its weight, the gradients' norm."""
        with tf.GradientTape() as tape:
            _, target, images, given = self.unroll(lr, hr)
            total, values = total_loss(self.terms, pixels_of(target), pixels_of(images), **given)
            loss = self.generator.scaled(total)
        return {"loss": total, **named(values), "learning_rate": self.generator.rate(),
                "gradient_norm": self.generator.update(tape, loss)}


class AdversarialClipStep(_Unrolled, AdversarialStep):
    """Adds TecoGAN's discriminator, which sees three frames at a time, as they are and moved onto the middle one.

    Both networks are updated from the same forward passes, as in AdversarialStep. On one device the discriminator is
    left as it is while its mean log D of real and of generated clips are further apart than LEAD.
    """

    def __call__(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update of both networks; D(real) and D(fake) are returned as mean probabilities."""
        generator, discriminator = self.generator, self.discriminator
        with tf.GradientTape(persistent=True) as tape:
            frames, target, images, given = self.unroll(lr, hr)
            moves = generator.model.triplet_flows(frames)
            seen, faked = (triplets(clips, frames, *moves, generator.model.scale) for clips in (target, images))
            (*real_maps, real_logits), (*fake_maps, fake_logits) = self._discriminate(seen), self._discriminate(faked)
            total, values = total_loss(self.terms, pixels_of(target), pixels_of(images), real_maps=real_maps,
                                       fake_maps=fake_maps, **given)
            values["adversarial"] = self.adversarial.generator_loss(real_logits, fake_logits, replica_mean)
            total += self.weight * values["adversarial"]
            values["discriminator"] = self.adversarial.discriminator_loss(real_logits, fake_logits, replica_mean)
            generator_loss = generator.scaled(total)
            discriminator_loss = discriminator.scaled(values["discriminator"])
        lead = tf.reduce_mean(tf.math.log_sigmoid(real_logits)) - tf.reduce_mean(tf.math.log_sigmoid(fake_logits))
        return {"loss": total, **named(values),
                "d_real": tf.reduce_mean(tf.sigmoid(real_logits)), "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
                "learning_rate": generator.rate(),
                "gradient_norm": generator.update(tape, generator_loss),
                "gradient_norm/discriminator": self._update(tape, discriminator_loss, lead)}

    def _update(self, tape: tf.GradientTape, loss: tf.Tensor, lead: tf.Tensor) -> tf.Tensor:
        """The discriminator's update, unless it is too far ahead; the norm of its gradients, 0 where it rests."""
        if tf.distribute.get_replica_context().num_replicas_in_sync > 1:
            return self.discriminator.update(tape, loss)  # replicas would have to agree
        gradients = tape.gradient(loss, [weight.value for weight in self.discriminator.model.trainable_weights])
        return tf.cond(lead < LEAD, lambda: self.discriminator.apply(gradients), lambda: tf.zeros(()))
