"""RAISR against a reference in double precision that works on HR pixels, as the paper writes it."""

import numpy as np
import pytest

from srgan_tf.config import ExportConfig
from srgan_tf.exporting.tflite import export_tflite
from srgan_tf.models import RAISR
from srgan_tf.models.luma import LUMA
from srgan_tf.models.raisr import DARKER

PAD = 8  # LR pixels put around an image by repeating its edge


def made(scale: int, seed: int = 0, **arguments: object) -> RAISR:
    """A RAISR with random filters that add up to 1, and boundaries among the values of photographs."""
    model, random = RAISR(scale, **arguments), np.random.default_rng(seed)
    kernel = random.normal(0, 0.02, model.bank.kernel.shape)
    kernel[..., kernel.shape[-1] // 2] += 1 - kernel.sum(-1)
    model.bank.kernel.assign(kernel)
    model.bank.strengths.assign(0.03 * np.arange(1, model.strengths))
    model.bank.coherences.assign(np.arange(1, model.coherences) / model.coherences)
    return model


def bilinear(low: np.ndarray, scale: int) -> np.ndarray:
    """[H,W] -> [sH,sW], between half-pixel centres."""
    for axis in (0, 1):
        places = (np.arange(scale * low.shape[axis]) + 0.5) / scale - 0.5
        low = np.apply_along_axis(lambda line, at=places: np.interp(at, np.arange(line.size), line), axis, low)
    return low


def windows(image: np.ndarray, side: int) -> np.ndarray:
    """[H,W] -> [H,W,side,side], around each pixel."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(image, side // 2, mode="edge"), (side, side))


def hashed(upscaled: np.ndarray, model: RAISR) -> tuple[np.ndarray, np.ndarray]:
    """The bucket of each pixel, and how far its features are from the next boundary."""
    side = model.gradient_size
    weights = np.exp(-0.5 * ((np.arange(side) - side // 2) / (side / 4.5)) ** 2)
    weights = np.outer(weights, weights) / weights.sum() ** 2
    down, across = np.gradient(upscaled)
    tensors = np.stack([(windows(one * other, side) * weights).sum((2, 3))
                        for one, other in ((across, across), (across, down), (down, across), (down, down))], -1)
    values, vectors = np.linalg.eigh(tensors.reshape(*upscaled.shape, 2, 2))
    weak, strong = np.sqrt(np.maximum(values, 0)).transpose(2, 0, 1)
    angle = np.arctan2(vectors[..., 1, 1], vectors[..., 0, 1]) % np.pi * model.angles / np.pi + 0.5
    coherence = (strong - weak) / (strong + weak + 1e-6)
    numbers = [np.floor(angle).astype(int) % model.angles]
    margin = np.abs(angle - np.round(angle)) * coherence
    for value, bounds in ((strong, model.bank.strengths), (coherence, model.bank.coherences)):
        bounds = np.asarray(bounds, float)
        numbers.append((value[..., None] > bounds).sum(-1))
        margin = np.minimum(margin, np.abs(value[..., None] - bounds).min(-1))
    return (numbers[0] * model.strengths + numbers[1]) * model.coherences + numbers[2], margin


def reference(low: np.ndarray, model: RAISR) -> tuple[np.ndarray, np.ndarray]:
    """Y of the upscaling [sH,sW], and where it is certain."""
    scale = model.scale
    upscaled = bilinear(np.pad(low, PAD, mode="edge"), scale)
    bucket, margin = hashed(upscaled, model)
    kind = np.add.outer(np.arange(upscaled.shape[0]) % scale * scale, np.arange(upscaled.shape[1]) % scale)
    filters = np.asarray(model.bank.kernel, float)[kind, bucket].reshape(*bucket.shape, *[model.filter_size] * 2)
    filtered = (windows(upscaled, model.filter_size) * filters).sum((2, 3))
    inner = slice(scale * PAD, -scale * PAD)
    result, certain = filtered[inner, inner], margin[inner, inner] > 1e-4
    if model.blending:
        upscaled = upscaled[inner, inner]
        lighter = [windows(image, 3) - image[..., None, None] + DARKER for image in (upscaled, result)]
        darker = [difference < 0 for difference in lighter]
        changed = (darker[0] != darker[1]).sum((2, 3)) / 8
        certain = windows(certain, 3).all((2, 3))
        certain &= (np.abs(lighter) > 2e-6).all((0, 3, 4))
        result = (1 - changed) * result + changed * upscaled
    return result, certain


@pytest.mark.parametrize(("scale", "arguments"), [
    (2, {}), (2, {"blending": False}), (3, {"blending": False, "filter_size": 7, "gradient_size": 5}),
    (4, {"blending": False, "angles": 8, "strengths": 4, "coherences": 2})])
def test_hash_and_filters_are_those_of_the_paper(scale, arguments, photo):
    model = made(scale, **arguments)
    image = np.float32(photo[60:87, 90:121] / 255)
    expected, certain = reference(image.astype(float) @ LUMA + 16 / 255, model)
    found = np.asarray(model(image[None]))[0].astype(float) @ LUMA + 16 / 255
    assert certain.mean() > 0.9
    np.testing.assert_allclose(found[certain], expected[certain], atol=2e-6)
    assert np.abs(expected - bilinear(image @ LUMA + 16 / 255, scale)).max() > 0.02  # the filters do something


def test_unfitted_it_is_the_bilinear_upscaling(photo):
    image = np.float32(photo[60:70, 90:101] / 255)
    found = np.asarray(RAISR(3)(image[None]))[0] @ LUMA
    np.testing.assert_allclose(found, bilinear(image @ LUMA, 3), atol=1e-6)


def test_a_plain_surface_stays_plain():
    """Whichever bucket, and where the weights are rounded so that filters do not quite add up to 1."""
    model = made(2)
    model.bank.kernel.assign(np.asarray(model.bank.kernel) * 1.01)
    found = np.asarray(model(np.full((1, 9, 9, 3), 0.7, "float32")))
    np.testing.assert_allclose(found, 0.7, atol=1e-6)


@pytest.mark.parametrize(("scale", "arguments"), [
    (2, {}), (2, {"blending": False}), (3, {}), (4, {}), (4, {"gradient_size": 15}),
    (2, {"blending": False, "filter_size": 3})])
def test_receptive_radius(scale, arguments):
    """Rows up to one change what lies `receptive_radius` below it, and nothing further down."""
    model, random = made(scale, **arguments), np.random.default_rng(1)
    radius, last = model.receptive_radius, 9
    one = random.random((1, last + radius + 6, 60, 3), "float32")
    other = one.copy()
    other[:, : last + 1] = random.random((1, last + 1, 60, 3))
    for axes in ((0, 1, 2, 3), (0, 2, 1, 3)):
        changed = np.asarray(model(one.transpose(axes)) != model(other.transpose(axes))).transpose(axes)
        assert changed[:, scale * (last + radius) : scale * (last + radius + 1)].any()
        assert not changed[:, scale * (last + radius + 1) :].any()


def test_every_policy_computes_in_float32(photo):
    model, mixed = made(2), RAISR(2, dtype="mixed_bfloat16")
    mixed.set_weights(model.get_weights())
    image = np.float32(photo[None, :20, :20] / 255)
    np.testing.assert_array_equal(model(image), mixed(image))


def test_int8_is_refused(tmp_path):
    config = ExportConfig(model="-", output="-", quantize="int8")
    with pytest.raises(ValueError, match="--quantize=int8 is too coarse for RAISR, whose hash would choose other filt"):
        export_tflite(made(2), tmp_path, "raisr", config)
