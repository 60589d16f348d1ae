"""RealSR's pools: what is read, where kernels lie, and that what is injected is what the pool holds."""

import numpy as np
import pytest
import scipy.io
import scipy.ndimage
import tensorflow as tf
from PIL import Image

from srgan_tf.data import bicubic_downsample, degradation
from srgan_tf.data.degradation import realsr


def bell(side=13, sigma=1.8):
    axis = np.arange(side) - (side - 1) / 2
    line = np.exp(-((axis / sigma) ** 2) / 2)
    return np.outer(line, line * (1 + 0.02 * axis))  # not quite symmetric


@pytest.fixture
def kernel_pool(tmp_path):
    folder = tmp_path / "kernels"
    folder.mkdir()
    np.save(folder / "a.npy", bell().astype(np.float32))
    scipy.io.savemat(folder / "b.mat", {"Kernel": bell(14)})
    Image.fromarray((bell(15, 2.5) / bell(15, 2.5).max() * 255).astype(np.uint8)).save(folder / "c.png")
    return str(folder)


@pytest.fixture
def noise_pool(tmp_path):
    folder = tmp_path / "noise"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, level in enumerate((60, 180)):
        patch = np.clip(rng.normal(level, 3 + number, (40, 40, 3)), 0, 255).round().astype(np.uint8)
        Image.fromarray(patch).save(folder / f"{number}.png")
    return str(folder)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_kernels_are_normalised_and_in_their_places(kernel_pool, scale):
    kernels = degradation.read_kernels(kernel_pool, scale)
    assert kernels.shape[0] == 3
    assert kernels.shape[1] == kernels.shape[2]
    assert kernels.shape[1] % 2 == 1
    for kernel in kernels:
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
        centre = np.array(scipy.ndimage.center_of_mass(kernel)) - kernels.shape[1] // 2
        np.testing.assert_allclose(centre, (scale - 1) / 2, atol=0.02)


def test_a_kernel_that_lies_right_is_kept_as_it_is(tmp_path):
    """KernelGAN's are moved by its authors already."""
    kernel = np.zeros((13, 13))
    kernel[6:10, 6:10] = 1 / 16  # 4x4: its middle 1.5 pixels from the grid's, as x4 wants it
    np.save(tmp_path / "box.npy", kernel)
    found = degradation.read_kernels(str(tmp_path), 4)[0]
    middle = found.shape[0] // 2
    np.testing.assert_allclose(found[middle : middle + 4, middle : middle + 4], 1 / 16, atol=1e-7)


def test_lr_pixels_lie_where_matlabs_do(kernel_pool, photo):
    """A kernel as wide as bicubic's moves nothing: LR fits MATLAB's best without a shift."""
    hr = tf.constant(photo[None] / 255, tf.float32)
    for kernel in degradation.read_kernels(kernel_pool, 4):
        lr = realsr.inject_kernel(hr, tf.constant(kernel[None]), 4)[0, 8:-8, 8:-8].numpy()
        bicubic = bicubic_downsample(hr, 4)[0].numpy()
        error = {(down, right): np.square(bicubic[8 + down : -8 + down, 8 + right : -8 + right] - lr).mean()
                 for down in (-1, 0, 1) for right in (-1, 0, 1)}
        assert min(error, key=error.get) == (0, 0)
        assert error[0, 0] < 0.3 * min(value for shift, value in error.items() if shift != (0, 0))


def test_filtering_and_reducing_is_scipys(kernel_pool, photo):
    kernel = degradation.read_kernels(kernel_pool, 4)[0]
    hr = photo[:96, :128].astype(np.float32) / 255
    ours = realsr.inject_kernel(tf.constant(hr[None]), tf.constant(kernel[None]), 4)[0].numpy()
    expected = scipy.ndimage.correlate(hr[..., 1].astype(float), kernel, mode="mirror")[::4, ::4]
    np.testing.assert_allclose(ours[..., 1], expected, atol=2e-6)


def test_the_noise_is_a_piece_of_the_pool_without_its_mean(noise_pool):
    patches = degradation.read_noise(noise_pool)
    degrade = tf.function(degradation.open_degradation("realsr", 2, "", noise_pool))
    flat = tf.fill([1, 32, 48, 3], tf.constant(128 / 255, tf.float32))
    numbers = set()
    for seed in range(8):
        lr, drawn = degrade(flat, tf.constant([seed, 1]))
        number = int(drawn["patch"]["number"][0])
        numbers.add(number)
        noise = lr[0].numpy() * 255 - 128
        pieces = np.lib.stride_tricks.sliding_window_view(patches[number].astype(float), (16, 24), (0, 1))
        differences = np.abs(pieces - pieces.mean((-1, -2), keepdims=True) - np.moveaxis(noise, -1, 0)).max((2, 3, 4))
        assert differences.min() <= 0.51  # of rounding
        assert abs(noise.mean()) < 0.5  # of rounding, too
    assert numbers == {0, 1}


def test_noise_for_an_image_larger_than_the_patches(noise_pool):
    patches = tf.constant(degradation.read_noise(noise_pool))
    noise = realsr.cut_noise(patches, tf.constant([1]), tf.constant([[0, 0]]), tf.constant(100), tf.constant(90))
    mirrored = np.pad(patches[1], ((0, 60), (0, 50), (0, 0)), mode="reflect") / 255
    np.testing.assert_allclose(noise[0], mirrored - mirrored.mean((0, 1)), atol=1e-4)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.txt", b"1", "holds no kernel"),
    ("a.npy", b"not an array", "a.npy: not an array of numbers"),
    ("a.mat", b"not MATLAB's", "a.mat: no MATLAB file"),
    ("a.png", b"not an image", "a.png"),
])
def test_bad_kernels_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        degradation.read_kernels(str(tmp_path), 4)


def test_pools_that_are_not_there(tmp_path):
    (tmp_path / "file").touch()
    for flag, read in (("kernel_pool", lambda folder: degradation.read_kernels(folder, 4)),
                       ("noise_pool", degradation.read_noise)):
        for name, said in (("nowhere", "no such folder"), ("file", "this is a file, not a folder")):
            with pytest.raises(ValueError, match=rf"^--{flag}={tmp_path}/{name}: {said}$"):
                read(str(tmp_path / name))


@pytest.mark.parametrize("array", [np.zeros((3, 3)), np.ones(5), np.full((3, 3), np.nan), np.array([[None]], object)])
def test_arrays_that_are_no_kernels(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy: not a"):
        degradation.read_kernels(str(tmp_path), 4)


def test_patches_of_several_sizes(noise_pool):
    Image.new("RGB", (41, 40)).save(f"{noise_pool}/2.png")
    with pytest.raises(ValueError, match=r"2\.png: a noise patch of 41x40 where 0\.png has 40x40"):
        degradation.read_noise(noise_pool)
