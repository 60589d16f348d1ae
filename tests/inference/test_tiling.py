"""Windows cover an axis exactly once; tiles give the whole image's result; memory is bounded by the tile."""

import numpy as np
import pytest
from inference.lifelike import CASES, lifelike

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import FORMATS
from srgan_tf.inference import upscale_tiled
from srgan_tf.inference.tiling import smallest_tile, windows
from srgan_tf.models import GENERATORS
from srgan_tf.runtimes import Runtime, open_runtime
from srgan_tf.runtimes.keras import trained


def nearest(**settings) -> Runtime:
    """A runtime that repeats each pixel twice, and notes the shapes that it is handed in `run.shapes`."""
    def run(images):
        run.shapes.append(images.shape)
        return images.repeat(2, axis=1).repeat(2, axis=2)
    run.shapes = []
    return Runtime("nearest", 2, run, **settings)


@pytest.mark.parametrize("alignment", [1, 2, 4])
@pytest.mark.parametrize("overlap", [0, 1, 3, 7])
def test_windows_cover_an_axis_exactly_once(overlap, alignment):
    for tile in (*range(2 * overlap + alignment, 2 * overlap + alignment + 8), 40, 64):
        for size in (*range(1, 70), 255, 256, 257, 1000):
            found = windows(size, tile, overlap, alignment)
            assert [window.keep_start for window in found] == [0, *(window.keep_stop for window in found[:-1])]
            assert found[-1].keep_stop == size
            assert {window.stop - window.start for window in found[:-1]} <= {tile}
            assert 0 <= min(size, tile) - (found[-1].stop - found[-1].start) < alignment
            assert not any(window.start % alignment for window in found)
            for window in found:
                assert 0 <= window.start <= window.keep_start < window.keep_stop <= window.stop <= size
                assert window.start == 0 or window.keep_start - window.start >= overlap
                assert window.stop == size or window.stop - window.keep_stop >= overlap


@pytest.mark.parametrize("alignment", [1, 2, 4])
def test_the_smallest_tile_of_as_many_windows(alignment):
    for tile, overlap in ((12, 3), (40, 16), (64, 0), (256, 16)):
        for size in (*range(1, 300), 999, 1000):
            found = smallest_tile(size, tile, overlap, alignment)
            count = len(windows(size, tile, overlap, alignment))
            assert found <= tile
            assert len(windows(size, found, overlap, alignment)) == count
            if found - alignment >= 2 * overlap + alignment and count > 1:
                assert len(windows(size, found - alignment, overlap, alignment)) > count
    assert smallest_tile(1000, 256, 16) == 226  # 5 windows: 1280 columns of 256, 1130 of 226


def test_an_image_no_larger_than_the_tile_is_one_window():
    assert windows(64, 64, 16) == windows(64, 0, 16) == [(0, 64, 0, 64)]
    assert len(windows(65, 64, 16)) == 2


@pytest.mark.parametrize(("tile", "overlap", "alignment", "message"), [
    (32, 16, 1, "16; got 32"), (8, 16, 1, "16; got 8"), (1, 1, 1, "1; got 1"), (-1, 0, 1, "0; got -1"),
    (32, -1, 1, "-1; got 32"), (35, 16, 4, "16 by the alignment of 4; got 35")])
def test_an_overlap_that_leaves_nothing(tile, overlap, alignment, message):
    with pytest.raises(ValueError, match=f"tile must be greater than twice the overlap of {message}"):
        windows(100, tile, overlap, alignment)


def test_every_architecture_is_tested():
    assert sorted(CASES) == sorted(GENERATORS)


@pytest.mark.parametrize("name", CASES)
def test_tiles_equal_the_whole_image_unless_the_network_says_otherwise(name, photo):
    runtime = open_runtime(lifelike(name))
    image = photo[40:117, 60:151]  # odd sizes: [77,91,3]
    whole = upscale_tiled(runtime, image, tile=0)
    assert whole.shape == (4 * 77, 4 * 91, 3)
    assert whole.std() > 15  # an image, not a plane
    assert np.isin(whole, (0, 255)).mean() < 0.2
    radius = runtime.receptive_radius
    assert 0 < radius <= 20
    difference = np.abs(upscale_tiled(runtime, image, 2 * radius + 9, radius) - whole.astype(int))
    if runtime.whole_image_bytes:  # random weights make far more of its averages than trained ones: 4.3 levels for RCAN
        assert 0 < difference.mean() < (20 if name == "omnisr" else 6)  # its grids are finer in tiles
        return
    # The sums of a transposed convolution and of a large kernel depend on the size a little.
    assert difference.max() <= (name in ("fsrcnn", "plksr"))
    assert difference.mean() < 1e-4


def test_tiles_of_an_unshuffled_network_equal_the_whole_image(photo):
    generator = lifelike("rrdb", scale=2, unshuffle=2, features=16, growth_channels=8)
    assert (generator.alignment, generator.receptive_radius) == (2, 39)
    runtime, image = open_runtime(generator), photo[40:151, 60:157]  # [111,97,3]
    whole = upscale_tiled(runtime, image, tile=0).astype(int)
    assert whole.std() > 15
    difference = {alignment: np.abs(upscale_tiled(runtime._replace(alignment=alignment), image, 84, 39) - whole)
                  for alignment in (1, 2)}
    assert difference[2].max() <= 1  # so narrow, oneDNN's sums depend on the size a little
    assert difference[2].mean() < 1e-3
    assert difference[1].max() > 20


@pytest.mark.parametrize(("format", "settings"), [
    ("saved_model", {}), ("tflite", {"dynamic": True}), ("tflite", {"tile": "84"}),
], ids=["saved_model", "free", "fixed"])
def test_exports_of_an_unshuffled_network_are_tiled_like_it(format, settings, photo, tmp_path):
    generator = lifelike("rrdb", scale=2, unshuffle=2, features=16, growth_channels=8)
    path = FORMATS[format](generator, tmp_path, "x2", ExportConfig(model="-", output="-", **settings))
    runtime, image = open_runtime(path), photo[40:151, 60:157]
    assert (runtime.alignment, runtime.receptive_radius, runtime.parameters) == (2, 39, trained(generator))
    whole = upscale_tiled(open_runtime(generator), image, tile=0).astype(int)
    assert whole.std() > 15
    assert np.abs(upscale_tiled(runtime, image, 84, 39) - whole).max() <= 1
    assert np.abs(upscale_tiled(runtime._replace(alignment=1), image, 84, 39) - whole).max() > 20


def test_tiles_begin_where_cells_begin(photo):
    """A runtime that replaces each cell of 4x4 pixels by its corner: tiles that begin elsewhere are seen."""
    def corners(images):
        return images[:, ::4, ::4].repeat(4, 1).repeat(4, 2)[:, : images.shape[1], : images.shape[2]]
    image = photo[:77, :91]
    for settings in ({}, {"fixed_tile": (32, 32)}):
        aligned, other = (Runtime("corners", 1, corners, alignment=alignment, **settings) for alignment in (4, 1))
        np.testing.assert_array_equal(upscale_tiled(aligned, image, 32, 5), corners(image[None])[0])
        assert (upscale_tiled(other, image, 32, 5) != corners(image[None])[0]).any()


def test_a_smaller_overlap_shows_no_seam(photo):
    runtime = open_runtime(lifelike("rrdb"))
    image = photo[40:117, 60:151]
    whole = upscale_tiled(runtime, image, tile=0).astype(int)
    assert runtime.receptive_radius == 19
    difference = {overlap: np.abs(upscale_tiled(runtime, image, 48, overlap) - whole) for overlap in (0, 8)}
    # Measured, greatest and mean difference in grey levels: 152 and 1.06 without overlap, 1 and 0.0003 with one of 8.
    assert difference[0].max() > 20  # there is something to hide
    assert difference[8].max() <= 3
    assert difference[8].mean() < 0.01


@pytest.mark.parametrize("shape", [(1, 1), (5, 70), (70, 5), (16, 16), (37, 50)])
def test_a_fixed_tile_is_filled_by_mirroring(shape, photo):
    runtime = nearest(fixed_tile=(16, 16))
    image = photo[: shape[0], : shape[1]]
    np.testing.assert_array_equal(upscale_tiled(runtime, image, tile=999), image.repeat(2, 0).repeat(2, 1))
    assert set(runtime.run.shapes) == {(1, 16, 16, 3)}


def test_what_a_fixed_tile_is_filled_with(photo):
    handed = []
    runtime = Runtime("copy", 1, lambda images: handed.append(images) or images, fixed_tile=(8, 8))
    upscale_tiled(runtime, photo[:3, :8])
    np.testing.assert_array_equal(handed[0][0], photo[[0, 1, 2, 2, 1, 0, 0, 1], :8])


def test_what_is_upscaled_at_once_is_bounded_by_the_tile(photo):
    runtime, told = nearest(), []
    wide = np.concatenate([photo[:33]] * 5, axis=1)
    upscaled = upscale_tiled(runtime, wide, 20, 3, lambda number, count: told.append((number, count)))
    np.testing.assert_array_equal(upscaled, wide.repeat(2, 0).repeat(2, 1))
    assert set(runtime.run.shapes) == {(1, 20, 20, 3)}  # one size, so that a graph is compiled once
    assert told == [(number, len(runtime.run.shapes)) for number in range(1, len(runtime.run.shapes) + 1)]


@pytest.mark.parametrize("image", [
    np.zeros((4, 4, 3), np.float64), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 5), np.uint8),
    np.zeros((0, 4, 3), np.uint8)])
def test_what_is_not_an_image(image):
    with pytest.raises(ValueError, match=r"image must be uint8, uint16 or float32 \[H,W,C\] of 1 to 4 channels"):
        upscale_tiled(nearest(), image)
