import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from srgan_tf.data import bicubic_downsample, build_store, crops, open_source
from srgan_tf.data.augmentation import SYMMETRIES, turn
from srgan_tf.imaging import matlab_resize


@pytest.fixture(scope="module")
def store():
    return build_store(open_source("samples", 4, "validation"), 4)


def batches(store, first_step=0, steps=6, seed=3, patch_size=32):
    return [(lr.numpy(), hr.numpy()) for lr, hr in crops(store, patch_size, 4, seed, first_step, steps)]


def test_shapes_and_types(store):
    (lr, hr), *rest = batches(store)
    assert len(rest) == 5
    assert (lr.shape, lr.dtype) == ((4, 8, 8, 3), np.uint8)
    assert (hr.shape, hr.dtype) == ((4, 32, 32, 3), np.uint8)


def test_a_batch_is_a_function_of_seed_and_step(store):
    whole, resumed = batches(store), batches(store, first_step=4)
    for one, other in zip(whole[4:], resumed, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert (batches(store, seed=4)[0][1] != whole[0][1]).any()
    assert (whole[0][1] != whole[1][1]).any()


def test_crops_are_aligned_pieces_of_the_images(store):
    """Every crop is found in its image, turned by one of the symmetries, LR at the place of HR."""
    lr_batch, hr_batch = batches(store)[0]
    for lr, hr in zip(lr_batch, hr_batch, strict=True):
        assert any(_found(store.pair(index), lr, hr) for index in range(len(store.names)))


def _found(pair, lr, hr) -> bool:
    windows = np.lib.stride_tricks.sliding_window_view(pair.lr[..., 0], (8, 8))
    for symmetry in range(SYMMETRIES):
        turned_lr, turned_hr = (np.asarray(turn(image, symmetry)) for image in (lr, hr))
        for top, left in np.argwhere((windows == turned_lr[..., 0]).all(axis=(2, 3))):
            if (pair.hr[4 * top : 4 * top + 32, 4 * left : 4 * left + 32] == turned_hr).all():
                return True
    return False


def test_the_symmetries_are_eight_and_those_of_numpy(photo):
    patch = photo[:16, :16]
    ours = {np.asarray(turn(patch, symmetry)).tobytes() for symmetry in range(SYMMETRIES)}
    numpys = {np.ascontiguousarray(np.rot90(flipped, turns)).tobytes()
              for flipped in (patch, patch[:, ::-1]) for turns in range(4)}
    assert ours == numpys
    assert len(ours) == 8


def test_images_are_drawn_in_proportion_to_their_positions(tmp_path):
    Image.new("RGB", (64, 64), "black").save(tmp_path / "black.png")
    Image.new("RGB", (128, 96), "white").save(tmp_path / "white.png")
    flat = build_store(open_source(f"folder:{tmp_path}", 4), 4)
    white = np.mean([hr.numpy().mean() / 255 for _, hr in crops(flat, 32, 16, 0, 0, 100)])
    positions = {"black": 9 * 9, "white": 17 * 25}
    assert white == pytest.approx(positions["white"] / sum(positions.values()), abs=0.03)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_downsample_is_matlabs(photo, scale):
    hr = photo[: 240, :252].astype(np.float32) / 255
    ours = bicubic_downsample(tf.constant(hr[None]), scale)[0].numpy()
    np.testing.assert_allclose(ours, matlab_resize(hr.astype(np.float64), 1 / scale), atol=1e-5)
