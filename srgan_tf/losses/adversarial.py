"""Adversarial losses: pairs of f(real_logits, fake_logits, mean) -> float32 scalar, to be minimised.

Logits are the discriminator's, without a sigmoid, of any shape: one an image, a patch or a pixel. -log sigmoid(x) is
written softplus(-x), which neither overflows nor loses its gradient. `mean` is the average that the relativistic pair
compares with; a training that is spread over replicas hands in one that covers them all. Every pair takes it, so that a
step calls them blindly.
"""

from collections.abc import Callable
from typing import NamedTuple

from keras import KerasTensor, ops


class Adversarial(NamedTuple):
    """The losses of the generator and the discriminator.

    Attributes:
        generator_loss: falls as fakes pass for real.
        discriminator_loss: falls as real and fake are told apart.
    """

    generator_loss: Callable
    discriminator_loss: Callable


def vanilla_generator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """-log D(G(x)), the non-saturating form (SRGAN, arXiv 1609.04802, Eq. 6)."""
    return _log_loss(fake)


def vanilla_discriminator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """-log D(y) - log(1 - D(G(x))) (SRGAN, Eq. 2)."""
    return _log_loss(real) + _log_loss(_negative(fake))


def relativistic_generator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """Fake images should look more real than real ones do on average, and the reverse (ESRGAN, Eq. 2)."""
    return relativistic_discriminator(fake, real, mean)


def relativistic_discriminator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """Real images should look more real than fake ones do on average, and the reverse (ESRGAN, Eq. 1).

    The two expectations are summed, as printed (arXiv 1809.00219, section 3.2); BasicSR halves the sum.
    """
    real, fake = _float(real), _float(fake)
    return _log_loss(real - mean(fake)) + _log_loss(mean(real) - fake)


def least_squares_generator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """(D(G(x)) - 1)^2 / 2 (LSGAN, arXiv 1611.04076, Eq. 9)."""
    return ops.mean(ops.square(_float(fake) - 1)) / 2


def least_squares_discriminator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """((D(y) - 1)^2 + D(G(x))^2) / 2 (LSGAN, Eq. 9)."""
    return (ops.mean(ops.square(_float(real) - 1)) + ops.mean(ops.square(_float(fake)))) / 2


def hinge_generator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """-D(G(x)) (spectral normalisation, arXiv 1802.05957, Eq. 17)."""
    return -ops.mean(_float(fake))


def hinge_discriminator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """max(0, 1 - D(y)) + max(0, 1 + D(G(x))) (arXiv 1802.05957, Eq. 16)."""
    return ops.mean(ops.relu(1 - _float(real))) + ops.mean(ops.relu(1 + _float(fake)))


def wasserstein_generator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """-D(G(x)) (WGAN-GP, arXiv 1704.00028, algorithm 1)."""
    return hinge_generator(real, fake, mean)


def wasserstein_discriminator(real: KerasTensor, fake: KerasTensor, mean: Callable = ops.mean) -> KerasTensor:
    """D(G(x)) - D(y) (WGAN-GP, Eq. 3, without the penalty). It has no lower bound: the penalty is what holds it."""
    return ops.mean(_float(fake)) - ops.mean(_float(real))


def _log_loss(logits: KerasTensor) -> KerasTensor:
    """-log sigmoid(logits), averaged over the batch."""
    return ops.mean(ops.softplus(_negative(logits)))


def _negative(logits: KerasTensor) -> KerasTensor:
    return -_float(logits)


def _float(logits: KerasTensor) -> KerasTensor:
    return ops.cast(logits, "float32")


VANILLA = Adversarial(vanilla_generator, vanilla_discriminator)
RELATIVISTIC = Adversarial(relativistic_generator, relativistic_discriminator)
LEAST_SQUARES = Adversarial(least_squares_generator, least_squares_discriminator)
HINGE = Adversarial(hinge_generator, hinge_discriminator)
WASSERSTEIN = Adversarial(wasserstein_generator, wasserstein_discriminator)

ADVERSARIAL = {
    "vanilla": VANILLA,
    "relativistic": RELATIVISTIC,
    "least_squares": LEAST_SQUARES,
    "hinge": HINGE,
    "wgan": WASSERSTEIN,
}
