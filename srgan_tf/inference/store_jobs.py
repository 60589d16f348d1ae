"""`upscale --beam` of images in an object store or HDFS: a worker takes a copy, upscales it and puts the result there.

What a file can become is known on the worker alone, which reads it. A result appears under its name when it is whole,
and one that is there is not made again, so that the same command does what is missing.
"""

import dataclasses
import functools
import json
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from srgan_tf.config import UpscaleConfig
from srgan_tf.errors import MENDABLE, UserError
from srgan_tf.hub import ModelRef
from srgan_tf.imaging import IMAGE_SUFFIXES
from srgan_tf.inference.asked import Asked
from srgan_tf.inference.batch import upscale_job
from srgan_tf.inference.jobs import Job, plain_ending, with_ending
from srgan_tf.inference.pieces import Setting, opened
from srgan_tf.inference.preflight import Plan, make_plan, reason_of, summary
from srgan_tf.text import printable
from srgan_tf.workers import Store, in_store, run_pipeline

WRITTEN, KEPT, FAILED = "written", "kept", "failed"


class Stored(NamedTuple):
    """A file in a store.

    Attributes:
        url: its address.
        folder: of the result, within that of all results.
        twin: whether the result of another file, which differs in its ending alone, would have the same name.
    """

    url: str
    folder: str
    twin: bool


def check_stores(config: UpscaleConfig, inputs: Sequence[str]) -> None:
    """Raises a UserError where some images or results lie in stores, and the others or the flags do not fit."""
    paths = (*inputs, config.output)
    here, there = (next((path for path in paths if in_store(path) == stored), "") for stored in (False, True))
    if not config.beam:
        raise UserError(f"{there} is read and written with --beam alone (docs/scale.md)")
    if here:
        raise UserError(f"images and --output must all lie in stores, or none; got {there} and {here}")
    if PurePosixPath(config.output).suffix.lower() in IMAGE_SUFFIXES:
        raise UserError(f"--output={config.output} must be a folder in a store")
    if config.recursive and any(path.startswith("hdfs://") for path in inputs):
        raise UserError("--recursive does not work for hdfs://, whose sub-folders Beam does not list: name each folder")


def upscale_in_store(config: UpscaleConfig, model: ModelRef, asked: Asked, inputs: Sequence[str]) -> int:
    """Upscales files of stores by a Beam pipeline, with a line for each.

    Returns:
        How many failed.

    Raises:
        UserError: an input stands for nothing, or the pipeline failed.
        OSError: from the store.
    """
    store, output = Store(config.beam), config.output.rstrip("/")
    files = _found(store, inputs, asked)
    note = f"{output}/.{os.urandom(8).hex()}.report.json"
    model = dataclasses.replace(model, path=model.path and model.path.absolute())
    setting = Setting(config, model, asked)

    def build(beam: object, pipeline: object) -> object:
        return (pipeline | beam.Create(files) | beam.Reshuffle() | beam.Map(functools.partial(_work, setting, output))
                | beam.combiners.ToList() | beam.Map(functools.partial(_note, config.beam, note)))

    run_pipeline(config.beam, build)
    with tempfile.TemporaryDirectory() as name:
        store.fetch(note, Path(name, "report"))
        report = json.loads(Path(name, "report").read_text())
    store.remove(note)
    for state, text in sorted(report):
        if state != KEPT:
            print(printable(f"failed: {text}" if state == FAILED else f"{text}: written"),
                  file=sys.stderr if state == FAILED else sys.stdout)
    counts = Counter(state for state, _ in report)
    kept = tuple(Path(text) for state, text in report if state == KEPT)
    jobs = [Job(Path(text), Path(text)) for state, text in report if state != KEPT]
    return summary(Plan(jobs, asked, kept), counts[WRITTEN])


def _found(store: Store, inputs: Sequence[str], asked: Asked) -> list[Stored]:
    """The files that the inputs stand for.

    Raises:
        UserError: an input stands for nothing, or two files have one result.
    """
    found = {}
    for text in inputs:
        single = PurePosixPath(text).suffix.lower() in IMAGE_SUFFIXES or any(mark in text for mark in "*?[")
        root = text.rstrip("/")
        urls = store.list(text if single else f"{root}/{'**' if asked.recursive else '*'}")
        urls = [url for url in urls if PurePosixPath(url).suffix.lower() in IMAGE_SUFFIXES and "/." not in url]
        if not urls:
            raise UserError(f"no file, folder or match: {text}")
        for url in urls:
            found.setdefault(url, "" if single else url.removeprefix(root).strip("/").rpartition("/")[0])
    results = defaultdict(list)
    for url, folder in found.items():
        path = PurePosixPath(url)
        results[folder, path.stem, asked.format or plain_ending(path, asked.encoding)].append(url)
    twins = {url for urls in results.values() if len(urls) > 1 for url in urls}
    for urls in results.values():
        if len({PurePosixPath(url).suffix for url in urls}) < len(urls):
            raise UserError(f"{urls[0]} and {urls[1]} have one result: upscale them apart, with an --output each")
    return [Stored(url, folder, url in twins) for url, folder in found.items()]


def _work(setting: Setting, output: str, stored: Stored) -> tuple[str, str]:
    """Upscales a file. Returns what became of it, and its result or why it failed."""
    store = Store(setting.config.beam)
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "in", stored.url.rpartition("/")[2])
        source.parent.mkdir()
        try:
            store.fetch(stored.url, source)
            job = _job(setting, stored, source, Path(name, "out"))
            url = "/".join(filter(None, (output, stored.folder, job.target.name)))
            if not setting.asked.overwrite and store.exists(url):
                return KEPT, url
            upscale_job(opened(setting), job, setting.asked, Counter())
            store.put(job.target, url)
        except MENDABLE as error:
            reason = reason_of(error, Job(source, source))
            return FAILED, reason.replace(str(source), stored.url)
    return WRITTEN, url


def _job(setting: Setting, stored: Stored, source: Path, output: Path) -> Job:
    """The copy of a file with its result beside it, after the checks that a plan makes.

    Raises:
        UserError: one of them fails.
    """
    asked = setting.asked._replace(output=output, is_folder=True, recursive=False)
    plan = make_plan([str(source)], asked, opened(setting).scale)
    if not plan.jobs:
        raise UserError("; ".join(plan.failures))
    return plan.jobs[0]._replace(target=with_ending(plan.jobs[0])) if stored.twin else plan.jobs[0]


def _note(options: str, url: str, report: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "report")
        path.write_text(json.dumps(report))
        Store(options).put(path, url)
