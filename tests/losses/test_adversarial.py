import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.losses import ADVERSARIAL, HINGE, LEAST_SQUARES, RELATIVISTIC, VANILLA, WASSERSTEIN

RANDOM = np.random.default_rng(0)
REAL, FAKE = RANDOM.normal(1, 2, (8, 1)).astype("float32"), RANDOM.normal(-1, 2, (8, 1)).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def formulas(real, fake) -> dict:
    """Each pair's two losses as the papers print them, in float64."""
    real, fake = real.astype("float64"), fake.astype("float64")
    real_rel, fake_rel = sigmoid(real - fake.mean()), sigmoid(fake - real.mean())
    return {
        VANILLA: (
            -np.log(sigmoid(fake)).mean(),
            -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean()),
        RELATIVISTIC: (
            -np.log(1 - real_rel).mean() - np.log(fake_rel).mean(),
            -np.log(real_rel).mean() - np.log(1 - fake_rel).mean()),
        LEAST_SQUARES: (
            ((fake - 1) ** 2).mean() / 2,
            ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2),
        HINGE: (
            -fake.mean(),
            np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()),
        WASSERSTEIN: (-fake.mean(), fake.mean() - real.mean()),
    }


def gradient(loss, real, fake) -> tuple[np.ndarray, np.ndarray]:
    real, fake = tf.Variable(real), tf.Variable(fake)
    with tf.GradientTape() as tape:
        value = loss(real, fake)
    assert np.isfinite(value)
    return tuple(
        np.zeros(1) if found is None else found.numpy() for found in tape.gradient(value, (real, fake)))


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_formulas(name):
    pair = ADVERSARIAL[name]
    generator, discriminator = formulas(REAL, FAKE)[pair]
    for value, expected in (
            (pair.generator_loss(REAL, FAKE), generator), (pair.discriminator_loss(REAL, FAKE), discriminator)):
        assert value.shape == ()
        assert value.dtype == "float32"
        assert float(value) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_logits_may_be_of_patches_or_pixels(name):
    for loss in ADVERSARIAL[name]:
        value = loss(REAL.reshape(2, 2, 2, 1), FAKE.reshape(2, 2, 2, 1))
        assert value.shape == ()
        assert float(value) == pytest.approx(float(loss(REAL, FAKE)), rel=1e-6)


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_extreme_logits(name, signs):
    real, fake = (np.full((4, 1), sign * 1e4, "float32") for sign in signs)
    for loss in ADVERSARIAL[name]:
        assert all(np.isfinite(part).all() for part in gradient(loss, real, fake))


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_players_pull_apart(name):
    pair = ADVERSARIAL[name]
    real, fake = sigmoid(REAL), sigmoid(FAKE)  # between the targets of least_squares and within the hinge
    assert (gradient(pair.generator_loss, real, fake)[1] < 0).all()  # fakes up
    real_gradient, fake_gradient = gradient(pair.discriminator_loss, real, fake)
    assert (real_gradient < 0).all()  # real up
    assert (fake_gradient > 0).all()  # fakes down


@pytest.mark.parametrize("name", ["vanilla", "relativistic"])
def test_a_beaten_generator_keeps_its_gradient(name):
    real, fake = np.full((4, 1), 1e4, "float32"), np.full((4, 1), -1e4, "float32")
    assert (gradient(ADVERSARIAL[name].generator_loss, real, fake)[1] < -0.1).all()


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_half_precision_logits_give_a_float32_loss(name):
    for loss in ADVERSARIAL[name]:
        value = loss(tf.cast(REAL, "float16"), tf.cast(FAKE, "float16"))
        assert value.dtype == "float32"
        assert float(value) == pytest.approx(float(loss(REAL, FAKE)), rel=1e-2)


def test_relativistic_swaps_the_players():
    assert float(RELATIVISTIC.generator_loss(REAL, FAKE)) == float(RELATIVISTIC.discriminator_loss(FAKE, REAL))


def test_relativistic_sees_differences_only():
    for loss in RELATIVISTIC:
        assert float(loss(REAL + 5, FAKE + 5)) == pytest.approx(float(loss(REAL, FAKE)), rel=1e-5)


def test_relativistic_is_summed():
    same = np.full((4, 1), 3.0, "float32")
    for loss in RELATIVISTIC:
        assert float(loss(same, same)) == pytest.approx(2 * np.log(2))


def test_relativistic_compares_with_the_mean_that_it_is_given():
    # One replica's logits against averages over all of them.
    everything = {REAL[:4].tobytes(): REAL.mean(), FAKE[:4].tobytes(): FAKE.mean()}
    value = RELATIVISTIC.discriminator_loss(REAL[:4], FAKE[:4], lambda logits: everything[np.asarray(logits).tobytes()])
    expected = -np.log(sigmoid(REAL[:4] - FAKE.mean())).mean() - np.log(1 - sigmoid(FAKE[:4] - REAL.mean())).mean()
    assert float(value) == pytest.approx(expected, rel=1e-5)
    assert float(value) != pytest.approx(float(RELATIVISTIC.discriminator_loss(REAL[:4], FAKE[:4])), rel=1e-2)


@pytest.mark.parametrize("name", ["vanilla", "least_squares", "hinge", "wgan"])
def test_the_others_do_not_use_the_mean(name):
    def unused(_):
        raise AssertionError

    for loss in ADVERSARIAL[name]:
        assert float(loss(REAL, FAKE, unused)) == float(loss(REAL, FAKE))
