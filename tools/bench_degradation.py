"""Images per second through Real-ESRGAN's second-order degradation: here, and in PyTorch, on the CPU.

    python tools/bench_degradation.py [--rounds=7] [--seconds=5]

Batches of 12 images of 256x256 to x4. Here: one image at a time in a tf.data pipeline, as in training (with random
numbers for each image), and as one batch. PyTorch: a batch, as in the authors' code (sizes, modes, Gaussian or Poisson
once per batch), with conv2d with groups, interpolate, torch.poisson and a JPEG of torch operations (DCT as a matrix
product, 4:2:0 by averages, chroma upsampled without the triangular filter, qualities not rounded). Its kernels are
drawn beforehand and are not timed. They alternate; medians are printed. Needs the extras `bench` and `samples`.
"""

import argparse
import importlib.metadata
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import torch
import torch.nn.functional as F

from srgan_tf.data import open_source
from srgan_tf.data.degradation import open_degradation
from srgan_tf.data.degradation.chains import FIRST, SECOND, Stage
from srgan_tf.data.degradation.compression import _CHROMA, _LUMA, _TO_YCC, _dct
from srgan_tf.data.degradation.kernels import draw_final_sinc, draw_kernels

BATCH, SIDE, SCALE = 12, 256, 4


def photographs() -> np.ndarray:
    """Crops of scikit-image's photographs, float32 [12,256,256,3]."""
    pieces = []
    for _, load in open_source("samples", 1, "train").images:
        hr = load().hr
        if min(hr.shape[:2]) >= SIDE:
            pieces += [hr[:SIDE, :SIDE], hr[-SIDE:, -SIDE:]]
    return np.stack(pieces[:BATCH]).astype(np.float32) / 255


def ours_one_by_one(images: np.ndarray) -> Iterator:
    """A tf.data pipeline, as `crops` has it, but for the prefetching: nothing is made in the others' turns."""
    degrade, hr = open_degradation("real_esrgan", SCALE), tf.constant(images)

    def one(number: tf.Tensor) -> tf.Tensor:
        return degrade(hr[number % BATCH][None], tf.stack([np.int64(1), number]))[0][0]

    data = tf.data.Dataset.range(10**9).map(tf.autograph.experimental.do_not_convert(one), os.cpu_count())
    return iter(data.batch(BATCH))


def ours_batched(images: np.ndarray) -> Iterator:
    """One call per batch."""
    degrade, hr = open_degradation("real_esrgan", SCALE), tf.constant(images)
    call = tf.function(lambda number: degrade(hr, tf.stack([1, number]))[0], autograph=False)
    number = 0
    while True:
        yield call(tf.constant(number)).numpy()
        number += 1


def by_torch(hr_images: np.ndarray) -> Iterator:
    """The authors' chain in PyTorch."""
    hr = torch.from_numpy(np.ascontiguousarray(hr_images.transpose(0, 3, 1, 2)))
    kernels = [[torch.from_numpy(drawn.kernels.numpy()) for drawn in (
        draw_kernels(tf.constant([number, 0]), BATCH, FIRST.sigma),
        draw_kernels(tf.constant([number, 1]), BATCH, SECOND.sigma),
        draw_final_sinc(tf.constant([number, 2]), BATCH, 0.8))] for number in range(20)]
    while True:
        first, second, last = random.choice(kernels)
        with torch.no_grad():
            images = torch_round(torch_filter(hr, first), FIRST, SIDE)
            images = torch_jpeg(images, torch.empty(BATCH).uniform_(*FIRST.quality))
            images = torch_filter(images, second) if random.random() < SECOND.blur else images
            images = torch_round(images, SECOND, SIDE // SCALE)
            quality, size = torch.empty(BATCH).uniform_(*SECOND.quality), SIDE // SCALE
            if random.random() < 0.5:
                images = torch_jpeg(torch_filter(torch_resize(images, size), last).clamp(0, 1), quality)
            else:
                images = torch_filter(torch_resize(torch_jpeg(images, quality), size), last)
            yield ((images * 255).round().clamp(0, 255) / 255).numpy()


def torch_filter(images: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Filters each image with its own kernel: one convolution with groups."""
    count, channels = images.shape[:2]
    padded = F.pad(images, [kernels.shape[-1] // 2] * 4, mode="reflect")
    weights = kernels[:, None].repeat_interleave(channels, 0)
    return F.conv2d(padded.reshape(1, -1, *padded.shape[2:]), weights, groups=count * channels).view_as(images)


def torch_resize(images: torch.Tensor, size: int) -> torch.Tensor:
    """To a square, in a random mode."""
    return F.interpolate(images, size=(size, size), mode=random.choice(["area", "bilinear", "bicubic"]))


def torch_round(images: torch.Tensor, stage: Stage, base: int) -> torch.Tensor:
    """Resizing and noise."""
    low, high = stage.factor
    direction = random.choices([lambda: random.uniform(1, high), lambda: random.uniform(low, 1), lambda: 1.0],
                               stage.directions)[0]
    images = torch_resize(images, max(11, int(base * direction()))).clamp(0, 1)
    grey = (torch.rand(BATCH, 1, 1, 1) < stage.grey).float()
    if random.random() < stage.gaussian:
        noise = torch.randn_like(images) * torch.empty(BATCH, 1, 1, 1).uniform_(*stage.sigma_noise) / 255
    else:
        levels = (images * 255).round() / 255
        values = [2 ** np.ceil(np.log2(len(torch.unique(image)))) for image in levels]
        photons = torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)
        noise = torch.poisson(levels * photons) / photons - levels
        noise = noise * torch.empty(BATCH, 1, 1, 1).uniform_(*stage.strength)
    return (images + noise[:, :1] * grey + noise * (1 - grey)).clamp(0, 1)


_MATRIX, _TABLES, _DCT = (torch.from_numpy(np.array(values, np.float32)) for values in
                          (_TO_YCC, (_LUMA, _CHROMA), _dct()))


def torch_jpeg(images: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """JPEG of [B,3,H,W] in [0, 1], each image with its quality."""
    height, width = images.shape[2:]
    filled = F.pad(images * 255, [0, -width % 16, 0, -height % 16])
    planes = torch.einsum("bchw,dc->bdhw", filled, _MATRIX) - torch.tensor([128.0, 0, 0]).view(1, 3, 1, 1)
    factor = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    luma = torch_code(planes[:, :1], _TABLES[0], factor)
    chroma = F.interpolate(torch_code(F.avg_pool2d(planes[:, 1:], 2), _TABLES[1], factor), scale_factor=2)
    decoded = torch.cat([luma + 128, chroma], 1)
    rgb = torch.einsum("bchw,dc->bdhw", decoded, torch.linalg.inv(_MATRIX))
    return rgb[:, :, :height, :width].clamp(0, 255) / 255


def torch_code(planes: torch.Tensor, table: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """DCT, quantization and back."""
    count, channels, height, width = planes.shape
    blocks = planes.reshape(count, channels, height // 8, 8, width // 8, 8).permute(0, 1, 2, 4, 3, 5)
    steps = table * factor.view(-1, 1, 1, 1, 1)
    coefficients = torch.round(blocks.reshape(*blocks.shape[:4], 64) @ _DCT / steps) * steps
    blocks = (coefficients @ _DCT.T).reshape(*blocks.shape[:4], 8, 8).permute(0, 1, 2, 4, 3, 5)
    return blocks.reshape(count, channels, height, width)


def rate(batches: Iterator, seconds: float) -> float:
    """Images per second."""
    begin, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - begin) < seconds:
        next(batches)
        count += BATCH
    return count / taken


def main() -> None:
    """Measures alternately and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5, help="duration of each measurement")
    options = parser.parse_args()
    versions = {name: importlib.metadata.version(name) for name in ("tensorflow", "torch", "numpy")}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), f"; {os.cpu_count()} cores")
    images = photographs()
    makers: dict[str, Callable[[np.ndarray], Iterator]] = {
        "srgan_tf, one by one": ours_one_by_one, "srgan_tf, batches": ours_batched, "PyTorch, batches": by_torch}
    running = {name: make(images) for name, make in makers.items()}
    for batches in running.values():
        for _ in range(5):
            next(batches)
    rates: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(options.rounds):
        for name, batches in running.items():
            rates[name].append(rate(batches, options.seconds))
    for name, values in rates.items():
        spread = ", ".join(f"{value:.1f}" for value in values)
        print(f"{name:22} {statistics.median(values):7.1f} images/s   ({spread})")


if __name__ == "__main__":
    main()
