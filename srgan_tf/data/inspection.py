"""What is wrong with a set of training images, found before hours are spent on it: `train --check`."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from srgan_tf.config import TrainConfig
from srgan_tf.data.catalog import open_sources
from srgan_tf.data.contact_sheet import Cell, lay_out
from srgan_tf.data.likeness import Looks
from srgan_tf.data.pairs import Source, require_still
from srgan_tf.data.parallel_loading import load_in_parallel
from srgan_tf.imaging import matlab_resize, write_image
from srgan_tf.imaging.color import rgb_to_y
from srgan_tf.text import counted, printable

BLOCKY = 1.1  # of photographs 2% are above it; of the same after JPEG of quality 50, 85%
SOFT = 0.45  # of photographs 3% are below it; of the same upscaled by two, 90%
VISIBLE = 0.3  # grey levels; in skies any JPEG has weaker edges of blocks than that
MEASURED = 512  # pixels a side, in the middle, that blocks and sharpness are measured on
HASH_SIDE, DUPLICATE = 16, 25  # bits of 256 by which near duplicates differ at most
SIDE, COLUMNS, MOST_SHOWN, MOST_NAMED = 240, 5, 40, 5  # of the sheet, in pixels and cells; names in the table
PROBLEMS = {
    "unreadable": "cannot be read, or no pair",
    "small": "smaller than --patch_size",
    "mismatch": "LR that does not look like its HR",
    "duplicate": "near duplicates of another image",
    "leak": "near duplicates of a validation image",
    "blocks": "blocks of strong JPEG compression in HR",
    "soft": "blurred or upscaled HR",
}


class Finding(NamedTuple):
    """One problem of one image: a key of PROBLEMS, the image's name, and what was seen."""

    problem: str
    name: str
    seen: str


class Report(NamedTuple):
    """What was found.

    Attributes:
        lines: of text, the table.
        findings: each problem of each image, in the order of the images.
        sheet: uint8 [H,W,3], doubtful images with what was seen; None where there are none.
    """

    lines: list[str]
    findings: list[Finding]
    sheet: np.ndarray | None


class _Seen(NamedTuple):
    """Of the images of one part."""

    sizes: list[tuple[int, int]]
    hashes: dict[str, np.ndarray]
    findings: list[Finding]
    shown: dict[str, np.ndarray]


def check(config: TrainConfig, path: Path) -> Report:
    """Reads every image that a run would read and writes the sheet of the doubtful ones.

    Args:
        config: its data and patch size.
        path: of the sheet.

    Raises:
        UserError: the data cannot be opened.
        OSError: the sheet cannot be written.
    """
    train, validation = open_sources(config.dataset, config.val_dataset, config.scale)
    require_still(train)
    require_still(validation, "val_dataset")
    ours, theirs = (_look_at(source, config.patch_size if source is train else 1) for source in (train, validation))
    findings = [*ours.findings, *_duplicates(ours.hashes, theirs.hashes), *theirs.findings]
    cells = _cells(findings, ours.shown | theirs.shown)
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    sheet = lay_out(rows, SIDE) if rows else None
    path.unlink(missing_ok=True)  # of an earlier check
    if sheet is not None:
        write_image(path, sheet)
    lines = [_summary(printable(train.name), ours), _summary(f"validation, {printable(validation.name)}", theirs)]
    return Report([*lines, "", *_table(findings)], findings, sheet)


def _look_at(source: Source, smallest: int) -> _Seen:
    seen, looks = _Seen([], {}, [], {}), Looks.none()
    with tqdm(total=source.count, desc=f"checking {printable(source.name)}", unit="image", disable=None) as bar:
        for name, loaded in load_in_parallel(source.images):
            bar.update()
            if isinstance(loaded, str):
                seen.findings.append(Finding("unreadable", name, loaded.removeprefix(f"{name}: ")))
                continue
            seen.sizes.append(loaded.hr.shape[:2])
            seen.hashes[name] = difference_hash(loaded.hr)
            found = [Finding(problem, name, text) for problem, text in _problems(loaded.hr, smallest)]
            # Those without a problem of their own may prove to be duplicates.
            if len(seen.shown) < (2 * MOST_SHOWN if found else MOST_SHOWN):
                seen.shown[name] = _padded_middle(loaded.hr)
            seen.findings.extend(found)
            if len(source.files.get(name, ())) > 1:
                looks.add(name, loaded)
    for line in looks.doubtful(source.files):
        seen.findings.append(Finding("mismatch", line.split(" does not look like ")[0], line))
    return seen


def _problems(hr: np.ndarray, smallest: int) -> Iterator[tuple[str, str]]:
    if min(hr.shape[:2]) < smallest:
        yield "small", f"{hr.shape[1]}x{hr.shape[0]}"
    middle = _middle(hr, MEASURED)
    if (strength := blockiness(middle)) > BLOCKY:
        yield "blocks", f"JPEG blocks, {strength:.2f}"
    if (detail := sharpness(middle)) < SOFT:
        yield "soft", f"sharpness {detail:.2f}"


def blockiness(image: np.ndarray) -> float:
    """How much stronger the differences across one column (and row) in eight are than across any other; 1: none.

    Args:
        image: uint8 [H,W,3].
    """
    luma, found = rgb_to_y(image), []
    for plane in (luma, luma.T):
        across = np.abs(np.diff(plane, axis=1)).mean(0)
        if len(across) < 32:
            return 1.0
        *_, second, first = np.sort(across[: len(across) // 8 * 8].reshape(-1, 8).mean(0))
        found.append(float(first / second) if first - second > VISIBLE else 1.0)
    return min(found)


def sharpness(image: np.ndarray) -> float:
    """How much of an image's contrast between neighbours its half-size version cannot hold; small: blurred.

    Args:
        image: uint8 [H,W,3].
    """
    height, width = (side // 2 * 2 for side in image.shape[:2])
    if min(height, width) < 16:
        return 1.0
    low = matlab_resize(matlab_resize(image[:height, :width], 0.5), 2)
    luma = rgb_to_y(image[:height, :width])
    contrast = np.abs(np.diff(luma, axis=1)).mean()
    return float(np.abs(luma - rgb_to_y(low)).mean() / contrast) if contrast > 0.05 else 1.0


def difference_hash(image: np.ndarray) -> np.ndarray:
    """Which of 16x16 areas are brighter than their left neighbours: bool [256]; none where an image is flat.

    Survives compression and changes of size; near duplicates differ in few bits.
    """
    green = image[..., 1].astype(np.float64)
    if min(green.shape) < HASH_SIDE + 1:
        return np.zeros(0, bool)
    rows, columns = (np.linspace(0, length, count + 1).astype(int)
                     for length, count in zip(green.shape, (HASH_SIDE, HASH_SIDE + 1), strict=True))
    sums = np.add.reduceat(np.add.reduceat(green, rows[:-1], 0), columns[:-1], 1)
    means = sums / np.outer(np.diff(rows), np.diff(columns))
    return (np.diff(means, axis=1) > 0).ravel() if means.std() > 2 else np.zeros(0, bool)


def _duplicates(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> Iterator[Finding]:
    for problem, others in (("duplicate", ours), ("leak", theirs)):
        known = {name: bits for name, bits in others.items() if bits.size}
        names, table = list(known), np.stack(list(known.values())) if known else np.zeros((0, HASH_SIDE**2), bool)
        for name, bits in ours.items():
            if not bits.size or not names:
                continue
            # Of two training images the later one is named.
            stop = names.index(name) if problem == "duplicate" else len(names)
            apart = (table[:stop] != bits).sum(1)
            if apart.size and apart.min() <= DUPLICATE:
                yield Finding(problem, name, f"like {names[int(apart.argmin())]}")


def _cells(findings: list[Finding], shown: dict[str, np.ndarray]) -> list[Cell]:
    lines: dict[str, list[str]] = {}
    for finding in findings:
        if finding.name in shown:
            lines.setdefault(finding.name, [Path(finding.name).name[-38:]]).append(finding.seen[-38:])
    return [(shown[name], text) for name, text in list(lines.items())[:MOST_SHOWN]]


def _middle(image: np.ndarray, side: int) -> np.ndarray:
    top, left = (max(0, length - side) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def _padded_middle(image: np.ndarray) -> np.ndarray:
    """The middle at full size, where blur and blocks are seen: uint8 [SIDE,SIDE,3]."""
    middle = _middle(image, SIDE)
    return np.pad(middle, [*((0, SIDE - length) for length in middle.shape[:2]), (0, 0)], constant_values=255)


def _summary(name: str, seen: _Seen) -> str:
    if not seen.sizes:
        return f"{name}: no image can be read"
    areas = sorted((height * width, f"{width}x{height}") for height, width in seen.sizes)
    smallest, median, largest = (areas[place][1] for place in (0, len(areas) // 2, -1))
    megapixels = sum(area for area, _ in areas) / 1e6
    return (f"{name}: {counted(len(areas), 'image')}, {megapixels:,.1f} megapixels; smallest {smallest}, "
            f"median {median}, largest {largest}")


def _table(findings: list[Finding]) -> list[str]:
    """A line for each problem: how many images have it, and the first of them."""
    lines = []
    for problem, words in PROBLEMS.items():
        found = [finding for finding in findings if finding.problem == problem]
        lines.append(f"{len(found):6,}  {words}")
        lines += [f"{'':8}{printable(finding.name)}: {printable(finding.seen)}" for finding in found[:MOST_NAMED]]
        if len(found) > MOST_NAMED:
            lines.append(f"{'':8}... and {len(found) - MOST_NAMED:,} more")
    return lines
