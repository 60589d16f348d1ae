"""The degradations by name."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import tensorflow as tf

from srgan_tf.data.degradation.chains import first_order, real_esrgan, whole_levels
from srgan_tf.data.degradation.draws import Drawn, choice
from srgan_tf.data.degradation.pools import read_kernels, read_noise
from srgan_tf.data.degradation.realsr import realsr
from srgan_tf.data.degradation.resizing import bicubic_downsample, gaussian_downsample
from srgan_tf.errors import UserError
from srgan_tf.settings import lookup

Degrade = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, Drawn]]
"""From HR float32 [B,H,W,3] and a seed [2] to LR float32 [B,H/s,W/s,3] in whole grey levels, and what was drawn."""


def open_degradation(name: str, scale: int, kernel_pool: str = "", noise_pool: str = "") -> Degrade:
    """Opens one of the DEGRADATIONS.

    Args:
        name: its name; or several and their shares, as in "real_esrgan:5,bicubic:1", one of which is drawn a call.
        scale: HR side over LR side.
        kernel_pool: folder of kernels, for realsr.
        noise_pool: folder of noise patches, for realsr.

    Raises:
        ValueError: an unknown name, pools that it does not take or cannot do without, or a pool that cannot be used.
        OSError: a pool cannot be read.
    """
    shares = dict(_parse_share(part, name) for part in name.split(","))
    if "realsr" not in shares and (kernel_pool or noise_pool):
        raise UserError(f"--kernel_pool and --noise_pool are for --degradation=realsr; got --degradation={name}")
    opened = [DEGRADATIONS[part](scale, kernel_pool, noise_pool) for part in shares]
    total = sum(shares.values())
    return partial(_one_of, degradations=opened, shares=[share / total for share in shares.values()])


def _parse_share(part: str, whole: str) -> tuple[str, float]:
    """`NAME` or `NAME:SHARE`."""
    name, separator, text = (piece.strip() for piece in part.partition(":"))
    lookup(DEGRADATIONS, name, "degradation")
    try:
        share = float(text) if separator else 1.0
    except ValueError:
        share = math.nan
    if not 0 < share < math.inf:
        raise UserError(f"--degradation={whole}: the share of {name} must be a positive number; got {text!r}")
    return name, share


def _one_of(hr: tf.Tensor, seed: tf.Tensor, degradations: Sequence[Degrade], shares: Sequence[float]
            ) -> tuple[tf.Tensor, Drawn]:
    if len(degradations) == 1:
        return degradations[0](hr, seed)
    seeds = tf.unstack(tf.random.split(seed, 2))
    number = choice(seeds[0], 1, shares)[0]
    lr = tf.switch_case(number, [partial(_only_lr, degrade, hr, seeds[1]) for degrade in degradations])
    return lr, {"degradation": {"number": number}}


def _only_lr(degrade: Degrade, hr: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    return degrade(hr, seed)[0]


def _bicubic(hr: tf.Tensor, seed: tf.Tensor, scale: int) -> tuple[tf.Tensor, Drawn]:
    return whole_levels(bicubic_downsample(hr, scale)), {}


def _gaussian(hr: tf.Tensor, seed: tf.Tensor, scale: int) -> tuple[tf.Tensor, Drawn]:
    return whole_levels(gaussian_downsample(hr, scale)), {}


def _realsr(scale: int, kernel_pool: str, noise_pool: str) -> Degrade:
    if not kernel_pool and not noise_pool:
        raise UserError("--degradation=realsr needs --kernel_pool=DIR, --noise_pool=DIR or both")
    with tf.device("CPU"):  # where the data pipeline is; tensors, so that no graph holds a copy
        kernels = tf.constant(read_kernels(kernel_pool, scale)) if kernel_pool else None
        patches = tf.constant(read_noise(noise_pool)) if noise_pool else None
    return partial(realsr, scale=scale, kernels=kernels, patches=patches)


DEGRADATIONS: dict[str, Callable[[int, str, str], Degrade]] = {
    "bicubic": lambda scale, *pools: partial(_bicubic, scale=scale),
    "gaussian": lambda scale, *pools: partial(_gaussian, scale=scale),
    "first_order": lambda scale, *pools: partial(first_order, scale=scale),
    "real_esrgan": lambda scale, *pools: partial(real_esrgan, scale=scale),
    "realsr": _realsr,
}
