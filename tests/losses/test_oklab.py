"""Oklab against its author's formulas in float64, and what the two terms see of an image."""

import contracts
import numpy as np
import pytest

from srgan_tf.losses import color_loss, luma_loss
from srgan_tf.losses.oklab import oklab

HR, SR = contracts.images(12, 16, seed=1), contracts.images(12, 16, seed=2)


def by_hand(rgb: np.ndarray) -> np.ndarray:
    """[...,3] sRGB in [0, 1] -> L, a, b in float64, as written at bottosson.github.io/posts/oklab."""
    rgb = rgb.astype("float64")
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    red, green, blue = np.moveaxis(linear, -1, 0)
    long = np.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = np.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = np.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return np.stack([
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short], -1)


def test_published_colours():
    """White and the primaries, to the digits that CSS Color 4's sample conversions give."""
    colors = np.float32([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]).reshape(1, 1, 5, 3)
    expected = [[1, 0, 0], [0.62796, 0.22486, 0.12585], [0.86644, -0.23389, 0.17950], [0.45201, -0.03246, -0.31153],
                [0, 0, 0]]
    np.testing.assert_allclose(np.stack(oklab(colors), -1)[0, 0], expected, atol=1e-5)


def test_every_grey_and_many_colours_are_the_authors():
    greys = np.repeat(np.arange(256)[:, None] / 255, 3, 1)
    colors = np.random.default_rng(0).integers(8, 256, (5000, 3)) / 255
    rgb = np.concatenate([greys, colors]).astype("float32")
    np.testing.assert_allclose(np.stack(oklab(rgb[None, None]), -1)[0, 0], by_hand(rgb), atol=2e-6)


def test_terms():
    blocks = [image.astype("float64").reshape(2, 3, 4, 4, 4, 3).mean((2, 4)) for image in (HR, SR)]
    hr, sr = map(by_hand, blocks)
    for value, expected in ((color_loss(HR, SR), np.abs(sr - hr)[..., 1:].mean()),
                            (luma_loss(HR, SR), np.abs(by_hand(SR) - by_hand(HR))[..., 0].mean())):
        assert value.dtype == "float32"
        assert value.shape == ()
        assert float(value) == pytest.approx(expected, rel=1e-4)


def test_what_each_term_sees():
    grey = np.full((1, 8, 8, 3), 0.5, "float32")
    detail = grey + 0.2 * (-1) ** np.arange(8, dtype="float32")[:, None]
    assert float(color_loss(grey, detail)) < 1e-6
    assert float(luma_loss(grey, detail)) > 0.1
    tinted = grey + np.float32([0.2, -0.08, 0])
    assert float(color_loss(grey, tinted)) > 2 * float(luma_loss(grey, tinted))


def test_left_out_edge():
    """Of 11 rows the first 8 fill squares."""
    changed = SR.copy()
    changed[:, 8:11] = 0
    assert float(color_loss(HR[:, :11], changed[:, :11])) == float(color_loss(HR[:, :8], SR[:, :8]))
