import numpy as np
import pytest
import tensorflow as tf
from scipy.special import j1

from srgan_tf.data.degradation import kernels

SIZES = [7, 13, 21]


def grid(size):
    return np.meshgrid(*[np.arange(size) - size // 2] * 2)


def form(size, sigmas, angle):
    """x' S^-1 x by way of the covariance matrix."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = np.linalg.inv(turn @ np.diag(np.square(sigmas)) @ turn.T)
    points = np.stack(grid(size), -1).astype(float)
    return np.einsum("hwi,ij,hwj->hw", points, inverse, points)


def placed(values):
    """Normalised, in the middle of the grid."""
    return np.pad(values / values.sum(), (kernels.GRID - len(values)) // 2)


def constants(*values):
    return [tf.constant([value], tf.float32) for value in values]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("sigmas", "angle", "beta"), [((2, 2), 0, 1), ((3, 0.8), 0.7, 1), ((1.5, 0.4), -2, 0.5),
                                                       ((2.5, 1.1), 3, 4)])
def test_gaussians_and_plateaus_are_their_formulas(size, sigmas, angle, beta):
    arguments = [*constants(sigmas, angle, beta), tf.constant([size])]
    expected = form(size, sigmas, angle) ** beta
    np.testing.assert_allclose(kernels.generalised_gaussian(*arguments)[0], placed(np.exp(-expected / 2)), atol=1e-6)
    np.testing.assert_allclose(kernels.plateau(*arguments)[0], placed(1 / (1 + expected)), atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cutoff", [np.pi / 5, 1.7, np.pi])
def test_sinc_is_scipys_bessel_function(size, cutoff):
    radius = np.hypot(*grid(size))
    radius[size // 2, size // 2] = 1
    expected = cutoff * j1(cutoff * radius) / (2 * np.pi * radius)
    expected[size // 2, size // 2] = cutoff**2 / (4 * np.pi)
    result = kernels.sinc(*constants(cutoff), tf.constant([size]))[0]
    np.testing.assert_allclose(result, placed(expected), atol=1e-6)


def test_draws_have_the_authors_probabilities_and_ranges():
    many = 4000
    drawn, values = kernels.draw_kernels(tf.constant([1, 2]), many, (0.2, 3.0))
    values = {name: value.numpy() for name, value in values.items()}
    np.testing.assert_allclose(drawn.numpy().sum((1, 2)), 1, atol=1e-4)
    shares = np.bincount(values["kind"], minlength=7) / many
    expected = [*(0.9 * share for share in (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)), 0.1]
    np.testing.assert_allclose(shares, expected, atol=0.025)
    assert set(values["size"]) == set(range(7, 22, 2))
    isotropic = np.isin(values["kind"], [0, 2, 4])
    np.testing.assert_array_equal(values["sigma_x"][isotropic], values["sigma_y"][isotropic])
    for name, low, high in (("sigma_x", 0.2, 3), ("sigma_y", 0.2, 3), ("angle", -np.pi, np.pi)):
        assert low <= values[name].min() < low + 0.1 < high - 0.1 < values[name].max() <= high + 1e-6
    assert values["beta"][values["kind"] < 2].tolist() == [1] * int((values["kind"] < 2).sum())
    generalised = values["beta"][np.isin(values["kind"], [2, 3])]
    assert (generalised < 1).mean() == pytest.approx(0.5, abs=0.08)
    assert 0.5 <= generalised.min() < generalised.max() <= 4
    # What lies outside the size is zero, for every one.
    axis = np.abs(np.arange(21) - 10)
    outside = np.maximum(axis[:, None], axis) > (values["size"] // 2)[:, None, None]
    assert (drawn.numpy()[outside] == 0).all()
    small = values["cutoff"][values["size"] < 13]
    assert small.min() >= np.pi / 3
    assert values["cutoff"].min() < np.pi / 4


def test_the_last_sinc_is_left_out_now_and_then():
    drawn, values = kernels.draw_final_sinc(tf.constant([3, 4]), 1000, 0.8)
    none = values["kind"].numpy() == kernels.NONE
    assert none.mean() == pytest.approx(0.2, abs=0.05)
    pulse = np.zeros((21, 21))
    pulse[10, 10] = 1
    np.testing.assert_array_equal(drawn.numpy()[none], np.broadcast_to(pulse, (none.sum(), 21, 21)))
