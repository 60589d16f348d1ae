"""Colour and luma compared in Oklab, where equal distances look equally large.

Source: Björn Ottosson, "A perceptual color space for image processing" (2020), bottosson.github.io/posts/oklab: the
matrices from linear sRGB, in the form revised in 2021. sRGB's transfer function is that of IEC 61966-2-1.
"""

from keras import KerasTensor, ops

# Rows: the cones' responses l, m, s of linear R, G, B.
CONES = ((0.4122214708, 0.5363325363, 0.0514459929), (0.2119034982, 0.6806995451, 0.1073969566),
         (0.0883024619, 0.2817188376, 0.6299787005))
# Rows: L, a, b of the cube roots of l, m, s.
OPPONENTS = ((0.2104542553, 0.7936177850, -0.0040720468), (1.9779984951, -2.4285922050, 0.4505937099),
             (0.0259040371, 0.7827717662, -0.8086757660))
# A cube root's slope has no bound at 0. Below the response to grey of level 1 of 255 it is replaced by a straight line
# through 0, which also gives a slope to outputs below 0.
SMALLEST_CONE = 1 / 255 / 12.92
# Colour is compared of squares of this side in pixels, so that the term leaves details to the others.
COLOR_BLOCK = 4


def color_loss(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """Mean absolute difference of Oklab's a and b, of images averaged over squares of 4x4 pixels.

    The average is taken of the values in the file, as LR is made; rows and columns that fill no square are left out.

    Args:
        hr: the references, RGB [B,H,W,3] in [0, 1], at least 4 pixels a side.
        sr: the generator's images.
    """
    hr, sr = (
        ops.average_pool(ops.cast(images, "float32"), COLOR_BLOCK, COLOR_BLOCK, "valid") for images in (hr, sr))
    return sum(ops.mean(ops.abs(one - other))
               for one, other in zip(oklab(sr)[1:], oklab(hr)[1:], strict=True)) / 2


def luma_loss(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """Mean absolute difference of Oklab's L, pixel by pixel; arguments as for `color_loss`, of any size."""
    return ops.mean(ops.abs(oklab(sr)[0] - oklab(hr)[0]))


def oklab(images: KerasTensor) -> list:
    """RGB [B,H,W,3] in [0, 1] -> L, a and b, float32 [B,H,W] each; white has L = 1, greys have a = b = 0."""
    linear = _linear(ops.cast(images, "float32"))
    return _mixed(OPPONENTS, [_cube_root(cone) for cone in _mixed(CONES, [linear[..., 0], linear[..., 1],
                                                                         linear[..., 2]])])


def _mixed(rows: tuple, planes: list) -> list:
    # Sums of products, because a GPU's matrix products are rounded to 10 bits.
    return [sum(weight * plane for weight, plane in zip(row, planes, strict=True)) for row in rows]


def _linear(values: KerasTensor) -> KerasTensor:
    """Linear light of sRGB's values; values below 0 stay on the line."""
    powers = ops.power((ops.maximum(values, 0.04045) + 0.055) / 1.055, 2.4)
    return ops.where(values <= 0.04045, values / 12.92, powers)


def _cube_root(values: KerasTensor) -> KerasTensor:
    roots = ops.power(ops.maximum(values, SMALLEST_CONE), 1 / 3)
    return ops.where(values < SMALLEST_CONE, values * SMALLEST_CONE ** (-2 / 3), roots)
