"""`--mix`: crops made of two, or with their colours exchanged, so that few photographs last longer.

CutMix and Mixup as arXiv 2004.00448 (section 3) has them for super-resolution: the same of LR and HR. Its CutBlur needs
networks whose input has the size of their output, which those of this package have not.
"""

import math
from collections.abc import Callable

import tensorflow as tf

from srgan_tf.data.degradation.draws import uniform
from srgan_tf.errors import UserError
from srgan_tf.settings import lookup

Crops = tuple[tf.Tensor, tf.Tensor]
"""LR uint8 [P/s,P/s,3] and HR uint8 [P,P,3 or 6]."""


def cutmix(one: Crops, other: Callable[[], Crops], seed: tf.Tensor) -> Crops:
    """Puts a rectangle of another crop, of a quarter to three quarters of each side, in the place of its own."""
    side = one[0].shape[0]
    scale = one[1].shape[0] // side
    size = tf.cast(side * uniform(seed, [2], 0.25, 0.75), tf.int32)
    corner = tf.cast(uniform(seed + 1, [2]) * tf.cast(side - size + 1, tf.float32), tf.int32)
    inside = [(tf.range(side) >= corner[axis]) & (tf.range(side) < corner[axis] + size[axis]) for axis in (0, 1)]
    mask = inside[0][:, None] & inside[1][None, :]
    large = tf.repeat(tf.repeat(mask, scale, 0), scale, 1)
    return tuple(tf.where(where[..., None], theirs, own)
                 for where, own, theirs in zip((mask, large), one, other(), strict=True))


def mixup(one: Crops, other: Callable[[], Crops], seed: tf.Tensor) -> Crops:
    """Averages two crops by weights from Beta(1.2, 1.2)."""
    gammas = tf.random.stateless_gamma([2], seed, 1.2)
    share = gammas[0] / tf.reduce_sum(gammas)
    return tuple(tf.cast(tf.floor(share * tf.cast(own, tf.float32) + (1 - share) * tf.cast(theirs, tf.float32) + 0.5),
                         tf.uint8) for own, theirs in zip(one, other(), strict=True))


def rgb(one: Crops, other: Callable[[], Crops], seed: tf.Tensor) -> Crops:
    """Exchanges red, green and blue."""
    order = tf.argsort(uniform(seed, [3]))
    lr, hr = one
    groups = tf.split(hr, hr.shape[-1] // 3, -1)
    return tf.gather(lr, order, axis=-1), tf.concat([tf.gather(group, order, axis=-1) for group in groups], -1)


MIXES = {"cutmix": cutmix, "mixup": mixup, "rgb": rgb}


def parse_mixes(text: str) -> dict[str, float]:
    """Reads "cutmix:0.3,rgb:0.1": which of MIXES happen to how many of the crops.

    Raises:
        UserError: an unknown name, or shares that are no probabilities or add up to more than 1.
    """
    mixes = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, share = (piece.strip() for piece in part.partition(":"))
        lookup(MIXES, name, "mix")
        try:
            mixes[name] = float(share)
        except ValueError:
            mixes[name] = math.nan
        if not 0 < mixes[name] <= 1:
            raise UserError(f"--mix needs a share of the crops for each name, above 0 and up to 1, as in {name}:0.3; "
                            f"got {part!r}")
    if sum(mixes.values()) > 1:
        raise UserError(f"the shares of --mix must add up to 1 at most; got {text!r}")
    return mixes


def mixed(sample: Callable[[tf.Tensor], Crops], mixes: dict[str, float], seed: int) -> Callable[[tf.Tensor], Crops]:
    """A sampler some of whose crops are mixed; those left alone are what `sample` gives.

    Args:
        sample: from a number to crops, the same for the same number.
        mixes: as `parse_mixes` returns them.
        seed: of what is drawn.
    """
    limits = [sum(list(mixes.values())[: count + 1]) for count in range(len(mixes))]

    def load(number: tf.Tensor) -> Crops:
        # Partners have numbers that no step reaches.
        one, other = sample(number), lambda: sample(number + 2**40)
        seeds = tf.unstack(tf.random.split(tf.stack([tf.cast(seed, tf.int64), number]), 2))
        kind = tf.searchsorted(tf.constant(limits), uniform(seeds[0], [1]), side="right")[0]
        made = [lambda fn=MIXES[name]: fn(one, other, seeds[1]) for name in mixes]
        lr, hr = tf.switch_case(kind, [*made, lambda: one])
        return tf.ensure_shape(lr, one[0].shape), tf.ensure_shape(hr, one[1].shape)

    return load
