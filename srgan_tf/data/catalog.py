"""Where training images come from: `--dataset=KIND:WHERE`, each kind a function in SOURCES.

`motion:SOURCE` are windows that move over the photographs of another source (`moving_windows.py`).

A source is opened for a part: "train" and "validation" share its images, "all" takes them whole. Kinds with a
validation split of their own (div2k, samples, deadleaves) keep it out of every part but "validation".
"""

import contextlib
import importlib.util
import logging
import os
import socket
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from srgan_tf.data import records as stored
from srgan_tf.data.clip_source import clips
from srgan_tf.data.deadleaves import dead_leaves
from srgan_tf.data.folder_source import Held, folder
from srgan_tf.data.folders import split_folders
from srgan_tf.data.pairs import ClipPair, Pair, Source, checked_pair, load_hr, pair_from_hr, require_still
from srgan_tf.errors import UserError
from srgan_tf.settings import lookup
from srgan_tf.text import expand, whole_number

DIV2K_HOST = "data.vision.ee.ethz.ch"
PARTS = ("train", "validation", "all")
MOST_LEAVES = 1_000_000  # the seeds after them are those of validation
SAMPLES_VALIDATION = ("astronaut.png", "coffee.png")
SAMPLES_TRAINING = (
    "brick.png", "camera.png", "chelsea.png", "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg",
    "ihc.png", "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg")


def open_source(spec: str, scale: int, part: str = "all", held: Held | None = None,
                leave_out: Path | None = None) -> Source:
    """Opens one of the SOURCES.

    Args:
        spec: `KIND`, `KIND:WHERE` or, for tensorflow-datasets, `div2k/CONFIG`.
        scale: HR side over LR side.
        part: one of PARTS.
        held: the split that a run began with; the other kinds than folder have a split of their own.
        leave_out: a folder whose images are not taken.

    Raises:
        ValueError: for an unknown kind or part, or a source that cannot be read.
    """
    if part not in PARTS:
        raise UserError(f"part must be one of {', '.join(PARTS)}; got {part!r}")
    if spec.startswith("motion:"):
        source = open_source(spec.removeprefix("motion:"), scale, part, held, leave_out)
        require_still(source)
        return source._replace(name=f"motion:{source.name}", moving="motion")
    kind, _, where = (f"div2k:{spec[6:]}" if spec.startswith("div2k/") else spec).partition(":")
    if kind not in SOURCES and os.path.isdir(spec):
        raise UserError(f"unknown dataset {spec!r}; for the images in this folder write folder:{spec}")
    opened = lookup(SOURCES, kind, "dataset")
    return folder(where, scale, part, held, leave_out) if kind == "folder" else opened(where, scale, part)


def open_sources(dataset: str, val_dataset: str, scale: int, held: Held | None = None) -> tuple[Source, Source]:
    """The training and the validation source; an empty `val_dataset` means the training set's own held-out part.

    A validation folder that lies within the training folder is no part of it.
    """
    if not val_dataset or val_dataset == dataset:
        return open_source(dataset, scale, "train", held), open_source(dataset, scale, "validation", held)
    is_folder, whole = val_dataset.startswith("folder:"), val_dataset.startswith(("folder:", "clips:"))
    leave_out = split_folders(val_dataset.removeprefix("folder:"))[0] if is_folder else None
    validation = open_source(val_dataset, scale, "all" if whole else "validation")
    return open_source(dataset, scale, "all", leave_out=leave_out), validation


def samples(where: str, scale: int, part: str) -> Source:
    """The photographs in scikit-image's wheel; two of them are kept for validation."""
    if where:
        raise UserError(f"--dataset=samples takes no path; got {where!r}")
    package = importlib.util.find_spec("skimage")
    if package is None:
        raise UserError("--dataset=samples needs scikit-image: pip install 'srgan_tf[samples]'")
    data = Path(package.submodule_search_locations[0]) / "data"
    names = SAMPLES_VALIDATION if part == "validation" else SAMPLES_TRAINING
    images = [(name, partial(load_hr, data / name, scale)) for name in names]
    return Source("samples", len(names), images, files={name: (data / name,) for name in names})


def deadleaves(where: str, scale: int, part: str) -> Source:
    """`deadleaves[:COUNT]`: procedural images of 256x256 pixels, 64 unless COUNT says so; 4 to validate on."""
    if where and not whole_number(where, MOST_LEAVES):
        raise UserError(f"--dataset=deadleaves:COUNT needs a positive number of at most {MOST_LEAVES}; got {where!r}")
    count = 4 if part == "validation" else int(where or 64)
    first_seed = 1_000_000 if part == "validation" else 0
    images = [(f"deadleaves {seed}", partial(_load_dead_leaves, seed, scale))
                for seed in range(first_seed, first_seed + count)]
    return Source("deadleaves", count, images, version=f"{count} from seed {first_seed} on")


def _load_dead_leaves(seed: int, scale: int) -> Pair:
    return pair_from_hr(dead_leaves(256, seed), scale)


def div2k(where: str, scale: int, part: str) -> Source:
    """`div2k/bicubic_x4` and its sisters, downloaded and prepared by tensorflow-datasets into its data folder."""
    import tensorflow_datasets as tfds

    made_for = where.rpartition("_x")[2]
    if whole_number(made_for) not in (None, scale):
        raise UserError(f"--dataset=div2k/{where} is for --scale={made_for}; got --scale={scale}")
    name, split = f"div2k/{where}", "validation" if part == "validation" else "train"
    try:
        with _errors_alone("absl"):  # it warns of the folder that a failed download has left
            builder = tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR"))
            if not builder.is_prepared():
                _require_host(DIV2K_HOST)
            builder.download_and_prepare()
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"tensorflow-datasets cannot provide {name} ({type(error).__name__}: {reason}); where there is no network, "
            "point TFDS_DATA_DIR at a prepared copy or use --dataset=folder:HR[,LR]") from error
    count = builder.info.splits[split].num_examples
    return Source(name, count, _Examples(builder, split, scale, range(count)),
                  version=f"{builder.info.full_name} {split}, {count} images")


@contextlib.contextmanager
def _errors_alone(name: str) -> Iterator[None]:
    """Hides what a package logs below an error."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _require_host(host: str) -> None:
    """Fails at once where the downloader would try again for minutes. Behind a proxy only the proxy can tell."""
    if not urllib.request.getproxies():
        socket.getaddrinfo(host, 443)


class _Examples:
    """Examples of tensorflow-datasets, one in memory at a time, in the order of its files."""

    def __init__(self, builder: Any, split: str, scale: int, places: range):
        self.builder, self.split, self.scale, self.places = builder, split, scale, places

    def __getitem__(self, places: slice) -> "_Examples":
        return _Examples(self.builder, self.split, self.scale, self.places[places])

    def __iter__(self) -> Iterator[tuple[str, Callable[[], Pair]]]:
        import tensorflow_datasets as tfds

        part = f"{self.split}[{self.places.start}:{self.places.stop}]"
        # By default files are read by turns, and the order of a slice would not be that of the whole.
        in_order = tfds.ReadConfig(interleave_cycle_length=1)
        examples = self.builder.as_dataset(split=part, read_config=in_order)
        for number, example in zip(self.places, examples.as_numpy_iterator(), strict=True):
            yield f"{self.builder.name} {number}", partial(checked_pair, example["lr"], example["hr"], self.scale)


def records(where: str, scale: int, part: str) -> Source:
    """`records:DIR`, made by `python -m srgan_tf.prepare`: the parts are those of the source that it was made from."""
    if not where:
        raise UserError("--dataset=records:DIR needs the path of a folder")
    folder = expand(where)
    settings = stored.read_settings(folder)
    if settings["scale"] != scale:
        raise UserError(f"the records in {folder} are for --scale={settings['scale']}; got --scale={scale}")
    shards = []
    for name in settings["all"] if part == "all" else [part]:
        found = stored.read_index(folder / name)
        stored.check_shards(folder / name, found, settings)
        shards += [(folder / name / shard.file, shard) for shard in found]
    images = [(entry.name, partial(_load_stored, path, entry, scale)) for path, shard in shards
                for entry in shard.pairs]
    return Source(f"records:{where}", len(images), images, shards, is_taught=stored.is_taught(settings),
                  moving="clips" if stored.is_of_clips(settings) else "")


def _load_stored(path: Path, entry: stored.Entry, scale: int) -> Pair | ClipPair:
    pair = stored.read_pair(path, entry, scale)
    return ClipPair(*pair, entry.frames) if entry.frames > 1 else Pair(*pair)


SOURCES = {"clips": clips, "deadleaves": deadleaves, "div2k": div2k, "folder": folder, "records": records,
           "samples": samples}
