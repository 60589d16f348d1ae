"""NIQE: how far an image's statistics are from those of photographs, without a reference; smaller is better.

Mittal, Soundararajan and Bovik, "Making a 'completely blind' image quality analyzer" (IEEE Signal Processing Letters
20, 2013), as their MATLAB release computes it: blocks of 96x96 pixels that do not overlap, two scales, no selection of
sharp blocks, and their own model of 125 pristine photographs, which comes with the package (niqe_pristine.txt has its
notice). Everything is computed in float64.
"""

import math
from functools import cache
from pathlib import Path

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.imaging.color import rgb_to_y
from srgan_tf.imaging.resize import matlab_resize

BLOCK = 96
PRISTINE = Path(__file__).with_name("niqe_pristine.npz")
_NOTHING = 1e-9
# A block and its neighbours to the right, below, and on the two diagonals: the products of section II-C.
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


def niqe(image: np.ndarray, *, crop: int = 0) -> float:
    """The Natural Image Quality Evaluator of one image; photographs have about 2 to 5.

    Y is rounded to whole levels first, as MATLAB's uint8 is. What the blocks leave over at the right and the bottom is
    not looked at.

    Args:
        image: uint8, or floating point on 0..255: [H,W,3] RGB, or [H,W] or [H,W,1] grey, which is taken as Y.
        crop: pixels cut from each side first. The authors cut none; super-resolution cuts as many as the scale.

    Raises:
        ValueError: another shape, fewer than two blocks, or an image too flat to have the statistics.
    """
    y = np.floor(rgb_to_y(image) + 0.5)
    y = y[crop : y.shape[0] - crop, crop : y.shape[1] - crop]
    rows, columns = (size // BLOCK for size in y.shape)
    if rows * columns < 2:
        raise UserError(f"NIQE needs two blocks of {BLOCK} x {BLOCK} pixels; {y.shape[1]} x {y.shape[0]} pixels are "
                        f"left after a crop of {crop}")
    y = y[: rows * BLOCK, : columns * BLOCK]
    half = matlab_resize(y, 0.5)
    features = np.hstack([_features(y, BLOCK), _features(half, BLOCK // 2)])  # [blocks,36]
    whole = features[~np.isnan(features).any(axis=1)]
    if len(whole) < 2:
        raise UserError("NIQE cannot be computed for this image: fewer than two blocks have texture")
    mean, covariance = _pristine()
    # Features that a flat block lacks are left out of the mean one by one, but of the covariance block by block.
    difference = mean - np.nanmean(features, axis=0)
    pooled = np.linalg.pinv((covariance + np.cov(whole, rowvar=False)) / 2)
    return math.sqrt(difference @ pooled @ difference)  # equation 10


@cache
def _pristine() -> tuple[np.ndarray, np.ndarray]:
    """Mean [36] and covariance [36,36] of the features of pristine photographs."""
    with np.load(PRISTINE, allow_pickle=False) as figures:
        return figures["mean"], figures["covariance"]


def _features(y: np.ndarray, side: int) -> np.ndarray:
    """The 18 features of each block of `side` pixels: [H,W] -> [blocks,18]."""
    rows, columns = (size // side for size in y.shape)
    blocks = _normalised(y).reshape(rows, side, columns, side)
    blocks = blocks.transpose(0, 2, 1, 3).reshape(rows * columns, side, side)
    shape, left, right = _asymmetric_gaussian(blocks)
    found = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        products = blocks * np.roll(blocks, shift, axis=(1, 2))  # around the block's edges, as circshift goes
        shape, left, right = _asymmetric_gaussian(products)
        means = (right - left) * np.array([math.gamma(2 / a) / math.gamma(1 / a) for a in shape])  # equation 8
        found += [shape, means, left, right]
    return np.stack(found, axis=1)


def _normalised(y: np.ndarray) -> np.ndarray:
    """Equation 1: less the local mean, over the local deviation plus one; the edge pixel continues outside."""
    mean = _blur(y)
    deviation = np.sqrt(np.abs(_blur(y**2) - mean**2))
    difference = y - mean
    # A flat area differs from its mean by nothing. What rounding leaves there would count it to the left or to the
    # right side of the distributions, by the order of summation: 0.34 on Set5's "head".
    difference[np.abs(difference) < _NOTHING] = 0
    return difference / (deviation + 1)


def _blur(x: np.ndarray) -> np.ndarray:
    """A 7x7 Gaussian of sigma 7/6, one axis after the other."""
    offsets = np.arange(-3, 4)
    weights = np.exp(-(offsets**2) / (2 * (7 / 6) ** 2))
    weights /= weights.sum()
    height, width = x.shape
    x = np.pad(x, 3, mode="edge")
    x = sum(weight * x[tap : tap + height] for tap, weight in enumerate(weights))
    return sum(weight * x[:, tap : tap + width] for tap, weight in enumerate(weights))


def _asymmetric_gaussian(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fits asymmetric generalised Gaussians (equation 4) by moments: [N,h,w] -> shape, left and right scale, [N] each.

    A block without values on both sides of zero has scales that are NaN.
    """
    values = blocks.reshape(len(blocks), -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        left, right = (np.sqrt((np.where(side, values, 0) ** 2).sum(axis=1) / side.sum(axis=1))
                       for side in (values < 0, values > 0))
        ratio = left / right
        spread = np.abs(values).mean(axis=1) ** 2 / (values**2).mean(axis=1)
        wanted = spread * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, ratios, factors = _shapes()
    nearest = np.abs(ratios - wanted[:, None]).argmin(axis=1)
    return shapes[nearest], left * factors[nearest], right * factors[nearest]


@cache
def _shapes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shapes that the release tries, 0.2 to 10 in thousandths, with what equations 5 and 6 say of each."""
    shapes = np.arange(200, 10001) / 1000
    once, twice, thrice = (np.array([math.gamma(n / a) for a in shapes]) for n in (1, 2, 3))
    return shapes, twice**2 / (once * thrice), np.sqrt(once / thrice)
