"""A result that is black or no number is said, and never written."""

import numpy as np
import pytest
from inference.lifelike import lifelike
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.inference import Upscaler
from srgan_tf.inference.result_check import black_where_bright
from srgan_tf.models import save_model
from srgan_tf.runtimes import Runtime


def broken(value: float) -> Upscaler:
    """Repeats pixels, and has `value` in one place."""
    def run_float(images):
        large = images.repeat(2, axis=1).repeat(2, axis=2).astype(np.float32)
        large[:, 10, 10] = value
        return large

    return Upscaler(Runtime("broken", 2, None, run_float=run_float))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 4])
def test_values_that_are_no_numbers(value, dtype, channels):
    image = np.full((12, 12, channels), 40_000, np.uint16)
    with pytest.raises(UserError, match="the model broken made values that are not numbers"):
        broken(value)(image, dtype=dtype)


@pytest.mark.parametrize(("level", "black", "found"), [
    (200, np.s_[6:20, 6:20], True), (200, np.s_[:6, -6:], True), (200, np.s_[6:10, 6:20], False),
    (100, np.s_[6:20, 6:20], False), (200, np.s_[7:12, 7:12], False)])
def test_black_where_the_image_is_bright(level, black, found):
    """From 3x3 pixels on; a dark image may become black, and so may a smaller spot, and what is transparent."""
    image, upscaled = np.full((12, 13, 3), level, np.uint8), np.full((24, 26, 3), level, np.uint8)
    upscaled[black] = 0
    opaque, large = np.full((12, 13, 1), 255, np.uint8), np.full((24, 26, 1), 255, np.uint8)
    negative = upscaled / np.float32(255) - np.float32(1e-3) * (upscaled == 0)
    for tile, made in ((image, upscaled), (image / np.float32(255), negative),
                       (np.dstack([image, opaque]), np.dstack([upscaled, large]))):
        assert black_where_bright(tile, made, 2) is found
    assert not black_where_bright(np.dstack([image, 0 * opaque]), np.dstack([upscaled, 0 * large]), 2)


@pytest.mark.parametrize(("numbers", "size", "words"), [
    (np.nan, 10, "values that are not numbers"), (-0.1, 10, ""), (-0.1, 24, "black of an image that is bright")])
def test_black_is_looked_into(numbers, size, words):
    """Spots of NaN are refused, spots of negative numbers are not, and nothing but black is."""
    def run_float(images):
        large = images.repeat(2, axis=1).repeat(2, axis=2).astype(np.float32)
        large[:, :size, :size] = numbers
        return large

    def run(images):
        return np.uint8(255 * np.nan_to_num(run_float(images / np.float32(255)).clip(0, 1)))

    upscaler = Upscaler(Runtime("looked into", 2, run, run_float=run_float))
    image = np.full((12, 12, 3), 200, np.uint8)
    if words:
        with pytest.raises(UserError, match=words):
            upscaler(image)
    else:
        assert (upscaler(image) == 0).any()


def test_a_network_that_overflows_writes_nothing(command, tmp_path):
    """Its graph makes black of NaN where it rounds by itself."""
    network = lifelike("edsr", features=8)
    for weight in network.weights:
        if weight.name == "kernel":
            weight.assign(weight.numpy() * 1e19)
    save_model(network, tmp_path / "large.keras")
    Image.fromarray(np.full((16, 20, 3), 220, np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((16, 20), 50_000, np.uint16)).save(tmp_path / "b.png")
    done = command("upscale", "a.png", "b.png", "--model=large.keras")
    assert done.status == 2
    assert [line.partition(": its weights")[0] for line in done.err.splitlines()] == [
        "failed: a.png: the model edsr made values that are not numbers (NaN or infinite)",
        "failed: b.png: the model edsr made values that are not numbers (NaN or infinite)"]
    assert not (tmp_path / "upscaled").exists()
