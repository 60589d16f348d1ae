"""Interpolates between two networks of the same architecture, and draws sheets of their outputs.

Examples:
    python -m srgan_tf.interpolate --model_a=fidelity_x4 --model_b=perceptual_x4 --alpha=0.5 --output=between
    python -m srgan_tf.interpolate --model_a=runs/esrgan_psnr --model_b=runs/esrgan --input=photo.jpg
"""

import functools
import typing
from collections.abc import Sequence
from pathlib import Path

from srgan_tf import flags
from srgan_tf.atomic import check_writable
from srgan_tf.config import InterpolateConfig
from srgan_tf.errors import UserError
from srgan_tf.text import expand, printable

if typing.TYPE_CHECKING:
    import numpy as np


def main(config: InterpolateConfig) -> None:
    """Writes a model for each alpha, then the images."""
    output = expand(config.output)
    check_writable(output)
    found = [flags.resolve_model(model, config.offline) for model in (config.model_a, config.model_b)]
    images = read_inputs(config.input)
    flags.import_keras("interpolate")
    with flags.quiet_imports():
        from srgan_tf.evaluation.interpolation_sheets import write_images
        from srgan_tf.hub import load_model
        from srgan_tf.models import interpolate, save_model

        ends = [load_model(model, dtype="float32") for model in found]
    output.mkdir(parents=True, exist_ok=True)
    generators = {}
    for alpha in config.alpha:
        generators[alpha] = interpolate(*ends, alpha)
        save_model(generators[alpha], output / f"alpha_{alpha:g}.keras")
        print(printable(output / f"alpha_{alpha:g}.keras"))
    tiling = {"tile": config.tile, "overlap": config.overlap}
    for sheet in write_images(output, images, ends, generators, config.pixels, tiling):
        print(printable(sheet))


def read_inputs(paths: Sequence[str]) -> "dict[str, np.ndarray]":
    """The images of --input by their names without endings: uint8 or uint16 [H,W,3] or [H,W,4]."""
    from srgan_tf.imaging import read_image

    images = {}
    for path in map(Path, paths):
        if path.stem in images:
            raise UserError(f"two images of --input are called {path.stem}, and their results would overwrite one "
                            "another: rename one")
        images[path.stem] = read_image(expand(path), keep_depth=True).pixels
    return images


run = functools.partial(flags.run, main, InterpolateConfig)

if __name__ == "__main__":
    run()
