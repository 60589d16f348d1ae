"""Writing records: any source, part by part, shard by shard, here or as an Apache Beam pipeline.

A shard appears under its name when it is whole, then a note of what it holds; the index, last, gathers the notes. What
is there when a preparation starts is kept, so that one that was stopped anywhere continues, and ends with the same
bytes.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from tqdm import tqdm

from srgan_tf.atomic import locked, sweep
from srgan_tf.config import PrepareConfig
from srgan_tf.data import records
from srgan_tf.data.catalog import open_source, open_sources
from srgan_tf.data.folder_source import Held, earlier_split
from srgan_tf.data.likeness import Looks
from srgan_tf.data.pairs import ClipPair, Pair, Source, pair_from_hr
from srgan_tf.data.parallel_loading import load_in_parallel
from srgan_tf.errors import UserError
from srgan_tf.imaging import matlab_resize
from srgan_tf.text import expand, printable
from srgan_tf.workers import run_pipeline

LESSON_FLAGS = ("teacher", "kernel_pool", "noise_pool", "crop_size", "seed", "precision")
SPLIT = "by name"  # of a folder, kept in the settings; those of earlier versions have none
Images = Iterable[tuple[str, Callable[[], Pair]]]


class Job(NamedTuple):
    """One shard to write; of a source of clips, `images` are clips.

    Attributes:
        path: of its file.
        images: of the source, those that it is to hold.
        count: of these images.
        made_from: a fingerprint of their names.
        sizes: to store each at.
        scale: HR side over LR side.
        files: what the images are read from, by their names, where there are such files.
        lessons: what crops, their LR and a teacher's images are made by, in place of whole pairs.
    """

    path: Path
    images: Sequence[tuple[str, Callable[[], Pair]]]
    count: int
    made_from: str
    sizes: Sequence[float]
    scale: int
    files: Mapping[str, tuple[Path, ...]] = {}
    lessons: PrepareConfig | None = None

    @property
    def notes(self) -> Path:
        """What the index will say of the shard, until there is an index."""
        return self.path.with_suffix(".json")


def prepare(config: PrepareConfig) -> dict[str, list[records.Shard]]:
    """Writes the training and the validation images of a dataset.

    Returns:
        The shards of each part.

    Raises:
        ValueError: the source cannot be read, gives no image, or contradicts what is in the folder.
        OSError: a file cannot be written. What was finished before stays.
    """
    folder = expand(config.output).absolute()
    if config.teacher:
        _teaching().check_lessons(config)
    train, validation = _open_sources(folder, config)
    _check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, "--output"):
        _open_folder(folder, config, train, validation)
        return _write(folder, config, train, validation)


def _open_sources(folder: Path, config: PrepareConfig) -> tuple[Source, Source]:
    """What is to be prepared; records that an earlier version began keep the split that it made."""
    kind, _, where = config.dataset.partition(":")
    held = None
    own_split = kind == "folder" and config.val_dataset in ("", config.dataset)
    if own_split and (folder / records.SETTINGS_FILE).is_file() and not records.read_settings(folder).get("split"):
        training, validation = earlier_split(where)
        held = Held(training, validation, validation)
    sources = open_sources(config.dataset, config.val_dataset, config.scale, held)
    _check_moving(config, sources)
    return sources


def _check_moving(config: PrepareConfig, sources: Sequence[Source]) -> None:
    """Refuses what cannot be stored: windows without end, and of clips what is made of images."""
    train, validation = sources
    for flag, dataset, source in (("dataset", config.dataset, train), ("val_dataset", config.val_dataset, validation)):
        if source.moving == "motion":
            raise UserError(f"--{flag}={dataset or config.dataset} has no end to store: prepare its photographs, and "
                            f"train on motion:records:{config.output}")
    if train.moving != validation.moving:
        raise UserError(f"--dataset={config.dataset} and --val_dataset={config.val_dataset} must both be of clips")
    if train.moving and (config.teacher or config.sizes != (1.0,)):
        raise UserError("--teacher and --sizes are for images: leave them out for clips")


def _write(folder: Path, config: PrepareConfig, train: Source, validation: Source) -> dict[str, list[records.Shard]]:
    jobs = {"train": list(_jobs(folder / "train", train, config.sizes, config)),
            "validation": list(_jobs(folder / "validation", validation, (1.0,), config))}
    left = [job for of_part in jobs.values() for job in _unwritten(of_part)]
    print(f"{len(left)} of {sum(map(len, jobs.values()))} shards to write from {printable(train.name)}"
          f"{', by Beam' if config.beam else ''}", flush=True)
    if config.beam:
        _run_beam(left, config.beam)
    else:
        total, to_do = (sum(job.count * len(job.sizes) for job in some)
                        for some in ([*jobs["train"], *jobs["validation"]], left))
        with tqdm(total=total, initial=total - to_do, desc=f"preparing {printable(train.name)}",
                  unit="clip" if train.moving else "image", disable=None) as bar:
            for job in left:
                write_shard(job, bar.update)
    return {part: _write_index(folder / part, of_part) for part, of_part in jobs.items()}


def _check_folder(folder: Path) -> None:
    is_other = folder.is_dir() and not (folder / records.SETTINGS_FILE).is_file()
    if is_other and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise UserError(f"--output={folder} is not empty and holds no records: name a new or an empty folder")


def _open_folder(folder: Path, config: PrepareConfig, train: Source, validation: Source) -> None:
    """Finds records of this configuration in the folder, or begins them; clears away what a kill left half made."""
    shared = config.val_dataset in ("", config.dataset)
    held_out = shared and open_source(config.dataset, config.scale).count > train.count
    kept = ("dataset", "val_dataset", "scale", "shard_images", *(LESSON_FLAGS if config.teacher else ()))
    settings = {name: getattr(config, name) for name in kept}
    if config.teacher:
        settings["degradation"] = config.drawn
    settings["sizes"] = ",".join(f"{size:g}" for size in config.sizes)
    split = SPLIT
    if (folder / records.SETTINGS_FILE).is_file():
        before = {"teacher": ""} | records.read_settings(folder)
        split = before.get("split")
        for name, value in ({"teacher": ""} | settings).items():
            if before.get(name) != value:
                raise UserError(f"--{name}={value} contradicts the records in {folder}, which have "
                                f"--{name}={before.get(name)}: keep it, or name a new --output")
    for part in ("", "train", "validation"):
        (folder / part).mkdir(exist_ok=True)
        sweep(folder / part)
    settings["format"] = (records.CLIPS_FORMAT if train.moving else
                          records.TAUGHT_FORMAT if config.teacher else records.FORMAT)
    settings |= {"all": ["train", "validation"] if held_out else ["train"]}
    settings |= {"split": split} if split else {}
    records.write_json(folder / records.SETTINGS_FILE, settings)


def _jobs(folder: Path, source: Source, sizes: Sequence[float], config: PrepareConfig) -> Iterator[Job]:
    for number, start in enumerate(range(0, source.count, config.shard_images)):
        stop = min(start + config.shard_images, source.count)
        images = source.images[start:stop]
        # What is not a list has to be read to be listed, and has no names but its numbers.
        names = [name for name, _ in images] if isinstance(images, list) else [f"{start} to {stop}"]
        made_from = hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()
        files = {name: source.files[name] for name in names if name in source.files}
        yield Job(folder / f"{number:05}.pixels", images, stop - start, made_from, sizes, config.scale, files,
                  config if config.teacher else None)


def _unwritten(jobs: Sequence[Job]) -> list[Job]:
    """The jobs whose shard is not there whole; a ValueError if one was made from other images."""
    indexed = _indexed(jobs[0].path.parent)
    left = []
    for job in jobs:
        shard = _noted(job, indexed)
        if shard and shard.made_from != job.made_from:
            raise UserError(f"{job.path} was made from other images than --dataset has now: name a new --output")
        if not (shard and job.path.is_file() and job.path.stat().st_size == shard.bytes):
            left.append(job)
    return left


def _indexed(folder: Path) -> dict[str, records.Shard]:
    index = records.read_index(folder) if (folder / records.INDEX_FILE).is_file() else []
    return {shard.file: shard for shard in index}


def _noted(job: Job, indexed: dict[str, records.Shard]) -> records.Shard | None:
    if job.notes.is_file():
        return records.shard_from(job.notes, records.read_json(job.notes))
    return indexed.get(job.path.name)


def write_shard(job: Job, progress: Callable[[], Any] = lambda: None) -> None:
    """Writes one shard, and beside it what the index will say of it.

    Images that cannot be read are left out and listed, LR that does not look like its HR is named on standard output.
    A few images are in memory at a time.

    Raises:
        OSError: it cannot be written; nothing of it is left.
    """
    digest, length, pairs, skipped, looks = hashlib.sha256(), 0, [], [], Looks.none()
    with records.new_durable_file(job.path) as file:
        def write(data: Any) -> None:
            digest.update(data)
            file.write(data)

        for name, loaded in load_in_parallel(_at_sizes(job.images, job.sizes, job.scale)):
            if isinstance(loaded, str):
                skipped.append((name, loaded))
            else:
                for part, pair in _parts(job, name, loaded):
                    pairs.append(records.Entry(part, length, *pair.lr.shape[:2], pair.frames))
                    length += records.append_pair(write, pair.lr, pair.hr, pair.taught)
                if len(job.files.get(name, ())) > 1 and not isinstance(loaded, ClipPair):
                    looks.add(name, loaded)
            progress()
    shard = records.Shard(job.path.name, length, digest.hexdigest(), job.made_from, pairs, skipped)
    records.write_json(job.notes, records.fields_of(shard))
    for line in looks.doubtful(job.files):
        tqdm.write(f"warning: {printable(line)}")


def _parts(job: Job, name: str, pair: Pair) -> Iterable[tuple[str, Pair]]:
    """What a shard holds of a pair: itself, or the lessons made of it."""
    return _teaching().lessons(job.lessons, name, pair) if job.lessons else [(name, pair)]


def _teaching() -> ModuleType:
    from srgan_tf.data import teaching  # imports TensorFlow, which other records do without

    return teaching


def _at_sizes(images: Images, sizes: Sequence[float], scale: int) -> Images:
    """Each image at each size: 1 is itself, less is MATLAB's bicubic reduction of its HR."""
    for name, load in images:
        for size in sizes:
            yield (name, load) if size == 1 else (f"{name} x{size:g}", partial(_load_reduced, load, size, scale))


def _load_reduced(load: Callable[[], Pair], size: float, scale: int) -> Pair:
    return pair_from_hr(matlab_resize(load().hr, size), scale)


def _run_beam(jobs: Sequence[Job], options: str) -> None:
    """Writes shards by Apache Beam, one after another on each worker."""
    run_pipeline(options, lambda beam, pipeline: pipeline | beam.Create(jobs) | beam.Reshuffle()
                 | beam.Map(write_shard))


def _write_index(folder: Path, jobs: Sequence[Job]) -> list[records.Shard]:
    """Gathers the notes of all shards into the index; the notes go."""
    indexed = _indexed(folder)
    shards = [_noted(job, indexed) for job in jobs]
    if not any(shard.pairs for shard in shards):
        name, reason = shards[0].skipped[0]
        raise UserError(f"no usable image for {folder} ({sum(len(shard.skipped) for shard in shards)} skipped): "
                        f"{reason if name in reason else f'{name}: {reason}'}")
    records.write_json(folder / records.INDEX_FILE, list(map(records.fields_of, shards)))
    for path in folder.glob("[0-9]*.json"):
        path.unlink()
    return shards


def verify(config: PrepareConfig) -> int:
    """Reads finished records again and compares every checksum; returns the number of shards.

    Raises:
        ValueError: naming what is damaged.
    """
    folder, damaged = expand(config.output), []
    settings = records.read_settings(folder)
    parts = {part: records.read_index(folder / part) for part in ("train", "validation")}
    with tqdm(total=sum(map(len, parts.values())), desc="verifying", unit="shard", disable=None) as bar:
        for part, shards in parts.items():
            records.check_shards(folder / part, shards, settings)
            damaged += records.damaged_shards(folder / part, shards, bar.update)
    if damaged:
        raise UserError(f"{', '.join(map(str, damaged))}: not the bytes that were written; delete what is named here, "
                        "and the same prepare command writes it again")
    return bar.total
