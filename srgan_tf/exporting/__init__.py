"""Exports: a generator in the formats that other software takes, each a function in FORMATS."""

from collections.abc import Sequence

from srgan_tf.errors import UserError
from srgan_tf.exporting.card import summary
from srgan_tf.exporting.saved_model import export_saved_model
from srgan_tf.exporting.tflite import export_tflite
from srgan_tf.models import ClipGenerator, Generator

FORMATS = {"saved_model": export_saved_model, "tflite": export_tflite}
OVER_TIME = ("saved_model",)  # those that can hand on a state


def check_formats(generator: Generator, names: Sequence[str]) -> None:
    """Raises a UserError where a format does not suit the network."""
    for name in names:
        if isinstance(generator, ClipGenerator) and name not in OVER_TIME:
            raise UserError(f"--format={name} holds no network over time ({type(generator).__name__}): give "
                            f"--format={','.join(OVER_TIME)}")


__all__ = ["FORMATS", "check_formats", "export_saved_model", "export_tflite", "summary"]
