"""From a high-resolution image to a low one by a random chain of blur, resizing, noise and compression.

Every function takes float32 [B,H,W,3] in [0, 1] and a seed, and what it draws depends on the seed alone. Blur kernels,
strengths of noise, grey or not, and qualities are drawn for each image; what decides over shapes and branches (sizes,
modes, Gaussian or Poisson, the order of the last steps) is drawn once a call. Training calls with one image at a
time, so that there everything is drawn for each.

Source: Real-ESRGAN (arXiv 2107.10833, section 3); probabilities and ranges are those of the authors' options for
RealESRNet x4plus.
"""

from typing import NamedTuple

import tensorflow as tf

from srgan_tf.data.degradation.compression import jpeg
from srgan_tf.data.degradation.draws import Drawn, choice, happens, uniform
from srgan_tf.data.degradation.filtering import filter_images
from srgan_tf.data.degradation.kernels import NONE, draw_final_sinc, draw_kernels, pass_over
from srgan_tf.data.degradation.noise import gaussian_noise, poisson_noise
from srgan_tf.data.degradation.resizing import MODES, resize

GAUSSIAN, POISSON = 0, 1


class Stage(NamedTuple):
    """How one round is drawn.

    Attributes:
        blur: probability of it.
        sigma: of blur kernels, in pixels.
        directions: probabilities of upscaling, reducing and keeping the size.
        factor: least and greatest factor of the size.
        gaussian: probability of Gaussian noise; else Poisson.
        sigma_noise: of Gaussian noise, in grey levels.
        strength: factor on Poisson noise.
        grey: probability of grey noise.
        quality: of JPEG.
    """

    blur: float
    sigma: tuple[float, float]
    directions: tuple[float, float, float]
    factor: tuple[float, float]
    gaussian: float
    sigma_noise: tuple[float, float]
    strength: tuple[float, float]
    grey: float
    quality: tuple[float, float]


FIRST = Stage(1.0, (0.2, 3.0), (0.2, 0.7, 0.1), (0.15, 1.5), 0.5, (1.0, 30.0), (0.05, 3.0), 0.4, (30.0, 95.0))
SECOND = Stage(0.8, (0.2, 1.5), (0.3, 0.4, 0.3), (0.3, 1.2), 0.5, (1.0, 25.0), (0.05, 2.5), 0.4, (30.0, 95.0))
FINAL_SINC = 0.8


def first_order(hr: tf.Tensor, seed: tf.Tensor, scale: int) -> tuple[tf.Tensor, Drawn]:
    """The classical chain once, with the ranges of Real-ESRGAN's first round: blur, reduction, noise, JPEG.

    Args:
        hr: float32 [B,H,W,3], H and W multiples of the scale.
        seed: integer [2].
        scale: how many times smaller the result is.

    Returns:
        LR, float32 [B,H/scale,W/scale,3] in whole grey levels, and what was drawn.
    """
    seeds = tf.unstack(tf.random.split(seed, 4))
    height, width = _size(hr)
    images, blur = _blur(hr, seeds[0], FIRST)
    images, size = _resize_to(images, seeds[1], height // scale, width // scale)
    images, noise = _noise(images, seeds[2], FIRST)
    images, quality = _compress(images, seeds[3], FIRST)
    return _fixed(images, hr, scale), {"blur": blur, "resize": size, "noise": noise, "jpeg": quality}


def real_esrgan(hr: tf.Tensor, seed: tf.Tensor, scale: int) -> tuple[tf.Tensor, Drawn]:
    """Real-ESRGAN's second-order chain; arguments and result as of `first_order`.

    Two rounds of blur, resizing, noise and JPEG; around the last JPEG, before or after it with equal probability, the
    image comes to its size and through a sinc filter.
    """
    seeds = tf.unstack(tf.random.split(seed, 11))
    height, width = _size(hr)
    low = height // scale, width // scale
    images, drawn = hr, {}
    images, drawn["blur 1"] = _blur(images, seeds[0], FIRST)
    images, drawn["resize 1"] = _resize_by(images, seeds[1], FIRST, height, width)
    images, drawn["noise 1"] = _noise(images, seeds[2], FIRST)
    images, drawn["jpeg 1"] = _compress(images, seeds[3], FIRST)
    images, drawn["blur 2"] = _blur(images, seeds[4], SECOND)
    images, drawn["resize 2"] = _resize_by(images, seeds[5], SECOND, *low)
    images, drawn["noise 2"] = _noise(images, seeds[6], SECOND)
    kernels = draw_final_sinc(seeds[7], _batch(hr), FINAL_SINC)
    jpeg_last = happens(seeds[8], 1, 0.5)[0]
    mode, quality = _mode(seeds[9]), uniform(seeds[10], [_batch(hr)], *SECOND.quality)

    def fit(images: tf.Tensor) -> tf.Tensor:
        return _filtered(resize(images, *low, mode), kernels.kernels, kernels.drawn["kind"])

    images = tf.cond(jpeg_last, lambda: jpeg(fit(images), quality), lambda: fit(jpeg(images, quality)))
    drawn["last"] = {**kernels.drawn, "mode": mode}
    drawn["jpeg 2"] = {"quality": tf.round(quality), "after": jpeg_last}
    return _fixed(images, hr, scale), drawn


def whole_levels(images: tf.Tensor) -> tf.Tensor:
    """Rounded half up to grey levels of 255 and clipped, as a file would hold them."""
    return tf.clip_by_value(tf.floor(images * 255 + 0.5), 0, 255) / 255


def _fixed(images: tf.Tensor, hr: tf.Tensor, scale: int) -> tf.Tensor:
    height, width = (side and side // scale for side in hr.shape[1:3])
    return tf.ensure_shape(whole_levels(images), [hr.shape[0], height, width, 3])


def _batch(images: tf.Tensor) -> tf.Tensor:
    return tf.shape(images)[0]


def _size(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.shape(images)[1], tf.shape(images)[2]


def _blur(images: tf.Tensor, seed: tf.Tensor, stage: Stage) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    seeds = tf.unstack(tf.random.split(seed, 2))
    kernels, drawn = draw_kernels(seeds[0], _batch(images), stage.sigma)
    blurred = happens(seeds[1], _batch(images), stage.blur)
    kind = tf.where(blurred, drawn["kind"], NONE)
    return _filtered(images, pass_over(kernels, ~blurred), kind), {**drawn, "kind": kind}


def _filtered(images: tf.Tensor, kernels: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    """Filters, unless every kernel changes nothing."""
    filtered = tf.cond(tf.reduce_all(kind == NONE), lambda: images, lambda: filter_images(images, kernels))
    return tf.ensure_shape(filtered, images.shape)


def _mode(seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform([], seed, 0, len(MODES), tf.int32)


def _resize_by(images: tf.Tensor, seed: tf.Tensor, stage: Stage, height: tf.Tensor, width: tf.Tensor,
               ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """To a random factor of the given size, which need not be that of the images."""
    seeds = tf.unstack(tf.random.split(seed, 3))
    place = uniform(seeds[1], [])
    low, high = stage.factor
    factors = tf.stack([1 + place * (high - 1), low + place * (1 - low), 1.0])
    factor = factors[choice(seeds[0], 1, stage.directions)[0]]
    sides = [tf.maximum(1, tf.cast(tf.cast(side, tf.float32) * factor, tf.int32)) for side in (height, width)]
    mode = _mode(seeds[2])
    return resize(images, *sides, mode), {"mode": mode, "factor": factor}


def _resize_to(images: tf.Tensor, seed: tf.Tensor, height: tf.Tensor, width: tf.Tensor,
               ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    mode = _mode(seed)
    return resize(images, height, width, mode), {"mode": mode, "factor": height / _size(images)[0]}


def _noise(images: tf.Tensor, seed: tf.Tensor, stage: Stage) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    seeds, batch = tf.unstack(tf.random.split(seed, 5)), _batch(images)
    images = tf.clip_by_value(images, 0, 1)  # bicubic may have overshot
    kind = tf.where(happens(seeds[0], 1, stage.gaussian)[0], GAUSSIAN, POISSON)
    sigma, strength = uniform(seeds[1], [batch], *stage.sigma_noise), uniform(seeds[2], [batch], *stage.strength)
    grey = happens(seeds[3], batch, stage.grey)
    noisy = tf.cond(kind == GAUSSIAN, lambda: gaussian_noise(images, sigma, grey, seeds[4]),
                    lambda: poisson_noise(images, strength, grey, seeds[4]))
    return tf.ensure_shape(noisy, images.shape), {"kind": kind, "sigma": sigma, "strength": strength, "grey": grey}


def _compress(images: tf.Tensor, seed: tf.Tensor, stage: Stage) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    quality = uniform(seed, [_batch(images)], *stage.quality)
    return jpeg(images, quality), {"quality": tf.round(quality)}
