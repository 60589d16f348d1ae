"""The size of results, and how it is reached."""

from fractions import Fraction

import numpy as np
import pytest

from srgan_tf.errors import UserError
from srgan_tf.imaging import matlab_resize, premultiply, to_levels, unpremultiply
from srgan_tf.inference import Upscaler
from srgan_tf.inference.result_size import SizeAsked, passes, target_of
from srgan_tf.runtimes import Runtime


def nearest(scale: int) -> Upscaler:
    """Repeats each pixel; `sizes` are those of the images that it was given."""
    def run_float(images):
        upscaler.sizes.append(images.shape[1:3])
        return images.repeat(scale, axis=1).repeat(scale, axis=2)

    upscaler = Upscaler(Runtime("nearest", scale, None, run_float=run_float, receptive_radius=0), tile=8, overlap=2)
    upscaler.sizes = []
    return upscaler


@pytest.mark.parametrize(("asked", "expected"), [
    (SizeAsked(), (80, 120)), (SizeAsked(scale=1.1), (22, 33)), (SizeAsked(scale=3), (60, 90)),
    (SizeAsked(width=1920), (1280, 1920)), (SizeAsked(height=50), (50, 75)), (SizeAsked(width=7), (5, 7)),
    (SizeAsked(width=9, height=9), (9, 9)), (SizeAsked(max_side=120), (80, 120)), (SizeAsked(max_side=119), (80, 119)),
    (SizeAsked(scale=2, max_side=119), (40, 60)), (SizeAsked(scale=8, max_side=45), (30, 45))])
def test_targets(asked, expected):
    assert target_of((20, 30, 3), asked, 4).size == expected
    assert target_of((30, 20), asked._replace(width=asked.height, height=asked.width), 4).size == expected[::-1]


@pytest.mark.parametrize(("size", "model_scale", "expected"), [
    ((20, 30), 4, 1), ((21, 30), 4, 1), ((80, 120), 4, 1), ((81, 120), 4, 2), ((320, 480), 4, 2), ((20, 481), 4, 3),
    ((19, 30), 4, 0), ((1, 1), 2, 0), ((21, 1), 2, 1), ((20, 30), 1, 1), ((160, 240), 2, 3)])
def test_how_often_the_model_runs(size, model_scale, expected):
    assert passes((20, 30, 3), size, model_scale) == expected


def test_a_model_that_keeps_the_size_cannot_make_it_larger():
    with pytest.raises(UserError, match="does not make images larger, and 31x20 pixels are asked of 30x20"):
        passes((20, 30), (20, 31), 1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("size", "runs"), [({"scale": 1.5}, 1), ({"size": (50, 13)}, 1), ({"scale": 6}, 2),
                                            ({"scale": Fraction(29, 24)}, 1), ({"size": (9, 7)}, 0)])
def test_the_reduction_is_matlabs_in_float_with_alpha_multiplied_in(photo, channels, size, runs):
    """For every kind of image, type of result and number of runs of the model, whatever the tiles."""
    image = np.dstack([photo[:29, :24], photo[100:129, :24, 0]])[..., {1: [0], 2: [0, 3], 3: [0, 1, 2],
                                                                      4: [0, 1, 2, 3]}[channels]]
    upscaler = nearest(3)
    found = upscaler(image, dtype=np.float32, **size)
    larger = (image / 255).repeat(3**runs, axis=0).repeat(3**runs, axis=1)
    scale = {"output_size": size["size"]} if "size" in size else {"scale": Fraction(str(size["scale"])) / 3**runs}
    if channels % 2:
        expected = matlab_resize(larger, **scale)
    else:
        alpha = np.clip(matlab_resize(larger[..., -1:], **scale), 0, 1)
        expected = unpremultiply(matlab_resize(premultiply(larger), **scale), alpha)
    seen = expected[..., -1:] > 0.02 if channels % 2 == 0 else np.True_
    np.testing.assert_allclose(np.where(seen, found, 0), np.where(seen, expected, 0), atol=2e-5)
    for dtype in (np.uint8, np.uint16):
        integers = upscaler(image, dtype=dtype, **size)
        clipped = to_levels(expected, dtype)
        np.testing.assert_allclose(np.where(seen, integers, 0), np.where(seen, clipped, 0).astype(int),
                                   atol=1 if dtype == np.uint8 else 3, rtol=0)
    assert bool(upscaler.sizes) == bool(runs)


def test_a_runtime_that_rounds_by_itself(photo):
    """As a server does: its levels are reduced in floating point, and rounded once more."""
    image = photo[:29, :24]
    upscaler = Upscaler(Runtime("rounds", 3, lambda images: images.repeat(3, axis=1).repeat(3, axis=2)))
    for size, scale in (({"scale": 2}, Fraction(2, 3)), ({"scale": 6}, Fraction(2, 3))):
        larger = image.repeat(3, axis=0).repeat(3, axis=1)
        larger = larger.repeat(3, axis=0).repeat(3, axis=1) if size["scale"] > 3 else larger
        expected = to_levels(matlab_resize(larger / 255, scale), np.uint8)
        np.testing.assert_allclose(upscaler(image, **size), expected.astype(int), atol=1, rtol=0)
        assert upscaler(image, dtype=np.uint16, **size).shape == expected.shape


def test_only_a_row_of_tiles_is_upscaled_at_a_time(photo):
    """The bands of a tall image are reduced as they come: what is kept of them does not grow with its height."""
    from srgan_tf.imaging import resize

    kept = []
    resizer = resize.BandResizer((4000, 8), Fraction(1, 3))
    for start in range(0, 4000, 40):
        rows = resizer.add(np.full((40, 8, 3), start / 4000, np.float32))
        assert rows.dtype == np.float32
        kept.append(len(resizer._kept))
    assert max(kept) < 20


def test_an_opaque_image_stays_opaque_and_a_clear_one_clear():
    image = np.full((9, 9, 4), 255, np.uint8)
    image[:, :5] = 0
    result = nearest(4)(image, scale=1.5)
    assert set(np.unique(result[:, :7])) == {0}
    assert (result[:, 9:] == 255).all()
    assert (nearest(4)(image[:, 5:], scale=3) == 255).all()


@pytest.mark.parametrize("bad", [{"scale": 0}, {"scale": -1}, {"scale": float("nan")}, {"size": (0, 3)},
                                 {"scale": 2, "size": (3, 3)}])
def test_sizes_that_cannot_be(bad):
    with pytest.raises(UserError, match=r"scale must be a positive number|give a scale, or a size"):
        nearest(2)(np.zeros((4, 4, 3), np.uint8), **bad)
