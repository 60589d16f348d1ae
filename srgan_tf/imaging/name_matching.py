"""Which image of one folder belongs to which of another, or which clip, a video or a folder of frames."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath

from srgan_tf.errors import UserError

# What super-resolution programs and data sets add to an image's name, at its end:
_ENDINGS = re.compile(r"""(?ix)(?:
    [_-]?x[2348](?:m|w|d)?                        # 0001x4, 0001x4m: DIV2K
  | [_-][2348](?:\.0)?x                           # a-4x: chaiNNer and others
  | [_-](?:sr|lr|hr|out|bicubic|srf[_-]?\d)       # baby_SR, img_001_SRF_4_LR, a-out; a_out: Real-ESRGAN
  | _rlt                                          # xinntao's ESRGAN
  | _upscayl_\d+x(?:_.+)?                         # Upscayl, with its model
  | _(?:swinir|edsr|rcan|srcnn|m?srresnet|(?:real|b)?e?srgan|m?srgan|mambair)(?:[_-].+)?   # SwinIR, KAIR, and BasicSR's
  | _(?:hat|dat|span)[_-](?:.*x[2348].*)          # a_ESRGAN_SRx4_DF2KOST_official-ff704c30, a_HAT_SRx4
  | (?:\([\w.\s]+\))*\((?:noise_)?scale\)(?:\([\w.\s]+\))*   # waifu2x-caffe: (UpRGB)(noise_scale)(Level3)(x4.000000)
  | _waifu2x(?:_.+)? | [_-](?:noise\d?_)?scale(?:[_-]?x?[2348](?:\.0+)?x?)?        # other waifu2x
  )$""")
_WILD = {"*": ".*", "?": "."}


def stem_of(path: PurePath) -> str:
    """The name without ending; a folder of this machine has none, whatever dots are in its name."""
    return path.name if isinstance(path, Path) and path.is_dir() else path.stem


def base_name(path: Path) -> str:
    """The image's name without ending and without the additions of programs: `0001x4.png` -> `0001`."""
    stem = stem_of(path)
    shorter = _ENDINGS.sub("", stem)
    while shorter and shorter != stem:
        stem, shorter = shorter, _ENDINGS.sub("", shorter)
    return stem


def match_names(references: Sequence[Path], others: Sequence[Path], pattern: str = "", hint: str = "",
                kind: str = "image") -> list[Path]:
    """For each reference the image of `others` that belongs to it.

    It is the one that the pattern names; without a pattern the one of equal name, or else of equal base name; where
    that does not find one for each, the one whose name is the reference's and an addition that is the same for all.

    Args:
        references: the images that each need one.
        others: the images to choose from.
        pattern: of their names, with `{name}` for the reference's without ending, and `*` and `?`.
        hint: what the user can do, for the messages.
        kind: what they are, for the messages.

    Raises:
        ValueError: naming the first reference without an image, with more than one, or with that of another.
    """
    if pattern:
        found = [_by_pattern(reference, others, pattern) for reference in references]
        return _each_once(references, found, others, hint, kind)
    by_stem, by_base = _grouped(others, stem_of), _grouped(others, base_name)
    found = [by_stem.get(stem_of(reference)) or by_base.get(base_name(reference), []) for reference in references]
    if any(len(paths) != 1 for paths in found):
        stems = set(by_stem)
        additions = [addition for addition in _additions(stem_of(references[0]), stems)
                     if all(addition.format(stem_of(reference)) in stems for reference in references)]
        if additions:
            found = [[path for addition in additions for path in by_stem[addition.format(stem_of(reference))]]
                     for reference in references]
    return _each_once(references, found, others, hint, kind)


def _by_pattern(reference: Path, others: Iterable[Path], pattern: str) -> list[Path]:
    parts = re.split(r"(\{name\}|[*?])", pattern)
    known = {**_WILD, "{name}": re.escape(stem_of(reference))}
    expression = re.compile("".join(known.get(part) or re.escape(part) for part in parts))
    return [path for path in others if expression.fullmatch(stem_of(path)) or expression.fullmatch(path.name)]


def _grouped(paths: Iterable[Path], key: Callable[[Path], str]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(key(path), []).append(path)
    return groups


def _additions(name: str, stems: Iterable[str]) -> list[str]:
    """What may stand around the name in a stem, as a format of `{}`: it is set off by what is no letter or digit."""
    found = []
    for stem in sorted(stems):
        before, middle, after = stem.partition(name)
        set_off = (not before or not before[-1].isalnum()) and (not after or re.match(r"\W|_|x\d", after))
        if middle and set_off:
            found.append(f"{_literal(before)}{{}}{_literal(after)}")
    return found


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _each_once(references: Sequence[Path], found: Sequence[Sequence[Path]], others: Sequence[Path], hint: str,
               kind: str) -> list[Path]:
    """The one image found for each reference."""
    owners: dict[Path, Path] = {}
    for reference, paths in zip(references, found, strict=True):
        if len(paths) != 1:
            names = ", ".join(path.name for path in paths)
            what = f"{len(paths)} {kind}s ({names})" if paths else f"no {kind}"
            folder = others[0].parent if others else "an empty folder"
            raise UserError(f"{reference.name}: {what} of that name in {folder}{hint}")
        if paths[0] in owners:
            raise UserError(f"{paths[0]} belongs to {owners[paths[0]].name} and to {reference.name}{hint}")
        owners[paths[0]] = reference
    return [paths[0] for paths in found]
