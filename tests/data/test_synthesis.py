"""Pairs made while training: the same crops as without, LR that belongs to them, the same again after a resume."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from srgan_tf.config import TrainConfig
from srgan_tf.data import bicubic_downsample, build_store, crops, degradation, open_source, open_synthesis
from srgan_tf.data.augmentation import SYMMETRIES
from srgan_tf.data.synthesis import MARGIN, Synthesis, degraded, mirrored_places, synthesize

PATCH, SCALE = 32, 4


@pytest.fixture(scope="module")
def store():
    return build_store(open_source("samples", SCALE, "validation"), SCALE)


def made(store, synthesis, first_step=0, steps=5, seed=3, shard=(0, 1)):
    data = crops(store, PATCH, 4, seed, first_step, steps, shard, synthesis)
    return [(lr.numpy(), hr.numpy()) for lr, hr in data]


def opened(**flags):
    return open_synthesis(TrainConfig(**flags))


def test_hr_crops_are_those_of_other_training(store):
    plain, degraded_too = made(store, None), made(store, opened(degradation="first_order"))
    for (_, hr), (lr, same) in zip(plain, degraded_too, strict=True):
        np.testing.assert_array_equal(hr, same)
        assert (lr.shape, lr.dtype) == ((4, PATCH // SCALE, PATCH // SCALE, 3), np.uint8)


def test_lr_lies_where_hr_does(store):
    """Bicubic crops of surroundings are those of whole images, at every turn and place."""
    bicubic = Synthesis(degradation.open_degradation("bicubic", SCALE), sharpen=False)
    for (lr, _), (expected, _) in zip(made(store, bicubic), made(store, None), strict=True):
        # MATLAB rounds and clips bytes after each axis, the graph once.
        assert (np.abs(lr.astype(int) - expected) <= 1).mean() > 0.995


def test_a_resumed_run_sees_the_same(store):
    whole, resumed = (made(store, opened(degradation="real_esrgan", sharpen_targets=True), first_step=step)
                      for step in (0, 3))
    for one, other in zip(whole[3:], resumed, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert len({lr.tobytes() for batch, _ in whole for lr in batch}) == 20


def test_machines_share_a_batch_and_seeds_differ(store):
    synthesis = opened(degradation="first_order")
    whole, *halves = (made(store, synthesis, steps=2, shard=shard) for shard in ((0, 1), (0, 2), (1, 2)))
    for one, *parts in zip(whole, *halves, strict=True):
        for a, b in zip(one, zip(*parts, strict=True), strict=True):
            np.testing.assert_array_equal(a, np.concatenate(b))
    assert (made(store, synthesis, steps=1, seed=4)[0][0] != whole[0][0]).any()


def test_sharpened_targets_come_behind_hr(store):
    synthesis = opened(sharpen_targets=True)
    for (lr, hr), (_, plain) in zip(made(store, synthesis), made(store, None), strict=True):
        assert hr.shape == (4, PATCH, PATCH, 6)
        np.testing.assert_array_equal(hr[..., :3], plain)
        assert (hr[..., 3:] != plain).any()
        small = bicubic_downsample(tf.constant(hr[..., 3:], tf.float32), SCALE).numpy()[:, 2:-2, 2:-2]
        assert np.abs(np.clip(small, 0, 255) - lr[:, 2:-2, 2:-2]).max() < 1.6  # LR is of the sharpened


@pytest.mark.parametrize("symmetry", range(SYMMETRIES))
def test_the_crop_is_cut_where_it_was_placed(symmetry):
    """In an image of coordinates, wherever the crop lies in its region."""
    rows, columns = np.mgrid[:256, :256]
    image = np.stack([rows, columns, rows * 0], -1).astype(np.uint8)
    bicubic = Synthesis(degradation.open_degradation("bicubic", SCALE), sharpen=False)

    def region(above, before, side):
        top, left = 160 - int(above), 170 - int(before)
        return tf.constant(np.pad(image, ((side, side), (side, side), (0, 0)))[
            side + top : 2 * side + top, side + left : 2 * side + left])

    for seed in range(3):
        _, hr = synthesize(bicubic, region, PATCH, SCALE, tf.constant(symmetry), tf.constant([seed, 0]))
        assert (hr.numpy()[..., 0].min(), hr.numpy()[..., 1].min()) == (160, 170)
        assert (hr.numpy()[..., 0].max(), hr.numpy()[..., 1].max()) == (191, 201)


@pytest.mark.parametrize(("first", "count", "length"), [
    (-5, 30, 12), (3, 4, 12), (8, 200, 9), (-3, 5, 1), (-144, 176, 32)])
def test_mirrors_are_numpys(first, count, length):
    line = np.arange(length)
    before, behind = max(0, -first), max(0, first + count - length)
    expected = np.pad(line, (before, behind), mode="reflect")[first + before :][:count] if length > 1 else [0] * count
    lowest, held, places = mirrored_places(tf.constant(first), count, tf.constant(length, tf.int64))
    np.testing.assert_array_equal(lowest + places, expected)
    assert held == np.ptp(expected) + 1


def test_images_no_larger_than_a_crop_will_do(tmp_path, photo):
    Image.fromarray(photo[:PATCH, :PATCH]).save(tmp_path / "small.png")
    small = build_store(open_source(f"folder:{tmp_path}", SCALE), SCALE)
    for lr, hr in made(small, opened(degradation="first_order")):
        assert lr.shape == (4, PATCH // SCALE, PATCH // SCALE, 3)
        assert set(map(tuple, hr.reshape(-1, 3))) == set(map(tuple, photo[:PATCH, :PATCH].reshape(-1, 3)))


def test_validation_images_are_degraded_the_same_each_time(store):
    synthesis, pair = opened(degradation="real_esrgan"), store.pair(1)
    one, again, other = (degraded(synthesis, pair, number) for number in (5, 5, 6))
    assert one.lr.shape == pair.lr.shape
    np.testing.assert_array_equal(one.lr, again.lr)
    assert (one.lr != other.lr).any()
    np.testing.assert_array_equal(one.hr, pair.hr)


def test_the_margin_is_a_multiple_of_every_scale():
    assert all(MARGIN % scale == 0 for scale in (1, 2, 3, 4, 8))


def test_the_default_is_the_stored_lr():
    assert open_synthesis(TrainConfig()) is None
