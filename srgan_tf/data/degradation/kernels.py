"""Blur kernels, batched: Gaussian, generalised Gaussian, plateau and sinc.

All lie in a grid of GRID by GRID; a kernel of a smaller odd size is zero outside its square. They sum to one.

Source: Real-ESRGAN (arXiv 2107.10833, section 3.2 and appendix; the ranges are those of the authors' options for
RealESRNet x4plus); generalised and plateau-shaped kernels after Liu et al., "Estimating generalized Gaussian blur
kernels", 2020.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from srgan_tf.data.degradation.draws import choice, happens, uniform

GRID = 21
SIZES = tuple(range(7, GRID + 1, 2))
KINDS = ("isotropic", "anisotropic", "generalised isotropic", "generalised anisotropic", "plateau isotropic",
         "plateau anisotropic", "sinc", "none")
KIND_PROBABILITIES = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)  # of the first six
SINC, NONE = KINDS.index("sinc"), KINDS.index("none")
BETA_GENERALISED, BETA_PLATEAU = (0.5, 4.0), (1.0, 2.0)
SINC_PROBABILITY = 0.1


class Kernels(NamedTuple):
    """Kernels and what they were made from.

    Attributes:
        kernels: float32 [B,GRID,GRID].
        drawn: the parameters by name, [B] each: kind (a place in KINDS), size in pixels, and those that the kind has.
    """

    kernels: tf.Tensor
    drawn: dict[str, tf.Tensor]


def generalised_gaussian(sigmas: tf.Tensor, angle: tf.Tensor, beta: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """exp(-1/2 (x' S^-1 x)^beta); beta 1 is the Gaussian.

    Args:
        sigmas: float32 [B,2], standard deviations in pixels along the kernel's own axes.
        angle: float32 [B], of the first axis against the image's rows, in radians, from right to down.
        beta: float32 [B], the shape: above 1 flatter, below 1 more pointed.
        size: int32 [B], odd, at most GRID.

    Returns:
        float32 [B,GRID,GRID].
    """
    return _within(tf.exp(-0.5 * _form(sigmas, angle) ** beta[:, None, None]), size)


def plateau(sigmas: tf.Tensor, angle: tf.Tensor, beta: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """1 / (1 + (x' S^-1 x)^beta); arguments and result as of `generalised_gaussian`."""
    return _within(1 / (1 + _form(sigmas, angle) ** beta[:, None, None]), size)


def sinc(cutoff: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """The circular low-pass filter w J1(w r) / (2 pi r), which rings as sharpening and compression do.

    Args:
        cutoff: float32 [B], w, in radians a pixel, up to pi.
        size: int32 [B], odd, at most GRID.

    Returns:
        float32 [B,GRID,GRID].
    """
    y, x = _offsets()
    cutoff = cutoff[:, None, None]
    radius = tf.sqrt(x**2 + y**2)[None]
    away = tf.maximum(radius, 1.0)  # the centre has its own formula
    ring = cutoff * tf.math.special.bessel_j1(cutoff * away) / (2 * math.pi * away)
    return _within(tf.where(radius > 0, ring, cutoff**2 / (4 * math.pi)), size)


def _offsets() -> tuple[tf.Tensor, tf.Tensor]:
    """Rows [GRID,1] and columns [1,GRID] from the centre."""
    axis = tf.range(GRID, dtype=tf.float32) - GRID // 2
    return axis[:, None], axis[None]


def _form(sigmas: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Returns x' S^-1 x at every place, [B,GRID,GRID], S of the given axes."""
    y, x = _offsets()
    cos, sin = tf.cos(angle)[:, None, None], tf.sin(angle)[:, None, None]
    along, across = (cos * x + sin * y) / sigmas[:, 0, None, None], (cos * y - sin * x) / sigmas[:, 1, None, None]
    return along**2 + across**2


def _within(values: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Zero outside the square of the size, and sums to one."""
    y, x = _offsets()
    inside = tf.maximum(tf.abs(x), tf.abs(y))[None] <= tf.cast(size // 2, tf.float32)[:, None, None]
    values = tf.where(inside, values, 0)
    return values / tf.reduce_sum(values, [1, 2], keepdims=True)


def draw_kernels(seed: tf.Tensor, batch: int | tf.Tensor, sigma: tuple[float, float]) -> Kernels:
    """Draws blur kernels as Real-ESRGAN does: a sinc filter now and then, else one of the six others.

    Args:
        seed: integer [2].
        batch: number of kernels.
        sigma: range of the standard deviations in pixels.
    """
    seeds = tf.unstack(tf.random.split(seed, 8))
    kind = tf.where(happens(seeds[0], batch, SINC_PROBABILITY), SINC, choice(seeds[1], batch, KIND_PROBABILITIES))
    size = _draw_size(seeds[2], batch)
    sigmas = uniform(seeds[3], [batch, 2], *sigma)
    isotropic = (kind % 2 == 0)[:, None]
    sigmas = tf.where(isotropic, sigmas[:, :1], sigmas)
    angle = tf.where(isotropic[:, 0], 0.0, uniform(seeds[4], [batch], -math.pi, math.pi))
    flat = kind // 2 == 2
    beta = tf.where(flat, _draw_beta(seeds[5], batch, BETA_PLATEAU), _draw_beta(seeds[5], batch, BETA_GENERALISED))
    beta = tf.where(kind < 2, 1.0, beta)
    # A small kernel cannot hold a low cutoff.
    cutoff = uniform(seeds[6], [batch]) * (math.pi - _lowest_cutoff(size)) + _lowest_cutoff(size)
    bell, table, ring = (generalised_gaussian(sigmas, angle, beta, size), plateau(sigmas, angle, beta, size),
                         sinc(cutoff, size))
    kernels = tf.where((kind == SINC)[:, None, None], ring, tf.where(flat[:, None, None], table, bell))
    return Kernels(kernels, {"kind": kind, "size": size, "sigma_x": sigmas[:, 0], "sigma_y": sigmas[:, 1],
                             "angle": angle, "beta": beta, "cutoff": cutoff})


def draw_final_sinc(seed: tf.Tensor, batch: int | tf.Tensor, probability: float) -> Kernels:
    """Draws sinc filters of any size, or with the rest of the probability kernels that change nothing."""
    seeds = tf.unstack(tf.random.split(seed, 3))
    size, cutoff = _draw_size(seeds[0], batch), uniform(seeds[1], [batch], math.pi / 3, math.pi)
    kind = tf.where(happens(seeds[2], batch, probability), SINC, NONE)
    return Kernels(pass_over(sinc(cutoff, size), kind == NONE), {"kind": kind, "size": size, "cutoff": cutoff})


def pass_over(kernels: tf.Tensor, these: tf.Tensor) -> tf.Tensor:
    """Puts kernels that change nothing where `these` [B] is true."""
    y, x = _offsets()
    pulse = tf.cast(tf.logical_and(x == 0, y == 0), tf.float32)
    return tf.where(these[:, None, None], pulse, kernels)


def _draw_size(seed: tf.Tensor, batch: int | tf.Tensor) -> tf.Tensor:
    return SIZES[0] + 2 * tf.random.stateless_uniform([batch], seed, 0, len(SIZES), tf.int32)


def _draw_beta(seed: tf.Tensor, batch: int | tf.Tensor, limits: tuple[float, float]) -> tf.Tensor:
    """Below 1 as often as above it, uniform on either side."""
    side, place = tf.unstack(uniform(seed, [2, batch]))
    return tf.where(side < 0.5, limits[0] + place * (1 - limits[0]), 1 + place * (limits[1] - 1))


def _lowest_cutoff(size: tf.Tensor) -> tf.Tensor:
    return tf.where(size < 13, math.pi / 3, math.pi / 5)
