"""The loss on regular dots against averages over strided slices, in NumPy."""

import contracts
import numpy as np
import pytest

from srgan_tf.losses import grid

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(("height", "width", "windows"), [(12, 10, (1, 1)), (67, 35, (2, 1))])
def test_formula(height, width, windows):
    """Averages of every fourth pixel of each window, in double precision; the window is what fits, at most 8x8 dots."""
    hr, sr = contracts.images(height, width, seed=1), contracts.images(height, width, seed=2)
    difference = sr.astype("float64") - hr
    side = [4 * min(8, length // 4) for length in (height, width)]
    found = []
    for row, column in np.ndindex(windows):
        window = difference[:, row * side[0] :, column * side[1] :][:, : side[0], : side[1]]
        average = np.stack([window[:, y::4, x::4].mean((1, 2)) for y in range(4) for x in range(4)])
        found.append(np.abs(average - window.mean((1, 2))).mean())
    value = grid(hr, sr)
    assert value.dtype == "float32"
    assert float(value) == pytest.approx(np.mean(found), rel=1e-5)


def test_dots_count_and_texture_does_not():
    hr = np.full((1, 64, 64, 3), 0.5, "float32")
    dots = np.zeros((64, 64, 1), "float32")
    dots[1::4, 2::4] = 0.1  # the average of a period is a sixteenth of it
    assert float(grid(hr, hr + dots)) == pytest.approx(0.1 * 2 * 15 / 16**2, rel=1e-4)
    shuffled = RNG.permutation(dots.ravel()).reshape(dots.shape)
    assert float(grid(hr, hr + shuffled)) < float(grid(hr, hr + dots)) / 3
    assert float(grid(hr, hr + 0.1)) == pytest.approx(0, abs=1e-6)
