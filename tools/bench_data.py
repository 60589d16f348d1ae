"""Pairs per second: records through this package's pipeline, and PNG sub-images through a PyTorch DataLoader.

    python tools/bench_data.py [--images=DIR] [--rounds=5]

Both give batches of 16 random crops, HR 128x128 and LR 32x32, flipped and rotated: here uint8 in TensorFlow, in PyTorch
float32 in [0, 1], NCHW, as its users make them. PyTorch reads 480x480 HR and 120x120 LR sub-images in PNG, as BasicSR
does, with two worker processes. The two alternate; medians are printed. Needs the extras `bench` and `samples`.
"""

import argparse
import importlib.metadata
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import torch
from PIL import Image

from srgan_tf.config import PrepareConfig
from srgan_tf.data import build_store, crops, open_source, prepare
from srgan_tf.imaging import list_images, matlab_resize, read_image

SCALE, PATCH, BATCH, WORKERS = 4, 128, 16, 2
SUB_IMAGE, STEP = 480, 240
WIDTH, HEIGHT = 2040, 1356  # of the images made where none are given: DIV2K's usual size


class SubImages(torch.utils.data.Dataset):
    """Sub-images as PNG files, read and cropped on request."""

    def __init__(self, folder: Path):
        self.hr = sorted((folder / "HR").iterdir())
        self.lr = sorted((folder / "LR").iterdir())

    def __len__(self) -> int:
        return len(self.hr)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        lr, hr = (np.asarray(Image.open(paths[index])) for paths in (self.lr, self.hr))
        side = PATCH // SCALE
        top, left = random.randint(0, lr.shape[0] - side), random.randint(0, lr.shape[1] - side)
        lr = lr[top : top + side, left : left + side]
        hr = hr[top * SCALE : top * SCALE + PATCH, left * SCALE : left * SCALE + PATCH]
        mirrored, upside_down, turned = (random.random() < 0.5 for _ in range(3))
        return tuple(_tensor(image, mirrored, upside_down, turned) for image in (lr, hr))


def _tensor(image: np.ndarray, mirrored: bool, upside_down: bool, turned: bool) -> torch.Tensor:
    image = image[:, ::-1] if mirrored else image
    image = image[::-1] if upside_down else image
    image = image.transpose(1, 0, 2) if turned else image
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float().div_(255)


def make_images(folder: Path, count: int = 4) -> None:
    """Photographs of DIV2K's size: scikit-image's, mirrored and tiled."""
    photos = [load().hr for _, load in open_source("samples", 1, "train").images]
    photos = [photo for photo in photos if min(photo.shape[:2]) >= 256][:count]
    for number, photo in enumerate(photos):
        wide = np.pad(photo, ((0, max(0, HEIGHT - photo.shape[0])), (0, max(0, WIDTH - photo.shape[1])), (0, 0)),
                      mode="symmetric")
        Image.fromarray(wide[:HEIGHT, :WIDTH]).save(folder / f"{number}.png")


def make_sub_images(images: Path, folder: Path) -> None:
    """Cuts images into overlapping sub-images, HR and LR, as PNG."""
    for name in ("HR", "LR"):
        (folder / name).mkdir(parents=True)
    for path in list_images(images):
        hr = read_image(path).pixels[..., :3]
        hr = hr[: hr.shape[0] // SCALE * SCALE, : hr.shape[1] // SCALE * SCALE]
        lr, part = matlab_resize(hr, 1 / SCALE), SUB_IMAGE // SCALE
        for top in range(0, hr.shape[0] - SUB_IMAGE + 1, STEP):
            for left in range(0, hr.shape[1] - SUB_IMAGE + 1, STEP):
                name, row, column = f"{path.stem}_{top}_{left}.png", top // SCALE, left // SCALE
                Image.fromarray(hr[top : top + SUB_IMAGE, left : left + SUB_IMAGE]).save(folder / "HR" / name)
                Image.fromarray(lr[row : row + part, column : column + part]).save(folder / "LR" / name)


def open_ours(images: Path, folder: Path) -> Callable[[], Iterator]:
    """Prepares records; returns what starts a pipeline on them."""
    prepare(PrepareConfig(dataset=f"folder:{images}", output=str(folder), scale=SCALE))
    store = build_store(open_source(f"records:{folder}", SCALE, "all"), SCALE, PATCH)
    return lambda: iter(crops(store, PATCH, BATCH, seed=0, first_step=0, steps=1_000_000))


def open_torch(images: Path, folder: Path) -> Callable[[], Iterator]:
    """Writes sub-images; returns what starts a DataLoader on them."""
    make_sub_images(images, folder)
    dataset = SubImages(folder)
    endless = torch.utils.data.RandomSampler(dataset, replacement=True, num_samples=10_000_000)
    loader = torch.utils.data.DataLoader(dataset, BATCH, sampler=endless, num_workers=WORKERS, drop_last=True,
                                         prefetch_factor=4)
    return lambda: iter(loader)


def rate(start: Callable[[], Iterator], seconds: float, warm_up: int = 30) -> float:
    """Pairs per second, after a warm-up."""
    batches = start()
    for _ in range(warm_up):
        next(batches)
    begin, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - begin) < seconds:
        next(batches)
        count += BATCH
    return count / taken


def main() -> None:
    """Measures both alternately and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of HR images; default: made from scikit-image's")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="duration of each measurement")
    options = parser.parse_args()
    versions = {name: importlib.metadata.version(name) for name in ("tensorflow", "torch", "numpy", "pillow")}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), f"; {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="bench_data_") as temporary:
        folder = Path(temporary)
        if options.images is None:
            (folder / "images").mkdir()
            make_images(folder / "images")
        images = options.images or folder / "images"
        # PyTorch first: its workers are forks, which are best made before TensorFlow has threads.
        contestants = {"PyTorch, PNG sub-images": open_torch(images, folder / "sub"),
                       "srgan_tf, records": open_ours(images, folder / "records")}
        rates: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(options.rounds):
            for name, start in contestants.items():
                rates[name].append(rate(start, options.seconds))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, values in rates.items():
        spread = ", ".join(f"{value:,.0f}" for value in values)
        print(f"{name:26} {medians[name]:8,.0f} pairs/s   ({spread})")
    theirs, ours = medians.values()
    print(f"ratio {ours / theirs:.1f}")


if __name__ == "__main__":
    main()
