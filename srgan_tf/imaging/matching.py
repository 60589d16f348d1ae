"""Which picture of one folder belongs to which of another."""

import re
from collections.abc import Sequence
from pathlib import Path

# What super-resolution programs and data sets add to a picture's name: 0001x4, baby_SR, img_001_SRF_4_LR, a-out.
_ENDINGS = re.compile(r"(?i)(?:[_-]?x[2348](?:m|w|d)?|[_-](?:sr|lr|hr|out|bicubic|srf[_-]?\d))$")


def base_name(path: Path) -> str:
    """The picture's name without ending and without the additions of data sets: `0001x4.png` -> `0001`."""
    stem, shorter = path.stem, _ENDINGS.sub("", path.stem)
    while shorter and shorter != stem:
        stem, shorter = shorter, _ENDINGS.sub("", shorter)
    return stem


def match_names(references: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    """For each reference the picture of `others` with its name, or else with its base name.

    Raises:
        ValueError: naming the first reference without a picture, with more than one, or with that of another.
    """
    by_stem: dict[str, list[Path]] = {}
    by_base: dict[str, list[Path]] = {}
    for path in others:
        by_stem.setdefault(path.stem, []).append(path)
        by_base.setdefault(base_name(path), []).append(path)
    matched, taken = [], set()
    for reference in references:
        found = by_stem.get(reference.stem) or by_base.get(base_name(reference), [])
        if len(found) != 1:
            what = "no picture" if not found else f"{len(found)} pictures ({', '.join(path.name for path in found)})"
            folder = others[0].parent if others else "an empty folder"
            raise ValueError(f"{reference.name}: {what} of that name in {folder}")
        if found[0] in taken:
            raise ValueError(f"{found[0]} belongs to {reference.name} and to another picture")
        matched.append(found[0])
        taken.add(found[0])
    return matched
