"""Upscaler: every kind of image array, every kind of model argument."""

import shutil

import numpy as np
import pytest
from inference.lifelike import lifelike

import srgan_tf
from srgan_tf.hub import load_model
from srgan_tf.imaging import matlab_resize, to_uint8
from srgan_tf.inference import Upscaler
from srgan_tf.inference import upscaler as upscaler_module
from srgan_tf.models import DISCRIMINATORS
from srgan_tf.runtimes import Runtime


@pytest.fixture(scope="module")
def upscaler() -> Upscaler:
    return Upscaler(lifelike("edsr"), tile=48)


def test_colour(upscaler, photo):
    image = photo[30:51, 40:77]
    upscaled = upscaler(image)
    assert upscaled.dtype == np.uint8
    np.testing.assert_array_equal(upscaled, np.asarray(upscaler.runtime.run(image[None]))[0])
    assert upscaler(photo[:1, :1]).shape == (4, 4, 3)


def test_grey(upscaler, photo):
    grey = photo[30:51, 40:77, 1]
    flat = upscaler(grey)
    assert flat.shape == (84, 148)
    np.testing.assert_array_equal(upscaler(grey[..., None]), flat[..., None])
    colour = upscaler(np.dstack([grey] * 3).astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(flat, to_uint8(colour.mean(axis=2)))  # rounded once
    assert upscaler(grey[:1, :1]).shape == (4, 4)


def test_an_opaque_image_is_as_one_without_alpha(upscaler, photo):
    image = photo[30:51, 40:77]
    upscaled = upscaler(np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]))
    np.testing.assert_array_equal(upscaled[..., :3], upscaler(image))
    assert (upscaled[..., 3] == 255).all()


def test_colours_under_full_transparency_do_not_bleed(upscaler, photo):
    image = np.dstack([photo[30:70, 40:80], np.full((40, 40), 255, np.uint8)])
    image[10:30, 5:25, 3] = 0
    other = image.copy()
    other[10:30, 5:25, :3] = (255, 0, 255)
    assert not np.array_equal(image, other)
    np.testing.assert_array_equal(upscaler(image), upscaler(other))
    assert not np.array_equal(upscaler(image[..., :3]), upscaler(other[..., :3]))


def test_alpha_is_upscaled_and_colour_divided_by_it(photo):
    image = np.dstack([photo[30:50, 40:60], photo[30:50, 40:60, 0] // 2 + 120])
    upscaled = Upscaler("bicubic")(image)
    exact = matlab_resize(image / 255, 4)
    np.testing.assert_array_equal(upscaled[..., 3], to_uint8(exact[..., 3]))
    colour = matlab_resize(image[..., :3] / 255 * image[..., 3:] / 255, 4) / exact[..., 3:]
    assert np.median(np.abs(upscaled[..., :3] - 255 * colour)) <= 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_soft_alpha_keeps_its_colour(upscaler, photo, dtype):
    """A network's error of a level or two, divided by a small alpha, was one of up to 56."""
    peak = np.iinfo(dtype).max
    alpha = (photo[30:60, 40:80, 0] * (60 / 255 * peak / 255)).astype(dtype)
    alpha[:, :9], alpha[:12, 20:] = 0, peak
    colour = (np.array([200, 100, 50]) * (peak // 255)).astype(dtype)
    upscaled = upscaler(np.dstack([np.broadcast_to(colour, (*alpha.shape, 3)), alpha]))
    seen = upscaled[..., 3] > 0
    seen[: 4 * 8, 4 * 24 :] = False  # opaque all around: there the network may do as it likes
    assert 0.5 < seen.mean() < 0.9
    np.testing.assert_array_equal(upscaled[seen][:, :3], np.broadcast_to(colour, (seen.sum(), 3)))


def test_alpha_is_exact_where_all_around_is_opaque_or_transparent(upscaler, photo):
    """There a network is off by a level or two: a faint frame around sprites, and holes in what was opaque."""
    y, x = np.mgrid[:40, :44]
    inside = (x - 22) ** 2 + (y - 20) ** 2 < 144
    sprite = np.dstack([photo[30:70, 40:84], np.where(inside, 255, 0).astype(np.uint8)])
    upscaled = upscaler(sprite)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(inside, 1, mode="edge"), (3, 3))
    opaque, clear = (part.repeat(4, 0).repeat(4, 1) for part in (around.all((2, 3)), ~around.any((2, 3))))
    assert not upscaled[clear].any()
    assert (upscaled[opaque][:, 3] == 255).all()
    assert set(np.unique(upscaled[~opaque & ~clear][:, 3])) > {0, 255}
    assert not upscaler(sprite * np.uint8([1, 1, 1, 0])).any()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("model", ["bicubic", "network"])
def test_16_bits_and_floats(upscaler, photo, model, channels):
    """A ramp of small steps has more levels than 8 bits hold, and each is where the float result is."""
    upscaler = Upscaler("bicubic") if model == "bicubic" else upscaler
    y, x = np.mgrid[:20, :24]
    deep = (20_000 + 37 * x + 11 * y)[..., None] + np.array([0, 500, 1000, 1500])
    deep = np.ascontiguousarray(deep[..., :channels]).astype(np.uint16)
    upscaled, exact = upscaler(deep), upscaler((deep / np.float32(65535)).astype(np.float32))
    assert upscaled.dtype == np.uint16
    assert exact.dtype == np.float32
    assert len(np.unique(upscaled[..., 0])) > 300
    assert len(np.unique(upscaled[..., 0] >> 8)) < 256
    np.testing.assert_allclose(upscaled, 65535 * np.clip(exact, 0, 1), atol=0.6)
    np.testing.assert_array_equal(upscaler(deep, dtype=np.uint8), to_uint8(exact))


def test_grey_with_alpha(upscaler, photo):
    """As the same in RGBA, but grey stays grey."""
    grey, alpha = photo[30:50, 40:60, 1], photo[50:70, 40:60, 0]
    upscaled = upscaler(np.dstack([grey, alpha]))
    expected = upscaler(np.dstack([grey, grey, grey, alpha]))
    np.testing.assert_array_equal(upscaled[..., 1], expected[..., 3])
    assert np.abs(upscaled[..., 0] - expected[..., :3].mean(axis=2)).mean() < 2


def test_tiles_of_an_image_with_alpha(photo):
    """Tiles that are wholly opaque or transparent among others that are not."""
    image = np.dstack([photo[30:94, 40:104], np.full((64, 64), 255, np.uint8)])
    image[:, 40:, 3] = 0
    image[10:40, 20:50, 3] = photo[10:40, 20:50, 0]
    whole = Upscaler("bicubic", tile=0)(image)
    np.testing.assert_array_equal(Upscaler("bicubic", tile=24, overlap=4)(image), whole)


@pytest.mark.parametrize(("settings", "memory", "fixed", "sides", "remark"), [
    ({}, 2 * 1000 * 400 * 400, None, {400}, "images of up to 0.2 megapixels are upscaled at once, larger "),
    ({}, 2 * 1000 * 400 * 400 - 1, None, {216}, "images of up to 0.2 megapixels are upscaled at once, larger "),
    ({"tile": 0}, 0, None, {400}, ""),
    ({"tile": 250}, 1 << 40, None, {216}, "tiles of 250x250 change its results a little"),
    ({}, 1 << 40, (300, 200), {200, 300}, "tiles of 200x300 change its results a little"),
], ids=["memory", "no memory", "asked", "tiles asked", "fixed"])
def test_a_network_that_averages_over_the_whole_image(monkeypatch, settings, memory, fixed, sides, remark):
    shapes = []

    def nearest(images):
        shapes.append(images.shape)
        return images.repeat(2, 1).repeat(2, 2)

    monkeypatch.setattr(upscaler_module, "available_memory", lambda: memory)
    looking = Runtime("looking", 2, nearest, receptive_radius=16, fixed_tile=fixed, whole_image_bytes=1000)
    upscaler = Upscaler(looking, **settings)
    upscaler(np.zeros((400, 400, 3), np.uint8))
    assert {side for shape in shapes for side in shape[1:3]} == sides
    assert upscaler.remark.startswith(f"looking takes averages over the whole image: {remark}" if remark else "")
    assert bool(upscaler.remark) == bool(remark)
    shapes.clear()
    plain = Upscaler(looking._replace(whole_image_bytes=None), **settings)
    plain(np.zeros((400, 400, 3), np.uint8))
    assert plain.remark == ""
    assert len(shapes) > 1 or settings == {"tile": 0}


def test_a_model_of_8_bits_upscales_16():
    """A server, say: the levels are its own, on the scale of the image."""
    nearest = Runtime("nearest", 2, lambda images: images.repeat(2, 1).repeat(2, 2))
    deep = np.array([[[0], [128], [129], [65535]]], np.uint16)
    assert Upscaler(nearest)(deep)[0, ::2, 0].tolist() == [0, 0, 257, 65535]


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_bicubic_is_matlabs(photo, scale):
    image = photo[:23, :31]
    upscaler = Upscaler("bicubic", scale=scale)
    assert upscaler.scale == scale
    np.testing.assert_array_equal(upscaler(image), matlab_resize(image, scale))
    np.testing.assert_array_equal(Upscaler("bicubic", scale=scale, tile=16, overlap=2)(image), upscaler(image))


@pytest.mark.parametrize("pixels", [
    np.zeros((4, 4, 3), np.float64), np.zeros((4, 4, 3), np.int16), np.zeros((4, 4, 5), np.uint8),
    np.zeros((1, 4, 4, 3), np.uint8), np.zeros(4, np.uint8), np.zeros((4, 0, 3), np.uint8)])
def test_what_is_not_an_image(pixels):
    with pytest.raises(ValueError, match="pixels must be non-empty uint8, uint16 or float32") as error:
        Upscaler("bicubic")(pixels)
    assert str(pixels.dtype) in str(error.value)
    assert str(pixels.shape) in str(error.value)


@pytest.mark.parametrize("value", [-0.1, 1.5, 255, np.nan])
def test_floats_beyond_0_to_1(value):
    with pytest.raises(ValueError, match=r"float32 pixels must be in 0\.\.1; got"):
        Upscaler("bicubic")(np.full((4, 4, 3), value, np.float32))


def test_other_results():
    with pytest.raises(ValueError, match="dtype must be uint8, uint16 or float32; got int16"):
        Upscaler("bicubic")(np.zeros((4, 4, 3), np.uint8), dtype=np.int16)


def test_an_object_a_file_and_a_run_folder_are_one_model(model_file, tmp_path, photo):
    image = photo[30:51, 40:77]
    shutil.copy(model_file, tmp_path / "best.keras")
    expected = srgan_tf.Upscaler(load_model(model_file))(image)
    for model in (str(model_file), model_file, tmp_path, str(tmp_path)):
        np.testing.assert_array_equal(Upscaler(model)(image), expected)


def test_what_is_not_a_generator():
    discriminator = DISCRIMINATORS["srgan"](patch_size=16, features=4)
    with pytest.raises(ValueError, match="model must be a generator; got SRGANDiscriminator"):
        Upscaler(discriminator)


def test_progress(photo):
    told = []
    Upscaler("bicubic", tile=24, overlap=4)(photo[:40, :24], lambda number, count: told.append((number, count)))
    assert told == [(1, 2), (2, 2)]
