"""`--sharpness`: between the faithful model that ships and the one that invents texture."""

from srgan_tf.config import FAITHFUL_MODEL, SHARP_MODEL
from srgan_tf.hub import load_generator
from srgan_tf.models import Generator, interpolate
from srgan_tf.runtimes.keras import policy


def generator_between(sharpness: float, runtime: str = "tensorflow", precision: str = "") -> Generator:
    """The network between the two models that ship, whose weights are interpolated.

    Args:
        sharpness: 0 is FAITHFUL_MODEL, 1 is SHARP_MODEL.
        runtime: what will run it, as in runtimes.Options.
        precision: its compute type, as in runtimes.Options.
    """
    dtype = policy(precision if runtime == "tensorflow" else "")
    return interpolate(load_generator(FAITHFUL_MODEL, dtype), load_generator(SHARP_MODEL, dtype), sharpness)
