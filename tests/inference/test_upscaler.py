"""Upscaler: every kind of picture array, every kind of model argument."""

import shutil

import numpy as np
import pytest
from inference.lifelike import lifelike

import srgan_tf
from srgan_tf.hub import load_model
from srgan_tf.imaging import matlab_resize
from srgan_tf.inference import Upscaler
from srgan_tf.models import DISCRIMINATORS


@pytest.fixture(scope="module")
def upscaler() -> Upscaler:
    return Upscaler(lifelike("edsr"), tile=48)


def test_colour(upscaler, photo):
    picture = photo[30:51, 40:77]
    enlarged = upscaler(picture)
    assert enlarged.dtype == np.uint8
    np.testing.assert_array_equal(enlarged, np.asarray(upscaler.runtime.run(picture[None]))[0])
    assert upscaler(photo[:1, :1]).shape == (4, 4, 3)


def test_grey(upscaler, photo):
    grey = photo[30:51, 40:77, 1]
    flat = upscaler(grey)
    assert flat.shape == (84, 148)
    np.testing.assert_array_equal(upscaler(grey[..., None]), flat[..., None])
    colour = upscaler(np.dstack([grey] * 3)).astype(np.float64)
    np.testing.assert_array_equal(flat, np.floor(colour.mean(axis=2) + 0.5))
    assert upscaler(grey[:1, :1]).shape == (4, 4)


def test_an_opaque_picture_is_as_one_without_alpha(upscaler, photo):
    picture = photo[30:51, 40:77]
    enlarged = upscaler(np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]))
    np.testing.assert_array_equal(enlarged[..., :3], upscaler(picture))
    assert (enlarged[..., 3] == 255).all()


def test_colours_under_full_transparency_do_not_bleed(upscaler, photo):
    picture = np.dstack([photo[30:70, 40:80], np.full((40, 40), 255, np.uint8)])
    picture[10:30, 5:25, 3] = 0
    other = picture.copy()
    other[10:30, 5:25, :3] = (255, 0, 255)
    assert not np.array_equal(picture, other)
    np.testing.assert_array_equal(upscaler(picture), upscaler(other))
    assert not np.array_equal(upscaler(picture[..., :3]), upscaler(other[..., :3]))


def test_alpha_is_enlarged_and_colour_divided_by_it(photo):
    """Over one colour, whatever the alpha, bicubic interpolation leaves that colour where anything is seen."""
    picture = np.empty((20, 20, 4), np.uint8)
    picture[..., :3] = (200, 100, 50)
    picture[..., 3] = photo[30:50, 40:60, 0] // 2 + 120
    enlarged = Upscaler("bicubic")(picture)
    np.testing.assert_array_equal(enlarged[..., 3], matlab_resize(picture[..., 3], 4))
    assert np.abs(enlarged[..., :3] - np.array([200, 100, 50])).max() <= 3


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_bicubic_is_matlabs(photo, scale):
    picture = photo[:23, :31]
    upscaler = Upscaler("bicubic", scale=scale)
    assert upscaler.scale == scale
    np.testing.assert_array_equal(upscaler(picture), matlab_resize(picture, scale))
    np.testing.assert_array_equal(Upscaler("bicubic", scale=scale, tile=16, overlap=2)(picture), upscaler(picture))


@pytest.mark.parametrize("pixels", [
    np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 3), np.uint16), np.zeros((4, 4, 2), np.uint8),
    np.zeros((1, 4, 4, 3), np.uint8), np.zeros(4, np.uint8), np.zeros((4, 0, 3), np.uint8)])
def test_what_is_not_a_picture(pixels):
    with pytest.raises(ValueError, match="pixels must be non-empty uint8") as error:
        Upscaler("bicubic")(pixels)
    assert str(pixels.dtype) in str(error.value)
    assert str(pixels.shape) in str(error.value)


def test_an_object_a_file_and_a_run_folder_are_one_model(model_file, tmp_path, photo):
    picture = photo[30:51, 40:77]
    shutil.copy(model_file, tmp_path / "best.keras")
    expected = srgan_tf.Upscaler(load_model(model_file))(picture)
    for model in (str(model_file), model_file, tmp_path, str(tmp_path)):
        np.testing.assert_array_equal(Upscaler(model)(picture), expected)


def test_what_is_not_a_generator():
    discriminator = DISCRIMINATORS["srgan"](patch_size=16, features=4)
    with pytest.raises(ValueError, match="model must be a generator; got SRGANDiscriminator"):
        Upscaler(discriminator)


def test_progress(photo):
    told = []
    Upscaler("bicubic", tile=24, overlap=4)(photo[:40, :24], lambda number, count: told.append((number, count)))
    assert told == [(1, 2), (2, 2)]
