"""Between two networks: the way from faithful to lifelike, without training."""

from srgan_tf.errors import UserError
from srgan_tf.models.generator import Generator


def interpolate(generator_a: Generator, generator_b: Generator, alpha: float) -> Generator:
    """Network interpolation: a generator whose every weight is (1 - alpha) A + alpha B (arXiv 1809.00219, section 3.4).

    It gives sensible images where one network was trained on from the other, as ESRGAN is from its PSNR-oriented one.

    Args:
        generator_a: usually the PSNR-oriented one.
        generator_b: of the same architecture and arguments.
        alpha: 0 is A, 1 is B.

    Returns:
        A new generator under the policy of A.

    Raises:
        ValueError: the two differ in more than weights, or alpha is not within 0..1.
    """
    if not 0 <= alpha <= 1:
        raise UserError(f"alpha must be within 0..1; got {alpha}")
    for generator in (generator_a, generator_b):
        if not isinstance(generator, Generator):
            raise UserError(f"only generators can be interpolated; got a {type(generator).__name__}")
    one, other = (f"{type(generator).__name__} {generator.get_config()}" for generator in (generator_a, generator_b))
    if one != other:
        raise UserError(f"networks to interpolate must have the same architecture and arguments; got {one} and {other}")
    between = type(generator_a)(**generator_a.get_config(), dtype=generator_a.dtype_policy)
    pairs = zip(generator_a.get_weights(), generator_b.get_weights(), strict=True)
    between.set_weights([a if alpha == 0 else b if alpha == 1 else (1 - alpha) * a + alpha * b for a, b in pairs])
    return between
