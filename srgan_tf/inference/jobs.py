"""Which file the result of each image is written to."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.imaging import WRITABLE_SUFFIXES, Encoding
from srgan_tf.imaging.written_formats import BY_FORMAT, unknown_to
from srgan_tf.inference.inputs import find_inputs
from srgan_tf.inference.moving import MOVING_ENDINGS, ending_of, endings_of

# The ending of a file, and not a part of a folder's name as in results.v2, photos.2024 or photos.originals.
_LIKE_A_FILE = re.compile(r"\.([A-Za-z]{3,4}|jp[0-9x])")


class Job(NamedTuple):
    """An image or a clip to upscale and the file to write.

    Attributes:
        source, target: the two files.
        shared: the target that other images would have had too; None: none would.
    """

    source: Path
    target: Path
    shared: Path | None = None


def find_jobs(inputs: Sequence[str], output: Path, *, suffix: str = "", format: str = "",
              encoding: Encoding = BY_FORMAT, recursive: bool = False, scale: float = 0, page: int = 0,
              is_folder: bool = False) -> list[Job]:
    """Resolves files, folders and glob patterns into jobs, in the order given.

    Images of one folder that differ in their endings alone have these in the names of their results: 3.png and 3.webp
    give 3_png.png and 3_webp.png. Images of equal names that were found in different folders have their results in
    folders of these names.

    Args:
        inputs: paths and patterns.
        output: folder of the results; or, of one image, the file (`names_file`).
        suffix: added to each name before its ending; {scale} in it stands for the scale.
        format: ending of the results; empty: png, but jpg for JPEG files where the encoding allows it, and for clips
            and animated images their own where that is written.
        encoding: what is asked of the files.
        recursive: whether images in sub-folders are taken too, into equal sub-folders of `output`.
        scale: how many times larger the results are; 0: not known yet, and {scale} stays in their names.
        is_folder: whether `output` was written as a folder, with a slash at its end.
        page: of TIFFs and animated images, which names the results too unless the suffix is empty; 0: the only one,
            and all frames.

    Raises:
        UserError: an input that stands for nothing, several images for one file, or a format that is not written.
    """
    found = find_inputs(inputs, recursive, output)
    endings = dict.fromkeys(ending for source, _ in found for ending in _written(source, page))
    if format and f".{format.lstrip('.').lower()}" not in endings:
        raise UserError(f"--format must be one of {', '.join(endings)}; got {format!r}")
    if not is_folder and names_file(output):
        return [Job(found[0].path, _file_for(output, [source for source, _ in found], format, page))]
    if not is_folder and len(found) == 1 and not Path(inputs[0]).is_dir():
        _refuse_unknown_ending(output, _written(found[0].path, page))
    suffix = suffix.replace("{scale}", f"{scale:g}") if scale else suffix
    if page and suffix:
        suffix = f"_page{page}{suffix}"  # or the second page of a file would have the name of the first
    return _apart([Job(path, output / folder / f"{path.stem}{suffix}.{_ending(path, format, encoding, page)}")
                   for path, folder in found])


def names_file(output: Path) -> bool:
    """Whether an output is a file and not a folder: its ending is that of an image or clip, and no folder is there."""
    return output.suffix.lower() in (*WRITABLE_SUFFIXES, *MOVING_ENDINGS) and not output.is_dir()


def _refuse_unknown_ending(output: Path, written: Sequence[str]) -> None:
    """Raises a UserError where the output of one image looks like a file, and no folder of that name is there."""
    if _LIKE_A_FILE.fullmatch(output.suffix) and not output.is_dir():
        raise UserError(f"--output={output}: no image is written as {output.suffix}: use one of {', '.join(written)}; "
                        f"or write {output}/ for a folder of this name")


def _written(source: Path, page: int) -> Sequence[str]:
    """The endings of what an image or a clip can become."""
    return endings_of(source, page) or WRITABLE_SUFFIXES


def _file_for(output: Path, sources: Sequence[Path], format: str, page: int) -> Path:
    if len(sources) > 1:
        raise UserError(f"--output={output} is one file, and {len(sources)} images are to be upscaled: give a folder")
    written = _written(sources[0], page)
    if output.suffix.lower() not in written:
        raise UserError(f"--output={output}: {sources[0]} can become {', '.join(written)}")
    if format and output.suffix.lower() != f".{format.lstrip('.').lower()}":
        raise UserError(f"--output={output} and --format={format} are two formats: give one of them")
    return output


def _ending(source: Path, format: str, encoding: Encoding, page: int) -> str:
    wished = format.lstrip(".")
    if f".{wished.lower()}" in _written(source, page):
        return wished
    moving = endings_of(source, page)
    if moving:
        return ending_of(source, moving)
    return plain_ending(source, encoding)


def plain_ending(source: Path, encoding: Encoding) -> str:
    """The ending of a still image's result where none is asked."""
    return "jpg" if is_jpeg(source) and not unknown_to(Path("a.jpg"), encoding) else "png"


def is_jpeg(source: Path) -> bool:
    """Whether an image has a name of JPEG."""
    return source.suffix.lower() in (".jpg", ".jpeg", ".jpe", ".jfif")


def _apart(jobs: Sequence[Job]) -> list[Job]:
    """Gives each of the jobs that have one target another, where their endings or their folders tell them apart."""
    groups = defaultdict(list)
    for job in jobs:
        groups[job.target].append(job)
    found = []
    for job in jobs:
        twins = groups[job.target]
        rename = next((rename for tell, rename in _RULES if len(set(map(tell, twins))) == len(twins)), None)
        if len(twins) > 1 and rename:
            job = job._replace(target=rename(job), shared=job.target)
        found.append(job)
    return found


def with_ending(job: Job) -> Path:
    """The target with the ending of its image in its name."""
    rest = job.target.name.removeprefix(job.source.stem)
    return job.target.with_name(f"{job.source.stem}_{job.source.suffix.lstrip('.')}{rest}")


def _in_folder(job: Job) -> Path:
    return job.target.parent / job.source.absolute().parent.name / job.target.name


# What may tell images with one target apart, and the target that each then has.
_RULES: tuple[tuple[Callable[[Job], str], Callable[[Job], Path]], ...] = (
    (lambda job: job.source.suffix, with_ending), (lambda job: job.source.absolute().parent.name, _in_folder))
