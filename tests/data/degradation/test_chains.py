"""The chains: what they draw, that they repeat, and that their parts are put together as drawn."""

import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.data import bicubic_downsample, degradation
from srgan_tf.data.degradation import chains
from srgan_tf.data.degradation.kernels import NONE


@pytest.fixture(scope="module")
def hr(photo) -> tf.Tensor:
    return tf.constant(np.stack([photo[:96, :128], photo[100:196, 60:188]]) / 255, tf.float32)


def opened(name, scale=4):
    return tf.function(degradation.open_degradation(name, scale), autograph=False)


@pytest.mark.parametrize(("name", "scale"), [("bicubic", 3), ("first_order", 8), ("real_esrgan", 4)])
def test_lr_is_whole_levels_of_the_right_size_and_the_seed_alone_decides(hr, name, scale):
    hr = hr[:, :, :120]
    degrade = opened(name, scale)
    results = [degrade(hr, tf.constant(seed)) for seed in ([1, 2], [3, 4], [1, 2])]
    for lr, _ in results:
        assert lr.shape == (2, 96 // scale, 120 // scale, 3)
        levels = lr.numpy() * 255
        np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
        assert 0 <= levels.min() < levels.max() <= 255
        assert np.abs(levels.mean() / 255 - hr.numpy().mean()) < 0.1
    for one, other in zip(*(tf.nest.flatten(results[place]) for place in (0, 2)), strict=True):
        np.testing.assert_array_equal(one, other)
    if name != "bicubic":
        assert (results[0][0].numpy() != results[1][0].numpy()).mean() > 0.5


def test_first_order_is_its_pieces_in_order(hr):
    """Put together here from what was drawn, up to the noise, which is switched off."""
    quiet = chains.FIRST._replace(sigma_noise=(0.0, 1e-9), gaussian=1.0)
    seed = tf.constant([7, 8])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "FIRST", quiet)
        lr, drawn = chains.first_order(hr, seed, 4)
    kernels = chains.draw_kernels(tf.random.split(tf.random.split(seed, 4)[0], 2)[0], 2, quiet.sigma)
    np.testing.assert_array_equal(kernels.drawn["size"], drawn["blur"]["size"])
    images = degradation.filter_images(hr, kernels.kernels)
    images = tf.clip_by_value(degradation.resize(images, 24, 32, drawn["resize"]["mode"]), 0, 1)
    np.testing.assert_allclose(lr, degradation.jpeg(images, drawn["jpeg"]["quality"]), atol=1e-6)


def test_real_esrgan_draws_with_the_authors_probabilities():
    hr, many = tf.zeros([1, 16, 16, 3]), 800
    draws = tf.data.Dataset.range(many).map(
        tf.autograph.experimental.do_not_convert(lambda number: chains.real_esrgan(hr, tf.stack([11, number]), 2)[1]))
    drawn = tf.nest.map_structure(lambda values: values.numpy().ravel(), next(iter(draws.batch(many))))
    for step, up, down, low, high in (("resize 1", 0.2, 0.7, 0.15, 1.5), ("resize 2", 0.3, 0.4, 0.3, 1.2)):
        factor = drawn[step]["factor"]
        assert (factor > 1).mean() == pytest.approx(up, abs=0.06)
        assert (factor < 1).mean() == pytest.approx(down, abs=0.06)
        assert low <= factor.min() < low + 0.15
        assert high - 0.15 < factor.max() <= high
        np.testing.assert_allclose(np.bincount(drawn[step]["mode"]) / many, 1 / 3, atol=0.06)
    for number, sigma, strength in ((1, 30, 3), (2, 25, 2.5)):
        noise = drawn[f"noise {number}"]
        assert (noise["kind"] == chains.GAUSSIAN).mean() == pytest.approx(0.5, abs=0.06)
        assert noise["grey"].mean() == pytest.approx(0.4, abs=0.06)
        assert 1 <= noise["sigma"].min() < noise["sigma"].max() <= sigma
        assert 0.05 <= noise["strength"].min() < noise["strength"].max() <= strength
        quality = drawn[f"jpeg {number}"]["quality"]
        assert 30 <= quality.min() < 32 < 93 < quality.max() <= 95
    assert (drawn["blur 1"]["kind"] == NONE).sum() == 0
    assert (drawn["blur 2"]["kind"] == NONE).mean() == pytest.approx(0.2, abs=0.06)
    assert drawn["blur 2"]["sigma_x"].max() <= 1.5
    assert (drawn["last"]["kind"] == NONE).mean() == pytest.approx(0.2, abs=0.06)
    assert drawn["jpeg 2"]["after"].mean() == pytest.approx(0.5, abs=0.06)


def test_bicubic_is_matlabs_rounded(hr):
    lr, _ = opened("bicubic")(hr, tf.constant([0, 0]))
    np.testing.assert_allclose(lr, np.clip(np.floor(bicubic_downsample(hr, 4) * 255 + 0.5), 0, 255) / 255, atol=1e-6)


@pytest.mark.parametrize(("arguments", "message"), [
    (("real_esrgn", 4), "unknown degradation 'real_esrgn'; .* Did you mean 'real_esrgan'"),
    (("realsr", 4), "needs --kernel_pool=DIR, --noise_pool=DIR or both"),
    (("bicubic", 4, "", "pool"), "are for --degradation=realsr; got --degradation=bicubic"),
])
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        degradation.open_degradation(*arguments)
