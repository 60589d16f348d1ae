"""The networks between two models that ship: `--sharpness` and `--denoise`."""

from srgan_tf.config import STRENGTHS
from srgan_tf.hub import load_generator
from srgan_tf.models import Generator, interpolate
from srgan_tf.runtimes.keras import policy


def generator_between(name: str, strength: float, runtime: str = "tensorflow", precision: str = "") -> Generator:
    """The network between two models that ship, whose weights are interpolated.

    Args:
        name: of STRENGTHS.
        strength: 0 is its first model, 1 its second.
        runtime: what will run it, as in runtimes.Options.
        precision: the compute type, as in runtimes.Options.
    """
    dtype = policy(precision if runtime == "tensorflow" else "")
    return interpolate(*(load_generator(model, dtype) for model in STRENGTHS[name].models), strength)
