"""Lessons: crops, their LR as a degradation makes it, and what a teacher makes of that LR; computed once, by `prepare`.

A network that is trained to make what a larger one makes (distillation) then pays nothing for the larger one.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from srgan_tf.config import PrepareConfig
from srgan_tf.data.degradation import open_degradation
from srgan_tf.data.pairs import Pair
from srgan_tf.data.synthesis import MARGIN, Synthesis, synthesize
from srgan_tf.errors import UserError
from srgan_tf.runtimes import Runtime, open_runtime


def check_lessons(config: PrepareConfig) -> None:
    """Opens the teacher and the degradation, each once in a process.

    Raises:
        UserError: there is no such model or degradation, or the teacher has another scale.
        OSError: a pool of the degradation cannot be read.
    """
    _maker(config.drawn, config.scale, config.kernel_pool, config.noise_pool)
    _open_teacher(config.teacher, config.precision, config.scale)


@functools.cache
def _open_teacher(name: str, precision: str, scale: int) -> Runtime:
    teacher = open_runtime(name, precision=precision, scale=scale)
    if teacher.scale != scale:
        raise UserError(f"--teacher={name} makes images {teacher.scale} times larger; got --scale={scale}")
    if teacher.fixed_tile:
        raise UserError(f"--teacher={name} takes images of one size only: give a model that takes any")
    return teacher


def lessons(config: PrepareConfig, name: str, pair: Pair) -> Iterator[tuple[str, Pair]]:
    """Cuts an image into crops and makes a lesson of each, the same ones whatever was made before.

    Args:
        config: its teacher, degradation, crop size, seed and scale.
        name: of the image; seeds what is drawn.
        pair: whose HR is cut. Crops lie evenly; those of an image that is smaller than --crop_size are as large as it
            allows. Its LR is not used.

    Yields:
        (name and place, pair with the teacher's image).
    """
    make = _maker(config.drawn, config.scale, config.kernel_pool, config.noise_pool)
    teacher = _open_teacher(config.teacher, config.precision, config.scale)
    side = min(config.crop_size, *pair.hr.shape[:2]) // config.scale * config.scale
    padded = tf.constant(np.pad(pair.hr, [(MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)], mode="symmetric"))
    for top in _places(pair.hr.shape[0], side):
        for left in _places(pair.hr.shape[1], side):
            here = f"{name} at {left},{top}"
            seed = _seed(config.seed, Path(here).name)  # equal wherever the folder lies
            lr, hr = (crop.numpy() for crop in make(padded, (top, left), side, seed))
            yield here, Pair(lr, hr, teacher.run(lr[None])[0])


def _places(length: int, side: int) -> list[int]:
    """Where crops begin that cover a length, evenly and as few as can be."""
    count = -(-length // side)
    return [round(number * (length - side) / max(count - 1, 1)) for number in range(count)]


def _seed(seed: int, text: str) -> tf.Tensor:
    digest = hashlib.sha256(f"{seed} {text}".encode("utf-8", "surrogateescape")).digest()
    return tf.constant(np.frombuffer(digest[:16], np.int64))


@functools.lru_cache(4)
def _maker(degradation: str, scale: int, *pools: str) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """f(image with a margin, (top, left), side, seed) -> lr, hr: uint8."""
    synthesis = Synthesis(open_degradation(degradation, scale, *pools), sharpen=False)

    @tf.function(reduce_retracing=True)
    def graph(padded: tf.Tensor, corner: tf.Tensor, seed: tf.Tensor, side: int) -> tuple[tf.Tensor, tf.Tensor]:
        def region(above: tf.Tensor, before: tf.Tensor, size: int) -> tf.Tensor:
            begin = corner + MARGIN - tf.stack([tf.cast(above, tf.int32), tf.cast(before, tf.int32)])
            return tf.slice(padded, [begin[0], begin[1], 0], [size, size, 3])

        return synthesize(synthesis, region, side, scale, tf.constant(0, tf.int64), seed)

    def make(padded: tf.Tensor, place: tuple[int, int], side: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.device("CPU"):  # as in the data pipeline
            return graph(padded, tf.constant(place), seed, side)

    return make
