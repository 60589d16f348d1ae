"""`upscale --beam`: files on many machines, and large images in bands that several machines make.

    split: a file into pieces  ->  work: a piece  ->  finish: a file of its pieces

Each worker opens the model once. Results appear whole or not at all, and so do bands, in a hidden folder beside the
result: what was done before a worker or the pipeline failed is not done again. A band is a row of the tiles that one
machine would make too, so that the pixels are the same.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from srgan_tf.atomic import replacing
from srgan_tf.config import UpscaleConfig
from srgan_tf.errors import MENDABLE
from srgan_tf.hub import ModelRef
from srgan_tf.imaging import DecodedImage, written_type
from srgan_tf.imaging.banded_png import pack_band, write_banded_png
from srgan_tf.imaging.color import LEVELS, is_opaque
from srgan_tf.inference.asked import Asked
from srgan_tf.inference.batch import read_job, upscale_job
from srgan_tf.inference.configured import configured_upscaler
from srgan_tf.inference.jobs import Job
from srgan_tf.inference.moving import endings_of
from srgan_tf.inference.preflight import Plan, reason_of, summary
from srgan_tf.inference.result_size import passes, reduction_to, target_of
from srgan_tf.inference.tiling import Window, tile_windows, upscale_tiled
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.text import printable
from srgan_tf.workers import run_pipeline

BANDED = 64_000_000  # pixels of a result, beyond which it is made in bands
_opening = threading.Lock()


class Setting(NamedTuple):
    """What all pieces share."""

    config: UpscaleConfig
    model: ModelRef
    asked: Asked


class Piece(NamedTuple):
    """A file, or a band of its result.

    Attributes:
        job: the file.
        number: of the band, from above.
        row: of the tiles; None: the whole file.
        tile: their side.
    """

    job: Job
    number: int = 0
    row: Window | None = None
    tile: int = 0


def upscale_on_workers(config: UpscaleConfig, model: ModelRef, plan: Plan) -> int:
    """Upscales the files of a plan by a Beam pipeline, with a line for each.

    Returns:
        How many failed, those of the plan among them.

    Raises:
        UserError: the pipeline failed.
    """
    path = model.path and model.path.absolute()
    setting = Setting(config, dataclasses.replace(model, path=path), plan.asked)
    jobs = [job._replace(source=job.source.absolute(), target=job.target.absolute()) for job in plan.jobs]
    note = jobs[0].target.with_name(f".{os.getpid()}-{os.urandom(8).hex()}.failed.json")

    def build(beam: object, pipeline: object) -> object:
        return (pipeline | beam.Create(jobs) | beam.FlatMap(functools.partial(split, setting)) | beam.Reshuffle()
                | beam.Map(functools.partial(work, setting)) | beam.GroupByKey()
                | beam.MapTuple(functools.partial(finish, setting)) | beam.Filter(lambda failed: failed[1])
                | beam.combiners.ToList() | beam.Map(functools.partial(_note, note)))

    run_pipeline(config.beam, build)
    failures = dict(json.loads(note.read_text()))
    note.unlink()
    done = 0
    for job, there in zip(plan.jobs, jobs, strict=True):
        if reason := failures.get(str(there.target)):
            print(f"failed: {printable(reason)}", file=sys.stderr)
        else:
            print(f"{printable(job.target)}: written")
            done += 1
    return summary(plan, done)


def split(setting: Setting, job: Job) -> Iterator[Piece]:
    """The pieces of a file: bands of a large result in PNG, else the file itself."""
    rows, tile = [], 0
    if not endings_of(job.source, setting.asked.files.page) and job.target.suffix.lower() == ".png":
        with contextlib.suppress(*MENDABLE):  # which work meets again, and says
            rows, tile = _rows(setting, job)
    if len(rows) < 2:
        yield Piece(job)
        return
    for number, row in enumerate(rows):
        yield Piece(job, number, row, tile)


def _rows(setting: Setting, job: Job) -> tuple[list[Window], int]:
    """The rows of tiles of which bands are made, and the tiles' side; none for a result that is made at once."""
    pixels, upscaler = _pixels(_source(setting, job)), opened(setting)
    scale, shape = upscaler.scale, pixels.shape
    target = target_of(shape, setting.asked.size, scale)
    plain = passes(shape, target.size, scale) == 1 and reduction_to(target, shape, scale) is None
    if not plain or target.size[0] * target.size[1] <= BANDED:
        return [], 0
    tile = upscaler.side(shape)
    return tile_windows(upscaler.runtime, shape, tile, upscaler.overlap)[0], tile


def work(setting: Setting, piece: Piece) -> tuple[str, tuple[Piece, str]]:
    """Makes a piece. Returns, by the target, the piece and why it failed; empty: it did not."""
    reason = ""
    try:
        if piece.row:
            _make_band(setting, piece)
        elif setting.asked.overwrite or not piece.job.target.exists():
            upscale_job(opened(setting), piece.job, setting.asked, Counter())
    except MENDABLE as error:
        reason = reason_of(error, piece.job)
    return str(piece.job.target), (piece, reason)


def _make_band(setting: Setting, piece: Piece) -> None:
    path = _band(setting, piece)
    if path.exists():
        return
    image, upscaler, row = _source(setting, piece.job), opened(setting), piece.row
    pixels = _pixels(image)
    dtype = np.dtype(written_type(piece.job.target, pixels.dtype, setting.asked.encoding.bit_depth))
    made = upscale_tiled(upscaler.runtime, pixels[row.start : row.stop], piece.tile, upscaler.overlap, dtype=dtype)
    kept = made[(row.keep_start - row.start) * upscaler.scale : (row.keep_stop - row.start) * upscaler.scale]
    if pixels.shape[2] < image.channels.shape[2]:
        kept = np.concatenate([kept, np.full_like(kept[..., :1], LEVELS[dtype])], axis=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(pack_band(kept, image))


def finish(setting: Setting, target: str, made: Iterable[tuple[Piece, str]]) -> tuple[str, str]:
    """Puts the bands of a file together. Returns its target and why it failed; empty: it did not."""
    made = sorted(made, key=lambda one: one[0].number)
    reason = next((reason for _, reason in made if reason), "")
    if reason or made[0][0].row is None:
        return target, reason
    job = made[0][0].job
    try:
        image, scale = _source(setting, job), opened(setting).scale
        software = "" if setting.asked.files.strip_metadata else setting.asked.files.software
        bands = [_band(setting, piece) for piece, _ in made]
        if setting.asked.overwrite or not job.target.exists():
            height, width = image.pixels.shape[:2]
            write_banded_png(job.target, bands, (scale * width, scale * height), image, software)
        shutil.rmtree(bands[0].parent, ignore_errors=True)
    except MENDABLE as error:
        reason = reason_of(error, job)
    return target, reason


def _note(path: Path, failures: list[tuple[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(failures))


def _band(setting: Setting, piece: Piece) -> Path:
    """The file of a band, in a folder that is called by all that the band depends on."""
    source, target = piece.job.source, piece.job.target
    state = source.stat()
    facts = str((setting.config, setting.model.digest, str(source), state.st_size, state.st_mtime_ns, piece.tile))
    folder = target.with_name(f".{target.name}.{hashlib.sha256(facts.encode()).hexdigest()[:16]}.bands")
    return folder / f"{piece.number:05d}"


def _pixels(image: DecodedImage) -> np.ndarray:
    """What the model sees: without alpha where all is opaque."""
    pixels = image.channels
    return pixels[..., :-1] if image.alpha is not None and is_opaque(pixels) else pixels


def _source(setting: Setting, job: Job) -> DecodedImage:
    with _opening:
        return _read(setting.asked, job.source, job.source.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1)
def _read(asked: Asked, source: Path, changed: int) -> DecodedImage:
    return read_job(Job(source, source), asked).image


def opened(setting: Setting) -> Upscaler:
    """The upscaler of this worker, which is opened once."""
    with _opening:
        return _open(setting.config, setting.model)


@functools.lru_cache(maxsize=1)
def _open(config: UpscaleConfig, model: ModelRef) -> Upscaler:
    return configured_upscaler(config, model)
