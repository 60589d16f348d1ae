"""RAISR's filters against numpy.linalg.lstsq on all patches, kept; that a fit resumes; what it refuses."""

import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.config import TrainConfig
from srgan_tf.imaging import matlab_resize
from srgan_tf.models import RAISR
from srgan_tf.models.luma import LUMA
from srgan_tf.training import fitting
from srgan_tf.training.assembly import build_step
from srgan_tf.training.checkpoints import Checkpoints

SMALL = {"angles": 4, "strengths": 2, "coherences": 2, "filter_size": 5, "gradient_size": 3}


def crops(photo: np.ndarray, scale: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Float32 batches [2,side,side,3] and [2,s side,s side,3]."""
    hr = np.stack([photo[: scale * side, 90 : 90 + scale * side], photo[60 : 60 + scale * side, : scale * side]])
    lr = np.stack([matlab_resize(image, 1 / scale) for image in hr])
    return np.float32(lr / 255), np.float32(hr / 255)


def turned(images: np.ndarray) -> list[np.ndarray]:
    """The eight symmetries of a batch of square images."""
    flips = [images, images[:, ::-1], images[:, :, ::-1], images[:, ::-1, ::-1]]
    return [*flips, *(flip.transpose(0, 2, 1, 3) for flip in flips)]


def stored(model: RAISR, pairs: list) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Patches of LR pixels less the one in their middle [N,n^2], targets [N] and buckets [N], for each pixel type."""
    radius, border, scale = model.filter_reach, model.receptive_radius, model.scale
    kinds = [([], [], []) for _ in range(scale**2)]
    for lr, hr in pairs:
        y, target = (images.astype(float) @ LUMA for images in (lr, hr))
        wide = np.lib.stride_tricks.sliding_window_view(y, [2 * radius + 1] * 2, (1, 2))
        skip = border - radius
        wide = wide[:, skip : wide.shape[1] - skip, skip : wide.shape[2] - skip]
        inner = slice(border, -border)
        middle = y[:, inner, inner]
        places = np.asarray(model.buckets(tf.constant(np.float32(y[..., None] + 16 / 255))))[:, inner, inner]
        for kind, (rows, aims, buckets) in enumerate(kinds):
            of_kind = target[:, kind // scale :: scale, kind % scale :: scale][:, inner, inner]
            inside = (model.bank.windows[kind] != 0).any(0)  # of the filter's window
            rows.append((wide - middle[..., None, None]).reshape(-1, (2 * radius + 1) ** 2) * inside)
            aims.append((of_kind - middle).ravel())
            buckets.append(places[..., kind].ravel())
    return [tuple(map(np.concatenate, parts)) for parts in kinds]


@pytest.mark.parametrize("scale", [2, 3])
def test_filters_are_the_least_squares_of_all_patches(photo, scale):
    model = RAISR(scale, **SMALL)
    step = fitting.FitStep(model, steps=2)
    lr, hr = crops(photo, scale, 36)
    values = [step(tf.constant(lr[:1]), tf.constant(hr[:1])), step(tf.constant(lr[1:]), tf.constant(hr[1:]))]
    assert values[1]["loss"] < values[0]["loss"]  # of the filters before the step, on crops they have not seen

    found = np.asarray(model.bank.on_lr_pixels(), float)
    size = found.shape[-1]
    weight = fitting.RIDGE**0.5 * np.eye(size)
    for kind, (rows, aims, buckets) in enumerate(stored(model, list(zip(turned(lr), turned(hr), strict=True)))):
        common = np.linalg.lstsq(np.vstack([rows, weight]), np.append(aims, np.zeros(size)))[0]
        for bucket in range(found.shape[1]):
            some = buckets == bucket
            solution = np.linalg.lstsq(np.vstack([rows[some], weight]), np.append(aims[some], weight @ common))[0]
            difference = np.delete(found[kind, bucket] - solution, size // 2)
            assert np.abs(difference).max() < 2e-4 * np.abs(solution).max(), (kind, bucket)
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
    for windows, filters, kernel in zip(model.bank.windows, found, np.asarray(model.bank.kernel), strict=True):
        np.testing.assert_allclose(np.linalg.lstsq(windows.T, filters.T)[0].T, kernel, atol=1e-5)  # the smallest


def test_the_first_batch_places_the_boundaries(photo):
    model = RAISR(2, **{**SMALL, "strengths": 3})
    lr, hr = crops(photo, 2, 36)
    step = fitting.FitStep(model, steps=2)
    step(tf.constant(lr), tf.constant(hr))
    _, strength, coherence = model.features(tf.constant(np.float32(lr @ LUMA + 16 / 255)[..., None]))
    shares = [(np.asarray(strength) <= bound).mean() for bound in model.bank.strengths.numpy()]
    np.testing.assert_allclose([*shares, (np.asarray(coherence) <= model.bank.coherences.numpy()[0]).mean()],
                               [1 - 0.1**0.5, 0.9, 0.5], atol=1e-3)
    before = model.bank.strengths.numpy()
    step(tf.constant(lr[:, ::-1] * 0.5), tf.constant(hr[:, ::-1] * 0.5))
    np.testing.assert_array_equal(model.bank.strengths.numpy(), before)


def test_a_fit_resumes_bit_for_bit(photo, tmp_path):
    def begun() -> tuple[fitting.FitStep, Checkpoints]:
        step = fitting.FitStep(RAISR(2, **SMALL), steps=3)
        return step, Checkpoints(tmp_path, step.trackables(), keep=2)

    batches = [tuple(tf.constant(part * shade) for part in crops(photo, 2, 24)) for shade in (1, 0.9, 0.8)]
    (whole, checkpoints), (resumed, again) = begun(), begun()
    for number, batch in enumerate(batches):
        whole(*batch)
        if number == 1:
            checkpoints.save()
    again.restore()
    assert int(resumed.generator.iterations) == 2
    resumed(*batches[2])
    for one, other in zip(whole.generator.model.weights, resumed.generator.model.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert resumed.samples.numpy().sum() == 3 * 2 * 4 * (24 - 2 * whole.generator.model.receptive_radius) ** 2


@pytest.mark.parametrize("flags", [{"losses": "mse:1"}, {"ema": 0.5}, {"learning_rate": 1e-3}, {"teacher": "edsr_x4"}])
def test_flags_about_gradients_are_refused(flags):
    (name, value), = flags.items()
    with pytest.raises(ValueError, match=f"--{name}={value} does nothing for --model=raisr, whose weights are the"):
        build_step(TrainConfig(model="raisr", **flags))


def test_several_devices_are_refused(monkeypatch):
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: type("Two", (), {"num_replicas_in_sync": 2}))
    with pytest.raises(ValueError, match="a RAISR is fitted on one device: give --strategy=one; got 2 replicas"):
        fitting.FitStep(RAISR(2, **SMALL), 1)
