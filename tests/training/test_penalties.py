"""Gradient penalties against closed forms and finite differences, in a step, over replicas, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.config import TrainConfig
from srgan_tf.models import UNetDiscriminator, VGG128Discriminator
from srgan_tf.training import build_step
from srgan_tf.training.penalties import PENALTIES, Penalty

RANDOM = np.random.default_rng(0)
REAL, FAKE = (RANDOM.random((4, 8, 8, 3), "float32") for _ in range(2))
SMALL = {"model": "edsr", "model_args": "features:4,blocks:1", "patch_size": 24, "batch_size": 2, "losses": "l1:1",
         "adversarial": "wgan:0.005", "discriminator": "unet", "discriminator_args": "features:4"}


class Quadratic(keras.Model):
    """A discriminator whose gradient is known: four logits an image, whose mean is sum(weights x^2)."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight((8, 8, 3), keras.initializers.RandomNormal(seed=1), name="scale")

    def call(self, inputs):
        score = tf.reduce_sum(self.scale * inputs**2, (1, 2, 3))
        return score[:, None, None, None] + tf.constant([[-2.0, 1], [0, 1]])[None, :, :, None]


def expected_penalty(name, scale, real, fake, shares):
    """By hand, in float64: the gradient of the score is 2 scale x."""
    shares = shares[:, None, None, None].astype("float64")
    if name == "r1":
        return ((2 * scale * real.astype("float64")) ** 2).sum((1, 2, 3)).mean() / 2
    norms = np.sqrt(((2 * scale * (shares * real + (1 - shares) * fake)) ** 2).sum((1, 2, 3)))
    return ((norms - 1) ** 2).mean()


@pytest.mark.parametrize("name", PENALTIES)
def test_formula_and_second_derivative(name):
    model, shares = Quadratic(), RANDOM.random(4).astype("float32")
    scale = model.scale.numpy().astype("float64")

    @tf.function
    def both():
        with tf.GradientTape() as tape:
            value = PENALTIES[name](model, tf.constant(REAL), tf.constant(FAKE), tf.constant(shares))
        return value, tape.gradient(value, model.scale.value)

    value, gradient = both()
    assert float(value) == pytest.approx(expected_penalty(name, scale, REAL, FAKE, shares), rel=1e-5)
    for place in ((0, 0, 0), (3, 5, 1)):
        moved = [scale.copy() for _ in range(2)]
        moved[0][place] += 1e-5
        moved[1][place] -= 1e-5
        above, below = (expected_penalty(name, other, REAL, FAKE, shares) for other in moved)
        assert float(gradient[place]) == pytest.approx((above - below) / 2e-5, rel=1e-3)


def test_draws_are_of_the_seed_and_the_step():
    keras.utils.set_random_seed(0)
    model = UNetDiscriminator(8, features=4)
    state = model.get_weights()

    def value(seed, step):
        return float(Penalty("gp", 10, model, seed)(tf.constant(REAL), tf.constant(FAKE), tf.constant(step)))

    assert value(0, 5) == value(0, 5)
    assert len({value(0, 5), value(0, 6), value(1, 5)}) == 3
    for one, other in zip(state, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)  # a penalty moves no state


def test_replicas_draw_their_part():
    """Each of two replicas with half a batch: the mean is what one has on the whole."""
    model = Quadratic()
    penalty = Penalty("gp", 10, model, 0)
    whole = float(penalty(tf.constant(REAL), tf.constant(FAKE), tf.constant(3)))

    class Context:
        num_replicas_in_sync = 2

    halves = []
    with pytest.MonkeyPatch.context() as patch:
        for index in range(2):
            Context.replica_id_in_sync_group = index
            patch.setattr(tf.distribute, "get_replica_context", Context)
            part = slice(2 * index, 2 * index + 2)
            halves.append(float(penalty(tf.constant(REAL[part]), tf.constant(FAKE[part]), tf.constant(3))))
    assert np.mean(halves) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(("discriminator", "penalty", "compiled"), [
    ("patchgan", "gp:10", True), ("unet", "r1:1e5", False)])
def test_a_step_in_a_graph(discriminator, penalty, compiled):
    """The penalty is in the discriminator's loss: it falls, and everything stays finite."""
    keras.utils.set_random_seed(0)
    config = {**SMALL, "discriminator": discriminator, "gradient_penalty": penalty, "learning_rate": 1e-2}
    graph = tf.function(build_step(TrainConfig(**config)), jit_compile=compiled)
    random = np.random.default_rng(0)
    lr, hr = (random.random((2, side, side, 3), "float32") for side in (6, 24))
    history = [{name: float(value) for name, value in graph(lr, hr).items()} for _ in range(10)]
    assert all(np.isfinite(value) for scalars in history for value in scalars.values())
    penalties = [scalars["loss/gradient_penalty"] for scalars in history]
    assert 0 < min(penalties[5:]) < 0.5 * penalties[0]


@pytest.mark.parametrize(("arguments", "message"), [
    ({"adversarial": ""}, "--gradient_penalty=gp:10 needs a discriminator: give --adversarial too"),
    ({"precision": "mixed_bfloat16"}, "only --precision=float32 is exact enough; got mixed_bfloat16"),
    ({"gradient_penalty": "gp:-1"}, "--gradient_penalty must be NAME or NAME:WEIGHT with a weight of at least 0"),
    ({"gradient_penalty": "r2:1"}, "unknown gradient penalty 'r2'; known: gp, r1"),
    ({"discriminator": "patchgan", "discriminator_args": "norm:batch"},
     "PatchDiscriminator normalises over the batch: give --discriminator=unet"),
])
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_step(TrainConfig(**{**SMALL, "gradient_penalty": "gp:10", **arguments}))


def test_batch_statistics_are_found_inside_layers():
    with pytest.raises(ValueError, match="VGG128Discriminator normalises over the batch"):
        Penalty("r1", 1, VGG128Discriminator(32, features=2), 0)
