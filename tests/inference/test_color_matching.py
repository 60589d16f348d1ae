"""Low frequencies of results: those of their images, whatever the tiles, and nothing else is changed."""

import numpy as np
import pytest
from inference.lifelike import lifelike

from srgan_tf.config import SHARP_MODEL, UpscaleConfig
from srgan_tf.imaging import matlab_resize
from srgan_tf.inference import Upscaler
from srgan_tf.inference.color_matching import REACH, matches_color, with_low_frequencies
from srgan_tf.runtimes import Runtime, open_runtime


def shifted(shift, scale: int = 4) -> Runtime:
    """Repeats pixels, with a texture of zero mean on each and a shift of colour."""
    texture = np.tile([[0.02, -0.02], [-0.02, 0.02]], (scale // 2, scale // 2))[..., None].astype(np.float32)

    def run_float(images):
        large = images.repeat(scale, axis=1).repeat(scale, axis=2)
        return large + np.tile(texture, (*images.shape[1:3], 1)) + np.float32(shift)

    return Runtime("shifted", scale, None, run_float=run_float, receptive_radius=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_shift_of_colour_goes_and_the_texture_stays(photo, channels):
    image = 0.1 + 0.7 * photo[:30, :41, :channels].astype(np.float32) / 255
    plain, shift = Upscaler(shifted(0))(image), [0.05, -0.03, 0.02] if channels == 3 else 0.04
    moved = Upscaler(shifted(shift))(image)
    assert np.abs((moved - plain).mean(axis=(0, 1))).min() > 0.01
    np.testing.assert_allclose(Upscaler(shifted(shift), match_color=True)(image), plain, atol=1e-6)


def test_slow_changes_go_and_quick_ones_stay(photo):
    large = matlab_resize(photo[:64, :64] / 255, 4).astype(np.float32)[None]
    image = large.reshape(1, 64, 4, 64, 4, 3).mean(axis=(2, 4))
    x = np.arange(256) / 4
    for period, kept in ((64, 0.2), (2, 0.9)):  # in LR pixels
        wave = (0.05 * np.sin(2 * np.pi * x / period))[None, None, :, None].astype(np.float32)
        left = with_low_frequencies(large + wave, image, 4) - large
        part = np.abs(left[:, 64:-64, 64:-64]).max() / 0.05
        assert (part < kept) if kept < 0.5 else (part > kept)


def test_tiles_equal_the_whole_image(photo):
    runtime = open_runtime(lifelike("edsr"))
    image = photo[40:117, 60:151]
    whole = Upscaler(runtime, tile=0, match_color=True)
    assert whole.runtime.receptive_radius == runtime.receptive_radius + REACH
    expected = whole(image)
    assert (expected != Upscaler(runtime, tile=0)(image)).mean() > 0.3
    tiled = Upscaler(runtime, tile=2 * whole.runtime.receptive_radius + 20, match_color=True,
                     overlap=whole.runtime.receptive_radius)(image)
    assert np.abs(tiled.astype(int) - expected).max() <= 1
    assert (tiled != expected).mean() < 1e-4  # sums in another order
    short = Upscaler(runtime, tile=40, overlap=runtime.receptive_radius, match_color=True)(image)
    assert (short != expected).mean() > 1e-4


def test_an_opaque_image_stays_opaque_and_a_clear_one_clear(photo):
    image = np.dstack([photo[:20, :20], np.full((20, 20, 1), 255, np.uint8)])
    image[:, :9, 3] = 0
    result = Upscaler(shifted(0.05), match_color=True)(image)
    assert (result[:, :28, 3] == 0).all()
    assert (result[:, 44:, 3] == 255).all()


@pytest.mark.parametrize(("settings", "expected"), [
    ({}, False), ({"model": SHARP_MODEL}, True), ({"model": "span-x4"}, False), ({"model": "edsr_x4"}, False),
    ({"sharpness": 0.3}, True), ({"denoise": 0.3}, True), ({"denoise": 0}, True), ({"denoise": 1}, False),
    ({"match_color": True}, True),
    ({"model": SHARP_MODEL, "match_color": False}, False), ({"model": "bsrgan"}, True),
    ({"model": "runs/bsrgan"}, False), ({"model": "bsrgan", "server": "http://127.0.0.1:1"}, False)])
def test_where_it_is_on(settings, expected):
    assert matches_color(UpscaleConfig(**settings)) is expected
