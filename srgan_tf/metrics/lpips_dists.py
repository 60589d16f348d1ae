"""LPIPS and DISTS: distances between the features that trained networks see in two images; smaller is nearer.

Their weights do not come with the package. They are given as arrays under the names that PyTorch files have, which
may all lie in one file, or the network's in torchvision's file and the metric's own in another:

    network   features.0.weight (torchvision), net.slice1.0.weight (lpips), stage1.0.weight (DISTS_pytorch), and biases
    LPIPS     lin0.model.1.weight .. lin4.model.1.weight
    DISTS     alpha, beta
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.errors import UserError

Arrays = Mapping[str, np.ndarray]
Metric = Callable[..., float]


class Network(NamedTuple):
    """Convolutions of a classifier by torchvision's numbers, divided at the maps that the metrics look at.

    Attributes:
        stages: numbers of the convolutions of each stage, each followed by a ReLU.
        channels: of the maps at the ends of the stages.
        pooled: the stages that begin with a pooling.
        pool: side of the window of that pooling, whose step is 2.
    """

    name: str
    stages: tuple[tuple[int, ...], ...]
    channels: tuple[int, ...]
    pooled: tuple[int, ...]
    pool: int


ALEXNET = Network("AlexNet", ((0,), (3,), (6,), (8,), (10,)), (64, 192, 384, 256, 256), (1, 2), 3)
VGG16 = Network("VGG16", ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)), (64, 128, 256, 512, 512),
                (1, 2, 3, 4), 2)

# ImageNet's mean and deviation, RGB in 0..1; LPIPS has its own, for RGB in -1..1.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LPIPS_MEAN, _LPIPS_DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_CONVOLUTION = re.compile(r"(?:^|\.)(?:features|slice\d+|stage\d+)\.(\d+)\.(weight|bias)$")
_HEAD = re.compile(r"(?:^|\.)lin(\d)\.model\.\d+\.weight$")


def make_lpips(arrays: Arrays) -> Metric:
    """LPIPS 0.1 (Zhang et al., arXiv 1801.03924), on AlexNet or VGG16, whichever the weights are of.

    Returns:
        A metric `f(a, b, crop=0) -> float`: a and b are uint8, or floating point on 0..255, [H,W,3] RGB or [H,W,1]
        grey, which is taken as three equal channels.

    Raises:
        ValueError: weights are missing or of another shape.
    """
    first = _named(arrays, _CONVOLUTION).get(("0", "weight"), np.zeros((64, 3, 3, 3)))
    network = ALEXNET if first.shape[-1] == 11 else VGG16
    layers = _layers(arrays, network, "LPIPS")
    found = _named(arrays, _HEAD)
    heads = [_take(found, (str(index),), (1, channels, 1, 1), f"LPIPS: lin{index}.model.1.weight")[0, :, 0, 0]
             for index, channels in enumerate(network.channels)]

    def measure(images: KerasTensor) -> KerasTensor:
        maps = _maps((2 * images - 1 - np.float32(_LPIPS_MEAN)) / np.float32(_LPIPS_DEVIATION), network, layers,
                     lambda x: ops.max_pool(x, network.pool, 2))
        total = 0.0
        for x, head in zip(maps, heads, strict=True):
            x = x / (ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True)) + 1e-10)
            total += ops.mean(ops.sum(ops.square(x[0] - x[1]) * head, axis=-1))
        return total

    return _on_images(measure, smallest=32)


def make_dists(arrays: Arrays) -> Metric:
    """DISTS (Ding et al., arXiv 2004.07728), on VGG16 with L2 pooling; images are not reduced first.

    Returns:
        A metric, as `make_lpips` does.

    Raises:
        ValueError: weights are missing or of another shape.
    """
    layers = _layers(arrays, VGG16, "DISTS")
    ends = np.cumsum([3, *VGG16.channels])
    alpha, beta = (_take(arrays, name, (1, ends[-1], 1, 1), f"DISTS: {name}").ravel() for name in ("alpha", "beta"))
    total = alpha.sum() + beta.sum()
    alphas, betas = (np.split(weights / total, ends[:-1]) for weights in (alpha, beta))

    def measure(images: KerasTensor) -> KerasTensor:
        inputs = (images - np.float32(_MEAN)) / np.float32(_DEVIATION)
        maps = [images, *_maps(inputs, VGG16, layers, _l2_pool)]
        return 1 - sum(_similarity(x, alpha, beta) for x, alpha, beta in zip(maps, alphas, betas, strict=True))

    return _on_images(measure, smallest=16)


def _similarity(maps: KerasTensor, alpha: np.ndarray, beta: np.ndarray) -> KerasTensor:
    """Equations 6 and 7 of DISTS, weighted: the maps [2,H,W,C] of two images -> how alike they are."""
    means = ops.mean(maps, axis=(1, 2))
    spread = maps - means[:, None, None]
    variances = ops.mean(ops.square(spread), axis=(1, 2))
    covariance = ops.mean(maps[0] * maps[1], axis=(0, 1)) - means[0] * means[1]
    texture = (2 * means[0] * means[1] + 1e-6) / (ops.sum(ops.square(means), axis=0) + 1e-6)
    structure = (2 * covariance + 1e-6) / (ops.sum(variances, axis=0) + 1e-6)
    return ops.sum(alpha * texture + beta * structure)


def _maps(x: KerasTensor, network: Network, layers: Mapping[int, tuple], pool: Callable) -> list:
    """The maps at the ends of the network's stages: [N,H,W,3] -> five [N,h,w,C]."""
    found = []
    for stage, numbers in enumerate(network.stages):
        if stage in network.pooled:
            x = pool(x)
        for number in numbers:
            kernel, bias = layers[number]
            size = kernel.shape[0]
            border = min(size // 2, 2)  # AlexNet's 11x11 has 2, too
            x = ops.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))
            x = ops.relu(ops.conv(x, kernel, strides=4 if size == 11 else 1, padding="valid") + bias)
        found.append(x)
    return found


def _l2_pool(x: KerasTensor) -> KerasTensor:
    """The root of the squares' weighted mean, 3x3 Hann window, step 2 (DISTS, section II-A)."""
    window = np.outer((0.25, 0.5, 0.25), (0.25, 0.5, 0.25)).astype(np.float32)
    kernel = np.tile(window[..., None, None], (1, 1, x.shape[-1], 1))
    x = ops.pad(ops.square(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
    return ops.sqrt(ops.depthwise_conv(x, kernel, strides=2, padding="valid") + 1e-12)


def _named(arrays: Arrays, pattern: re.Pattern) -> dict[tuple[str, ...], np.ndarray]:
    """The arrays whose names the pattern finds, by what its groups caught."""
    return {match.groups(): array for name, array in arrays.items() if (match := pattern.search(name))}


def _layers(arrays: Arrays, network: Network, metric: str) -> dict[int, tuple]:
    """Kernel [kh,kw,in,out] and bias [out] of each convolution."""
    found, layers, inputs = _named(arrays, _CONVOLUTION), {}, 3
    for numbers, outputs in zip(network.stages, network.channels, strict=True):
        for number in numbers:
            size = {0: 11, 3: 5}.get(number, 3) if network is ALEXNET else 3
            where = f"{metric}: features.{number} of {network.name}"
            kernel = _take(found, (str(number), "weight"), (outputs, inputs, size, size), f"{where}, weight")
            bias = _take(found, (str(number), "bias"), (outputs,), f"{where}, bias")
            layers[number] = np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)), bias
            inputs = outputs
    return layers


def _take(arrays: Mapping, key: object, shape: Sequence[int], what: str) -> np.ndarray:
    """One array as float32, or a ValueError that says what is wrong with it."""
    if key not in arrays:
        raise UserError(f"{what} is not among the weights")
    array = np.asarray(arrays[key], np.float32)
    if array.shape != tuple(shape):
        raise UserError(f"{what} must have shape {list(shape)}; it has {list(array.shape)}")
    if not np.isfinite(array).all():
        raise UserError(f"{what} holds NaN or infinity")
    return array


def _on_images(measure: Callable, smallest: int) -> Metric:
    """A metric of two images out of one of float32 [2,H,W,3] in [0, 1]."""

    def metric(a: np.ndarray, b: np.ndarray, *, crop: int = 0) -> float:
        if a.shape != b.shape or a.ndim != 3 or a.shape[2] not in (1, 3):
            raise UserError(f"images must have one shape, [H,W,3] or [H,W,1]; got {a.shape} and {b.shape}")
        height, width = (size - 2 * crop for size in a.shape[:2])
        if min(height, width) < smallest:
            raise UserError(f"LPIPS and DISTS need {smallest} x {smallest} pixels; {width} x {height} are left after "
                            f"a crop of {crop}")
        pair = np.stack([a, b])[:, crop : crop + height, crop : crop + width].astype(np.float32) / 255
        pair = np.repeat(pair, 3, axis=3) if pair.shape[3] == 1 else pair
        return float(keras.ops.convert_to_numpy(measure(ops.convert_to_tensor(pair))))

    return metric
