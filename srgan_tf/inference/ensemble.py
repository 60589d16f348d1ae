"""Geometric self-ensemble: the average of what a model makes of an image's eight symmetries, each turned back."""

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.imaging import to_uint8
from srgan_tf.inference.channels import float_run
from srgan_tf.runtimes import Runtime


def self_ensemble(runtime: Runtime) -> Runtime:
    """The runtime that upscales eight times and takes the average (EDSR, arXiv 1707.02921, section 3.4).

    The mean is of what the network gives before rounding and clipping, as the papers have it; where a runtime only
    gives rounded levels (a server, a SavedModel without the signature `float`), it is of those.

    Raises:
        ValueError: the model takes tiles of one size only that is not square, and so not their turned selves.
    """
    if runtime.fixed_tile and runtime.fixed_tile[0] != runtime.fixed_tile[1]:
        height, width = runtime.fixed_tile
        raise UserError(
            f"--self_ensemble needs a model that takes square tiles; {runtime.name} takes {width}x{height}")
    run = float_run(runtime)
    # That of an export is only a bound, and what is filled up for it would change the edges of one that needs none.
    alignment = 1 if runtime.receptive_radius is None else runtime.alignment

    def run_float(images: np.ndarray) -> np.ndarray:
        height, width = images.shape[1:3]
        # A turned image begins where this one ends: with an end at a multiple, cells of pixels stay what they are.
        more = [(0, -size % alignment) for size in (height, width)]
        images = np.pad(images, ((0, 0), *more, (0, 0)), mode="symmetric")
        total = 0.0
        for turns in range(4):
            for flipped in (False, True):
                total = total + _back(run(_forth(images, turns, flipped)), turns, flipped).astype(np.float64)
        return (total[:, : height * runtime.scale, : width * runtime.scale] / 8).astype(np.float32)

    return runtime._replace(run=lambda images: to_uint8(run_float(images)), run_float=run_float)


def _forth(images: np.ndarray, turns: int, flipped: bool) -> np.ndarray:
    images = images[:, :, ::-1] if flipped else images
    return np.ascontiguousarray(np.rot90(images, turns, axes=(1, 2)))


def _back(images: np.ndarray, turns: int, flipped: bool) -> np.ndarray:
    images = np.rot90(images, -turns, axes=(1, 2))
    return images[:, :, ::-1] if flipped else images
