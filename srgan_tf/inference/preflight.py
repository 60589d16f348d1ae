"""What can be known before a model is loaded, from the headers of images and from the folders of their results.

An image that cannot be upscaled, or whose result cannot be written, is one failure, and does not stop the others.
"""

import errno
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tqdm import tqdm

from srgan_tf.atomic import check_name, check_writable
from srgan_tf.errors import MENDABLE, UserError
from srgan_tf.imaging import Encoding, read_header, read_image
from srgan_tf.imaging.color import is_opaque
from srgan_tf.imaging.decoding import Header
from srgan_tf.imaging.written_formats import check_size, format_of, no_transparency, unknown_to
from srgan_tf.inference.asked import SIZE_SUFFIX, SUFFIX, Asked
from srgan_tf.inference.inputs import passed_over
from srgan_tf.inference.jobs import Job, find_jobs, is_jpeg
from srgan_tf.inference.moving import check_moving, endings_of, shape_of
from srgan_tf.inference.result_size import Target, passes, reduction_to, target_of
from srgan_tf.text import megapixels, printable
from srgan_tf.video.encoders import Wish

_MOST_LINES = 5


class Plan(NamedTuple):
    """What is to be done, and what need not or cannot be done.

    Attributes:
        jobs: to be done.
        asked: of them.
        kept: results that exist.
        failures: why images failed, each with the number of images.
        notes: what the user should be told.
    """

    jobs: list[Job]
    asked: Asked
    kept: tuple[Path, ...] = ()
    failures: Mapping[str, int] = MappingProxyType({})
    notes: tuple[str, ...] = ()


def make_plan(inputs: Sequence[str], asked: Asked, model_scale: int) -> Plan:
    """Finds the images and checks all that can be checked without their pixels.

    The pixels of an image with alpha are read where its result can hold none.

    Args:
        inputs: as in `find_jobs`, which raises the same.
        asked: of the results.
        model_scale: how many times larger the model makes images; 0: not known yet. What depends on it is not checked
            then.

    Raises:
        UserError: also where no result can be as the flags ask.
    """
    in_pixels = bool(asked.size.width or asked.size.height or asked.size.max_side)
    suffix = SIZE_SUFFIX if in_pixels and asked.suffix == SUFFIX else asked.suffix
    jobs = find_jobs(inputs, asked.output, suffix=suffix, format=asked.format, encoding=asked.encoding,
                     recursive=asked.recursive, scale=0 if in_pixels else asked.size.scale or model_scale,
                     page=asked.files.page, is_folder=asked.is_folder)
    notes = [*passed_over(inputs, asked.recursive, asked.output), *_not_concerned(jobs, asked)]
    planner = _Planner(asked, model_scale)
    named = [job for job in (planner.attempt(planner.named, job) for job in jobs) if job] if in_pixels else jobs
    planner.know(named)
    found = [job for job in (planner.attempt(planner.checked, job) for job in named) if job]
    notes += [*_names_given(named), *planner.size_notes()]
    return Plan(found, asked, tuple(planner.kept), planner.failures, tuple(notes))


class _Planner:
    """What the checks of one plan share."""

    def __init__(self, asked: Asked, model_scale: int):
        self.asked, self.model_scale = asked, model_scale
        self.kept: list[Path] = []
        self.failures: Counter = Counter()
        self._folders: dict[Path, OSError | None] = {}
        self._targets: Counter = Counter()
        self._sources: dict[Path, Path] = {}
        self._ways: set[tuple[int, bool]] = set()  # passes of the model, and whether a reduction follows

    def attempt(self, check: Callable[[Job], Job | None], job: Job) -> Job | None:
        """What a check gives, or None where it fails."""
        try:
            return check(job)
        except MENDABLE as error:
            self.failures[reason_of(error, job)] += 1
            return None

    def named(self, job: Job) -> Job:
        """The job with the size of its result in its target's name."""
        if endings_of(job.source, self.asked.files.page):
            shape = shape_of(job.source)
        else:
            header = self._header(job)
            shape = header.height, header.width
        target = self._target(shape)
        if target is None:
            return job
        (rows, columns), scale = target.size, target.size[1] / shape[1]
        name = job.target.name
        for mark, value in (("{width}", columns), ("{height}", rows), ("{scale}", f"{scale:.3g}")):
            name = name.replace(mark, str(value))
        return job._replace(target=job.target.with_name(name))

    def know(self, jobs: Sequence[Job]) -> None:
        """Remembers which files are taken and made."""
        self._targets = Counter(job.target for job in jobs)
        self._sources = {job.source.resolve(): job.source for job in jobs}

    def checked(self, job: Job) -> Job | None:
        """The job, or None where its result exists."""
        self._check_clashes(job)
        if self._exists(job.target):
            if job.target == self.asked.output:
                raise UserError(f"--output={job.target} exists: give --overwrite to replace it, or another name")
            self.kept.append(job.target)
            return None
        if endings_of(job.source, self.asked.files.page):
            check_moving(job.source, job.target, self.asked, self.model_scale)
            return job
        header = self._header(job)
        shape = header.height, header.width
        target = self._target(shape)
        self._check_megapixels(job, shape, target.size if target else shape)
        if header.alpha and not format_of(job.target).alpha and not self._is_opaque(job):
            raise no_transparency(job.target)
        if target:
            check_size(job.target, target.size[1], target.size[0])
            if self.model_scale:
                count = passes(shape, target.size, self.model_scale)
                between = tuple(self.model_scale ** max(count - 1, 0) * side for side in shape)
                self._check_megapixels(job, shape, between)
                self._ways.add((count, reduction_to(target, shape, self.model_scale**count) is not None))
        return job

    def _header(self, job: Job) -> Header:
        return read_header(job.source, sys.maxsize, page=self.asked.files.page)

    def _is_opaque(self, job: Job) -> bool:
        files = self.asked.files
        image = read_image(job.source, self.asked.max_pixels, page=files.page, accept_truncated=files.accept_truncated)
        return image.alpha is None or is_opaque(image.alpha)

    def _check_megapixels(self, job: Job, shape: tuple[int, int], size: tuple[int, int]) -> None:
        """Raises a UserError where an image of `shape`, or its result of `size`, has too many."""
        limit = f"the limit is --max_megapixels={self.asked.max_megapixels:g}"
        for sides, becomes in ((size, f" would become {megapixels(size[0] * size[1])}"),
                               (shape, f" is {megapixels(shape[0] * shape[1])}")):
            if sides[0] * sides[1] > self.asked.max_pixels:
                raise UserError(f"{job.source}: {shape[1]}x{shape[0]}{becomes}; {limit}")

    def _target(self, shape: tuple[int, int]) -> Target | None:
        size = self.asked.size
        if not (self.model_scale or size.width or size.height or size.scale):
            return None
        return target_of(shape, size, self.model_scale)

    def _check_clashes(self, job: Job) -> None:
        """Raises a UserError where a result would take the place of another, or of an image to upscale."""
        if self._targets[job.target] > 1:
            raise UserError(f"{job.source} and {self._targets[job.target] - 1} more would be written to {job.target}: "
                            "give them another --output or --suffix")
        replaced = self._sources.get(job.target.resolve())
        if replaced == job.source:
            raise UserError(
                f"{job.source} would be overwritten by its own output: choose another --output or --suffix")
        if replaced:
            raise UserError(f"{job.target}, which is also an input, would be overwritten by the output of "
                            f"{job.source}: choose another --output or --suffix")

    def _exists(self, target: Path) -> bool:
        if not os.path.lexists(target):
            self._check_folder(target.parent)
            check_name(target)
            return False
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
        if self.asked.overwrite:
            self._check_folder(target.parent)
        return not self.asked.overwrite

    def _check_folder(self, folder: Path) -> None:
        if folder not in self._folders:
            try:
                check_writable(folder)
                self._folders[folder] = None
            except OSError as error:
                self._folders[folder] = error
        if self._folders[folder]:
            raise self._folders[folder]

    def size_notes(self) -> list[str]:
        """How the sizes that are asked for come about, where the model alone does not give them."""
        if self._ways <= {(1, False)}:
            return []
        size = self.asked.size
        flags = " ".join(f"--{name}={value:g}" for name, value in size._asdict().items() if value)
        counts = {count for count, _ in self._ways}
        often = {1: "", 2: " twice"}.get(max(counts), f" {max(counts)} times")
        often = f" up to{often}" if often and len(counts) > 1 else often
        lines = [f"the model upscales by {self.model_scale}{often}"] if max(counts) else []
        if any(reduced for count, reduced in self._ways if count):
            lines.append("MATLAB's bicubic reduction does the rest")
        if 0 in counts:
            lines.append("larger images are reduced without the model")
        if size.width and size.height:
            lines.append("proportions are not kept")
        return [f"{flags}: {'; '.join(lines)}"]


def reason_of(error: Exception, job: Job) -> str:
    """Why an image failed, in one line that names a file or folder."""
    if isinstance(error, MemoryError):
        return f"{job.source}: {str(error) or 'not enough memory for its output'}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or job.source}: {os.strerror(error.errno)}"
    named = any(str(path) in str(error) for path in (job.source, job.target))
    return str(error) if named else f"{job.source}: {error}"


def _names_given(jobs: Sequence[Job]) -> list[str]:
    """Lines on the results that are not called as their images are."""
    groups: dict[Path, list[Job]] = {}
    for job in jobs:
        if job.shared:
            groups.setdefault(job.shared, []).append(job)
    lines = [f"{' and '.join(str(job.source) for job in twins)} would have one result: they are written to "
             f"{' and '.join(str(job.target) for job in twins)}" for twins in groups.values()]
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"{more} more groups of images are named in the same way"]


def _not_concerned(jobs: Sequence[Job], asked: Asked) -> list[str]:
    """Lines on flags that do not concern all files, or change what they become.

    Raises:
        UserError: a flag that concerns none.
    """
    unknown: dict[str, list[str]] = {}
    images, encoding = [job for job in jobs if not endings_of(job.source, asked.files.page)], asked.encoding
    for job in images:
        for flag, reason in unknown_to(job.target, encoding).items():
            unknown.setdefault(flag, []).append(reason)
    clips = asked.files.clips
    of_clips = [f"--{name}" for name, value in clips.wish._asdict().items() if value != getattr(Wish(), name)]
    of_clips += [f"--{name}" for name in ("start", "end") if getattr(clips, name)]
    if of_clips and jobs and len(images) == len(jobs):
        raise UserError(f"{of_clips[0]} is for clips, and there is none among the images")
    lines = _not_as_jpeg(images, asked)
    for flag, reasons in unknown.items():
        said = _said(flag, encoding)
        if len(reasons) == len(images):
            raise UserError(f"{said}: {reasons[0]}; --format chooses another format")
        lines.append(f"{said} does not concern {len(reasons)} of {len(images)} files: {reasons[0]}")
    return lines


def _not_as_jpeg(images: Sequence[Job], asked: Asked) -> list[str]:
    """A line on the JPEG images that are written as PNG because of what is asked of the encoding."""
    changed = [job.source for job in images if is_jpeg(job.source) and job.target != asked.output]
    reasons = unknown_to(Path("a.jpg"), asked.encoding)
    if asked.format or not changed or not reasons:
        return []
    flag, reason = next(iter(reasons.items()))
    which = f"{changed[0]} is" if len(changed) == 1 else f"{len(changed)} JPEG images are"
    return [f"{_said(flag, asked.encoding)}: {which} written as PNG: {reason}"]


def _said(flag: str, encoding: Encoding) -> str:
    """A flag as it was given."""
    value = getattr(encoding, flag)
    return f"--{flag}" if value is True else f"--{flag}={value}"


def summary(plan: Plan, done: int) -> int:
    """How many images failed when so many of a plan were done; said, with the others, where there are several."""
    failed = len(plan.jobs) - done + sum(plan.failures.values())
    if done + failed + len(plan.kept) > 1:
        print(f"{done} upscaled, {len(plan.kept)} kept, {failed} failed")
    return failed


def report_plan(plan: Plan) -> None:
    """Says what need not and what cannot be done."""
    for note in plan.notes:
        print(printable(note), file=sys.stderr)
    for path in plan.kept:
        tqdm.write(f"{printable(path)}: exists, kept (--overwrite replaces it)")
    for reason, count in plan.failures.items():
        print(f"failed: {printable(reason)}{f' ({count} images)' if count > 1 else ''}", file=sys.stderr)
