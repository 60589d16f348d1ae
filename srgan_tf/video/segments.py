"""The frames of a clip that are done: finished files in a hidden folder beside the result, from which a run resumes.

    .clip_x4.mp4.parts/job.json       what they were made of and how: another clip, model or setting begins anew
    .clip_x4.mp4.parts/000000.mkv     the first LENGTH frames, encoded by themselves: it plays by itself too
    .clip_x4.mp4.parts/000000.json    when they are shown, and what was found on the way; it comes last
    .clip_x4.mp4.parts/000000.npz     what a network over time continues with behind it; of the last segment alone
    .clip_x4.mp4.parts/end.json       after the last frame

Each appears whole or not at all. A run that is stopped at any moment leaves those that are finished; the same frames
make the same segments, so that a resumed run ends with what an uninterrupted one gives.
"""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from srgan_tf.atomic import LOCK_FILE, locked, replacing, sweep
from srgan_tf.errors import UserError
from srgan_tf.video.encoders import Encoding, add_video
from srgan_tf.video.frame_reading import ClipFrame, Place
from srgan_tf.video.probing import Clip, import_av, plain_errors, url_of
from srgan_tf.video.yuv import FrameMaker

LENGTH = 128  # frames: what a stop can cost
_MOST_RATE = 500  # frames a second; Matroska counts milliseconds


@dataclasses.dataclass(frozen=True)
class Segment:
    """A finished stretch of frames.

    Attributes:
        pts: when each is shown, in the order in which they are stored.
        duration: of the last one, as the clip says; 0: not said.
        place: of the last one.
        repeats: how many were equal to the one before, and not computed again.
        faults: what was wrong, a line each.
    """

    pts: list[int]
    duration: int
    place: tuple[int, int]
    repeats: int
    faults: list[str]

    @property
    def reorder(self) -> int:
        """By how many places a frame can be stored later than it is shown."""
        rank = {pts: place for place, pts in enumerate(sorted(self.pts))}
        return max(place - rank[pts] for place, pts in enumerate(self.pts))


class Parts:
    """The folder of a clip's segments."""

    def __init__(self, target: Path):
        self.folder = target.with_name(f".{target.name}.parts")

    def locked(self) -> contextlib.AbstractContextManager:
        """Keeps the folder from other processes, where the system knows such locks."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return contextlib.nullcontext() if os.name == "nt" else locked(self.folder, "--output")

    def begin(self, job: dict[str, Any]) -> bool:
        """Keeps what an equal job left; what another one left is deleted. Whether a segment was deleted."""
        described = self.folder / "job.json"
        old = _read(described)
        if old is not None and old == json.loads(json.dumps(job)):
            sweep(self.folder)
            return False
        deleted = bool(self.segment(0))
        for path in self.folder.glob("*.*"):
            if path.name != LOCK_FILE:
                path.unlink()
        _write(described, job)
        return deleted

    def media(self, number: int) -> Path:
        """The file of a segment's frames."""
        return self.folder / f"{number:06}.mkv"

    def segment(self, number: int) -> Segment | None:
        """What is said of a finished segment, or None."""
        found = _read(self._said(number))
        return Segment(**found) if found and self.media(number).is_file() else None

    def segments(self) -> Iterator[Segment]:
        """The finished segments, from the first on."""
        number = 0
        while segment := self.segment(number):
            yield segment
            number += 1

    def finish(self, number: int, segment: Segment, memory: Mapping[str, np.ndarray] = {}) -> None:
        """Says that a segment is finished, and keeps what `memory` then gives back."""
        if memory:
            with replacing(self._kept(number)) as temporary, temporary.open("wb") as file:
                np.savez(file, **memory)
        _write(self._said(number), dataclasses.asdict(segment))
        if memory and number:
            self._kept(number - 1).unlink(missing_ok=True)

    def memory(self, number: int) -> dict[str, np.ndarray]:
        """What was kept with a segment; empty: nothing."""
        try:
            with np.load(self._kept(number), allow_pickle=False) as arrays:
                return dict(arrays)
        except FileNotFoundError:
            return {}

    def end(self, faults: Sequence[str]) -> None:
        """Says that no frame follows."""
        _write(self.folder / "end.json", {"faults": list(faults)})

    def ended(self) -> list[str] | None:
        """What was wrong behind the last frame; None: there may be more frames."""
        found = _read(self.folder / "end.json")
        return found["faults"] if found else None

    def delete(self) -> None:
        """Deletes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _said(self, number: int) -> Path:
        return self.folder / f"{number:06}.json"

    def _kept(self, number: int) -> Path:
        return self.folder / f"{number:06}.npz"


def _read(path: Path) -> Any:
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text())
    return None


def _write(path: Path, content: Any) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content))


class SegmentWriter:
    """Encodes frames into segments, LENGTH each.

    A use as a context manager that ends in an exception leaves nothing of the unfinished one.
    """

    def __init__(self, parts: Parts, number: int, clip: Clip, encoding: Encoding):
        """
        Args:
            parts: where they go.
            number: of the first that is to be written.
            clip: that the frames are of.
            encoding: how they are written.
        """
        self._parts, self._number, self._clip, self._encoding = parts, number, clip, encoding
        self._make = FrameMaker(encoding.pixel_format, clip.colour)
        self._open = contextlib.ExitStack()
        self._container = self._stream = self._last = None
        self._places: dict[int, int] = {}  # pts -> place among the segment's frames
        self._stored: list[int] = []
        self._repeats, self._faults = 0, []

    def __enter__(self) -> "SegmentWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: Any) -> None:
        self._open.__exit__(kind, error, trace)

    def add(self, frame: ClipFrame, upscaled: np.ndarray | None, repeated: bool,
            memory: Mapping[str, np.ndarray] = {}) -> None:
        """Takes a frame, and its upscaled pixels; None: it has none, and is the last one's faults.

        `memory` is kept with a segment that ends with this frame.

        Raises:
            UserError: the encoder does not take it.
            OSError: the disk does not.
        """
        self._faults += frame.faults
        if upscaled is None:
            return
        with plain_errors(partial(_not_taken, self._encoding)):
            if not self._container:
                self._begin()
            self._places[frame.pts] = len(self._places)
            self._last, self._repeats = frame, self._repeats + repeated
            self._store(self._make(_padded(upscaled, self._encoding), frame.pts, self._clip.time_base))
            if len(self._places) == LENGTH:
                self._finish(memory)

    def close(self) -> None:
        """Finishes what is begun, and says that no frame follows."""
        if self._container:
            with plain_errors(partial(_not_taken, self._encoding)):
                self._finish()
        self._parts.end(self._faults)

    def _begin(self) -> None:
        av = import_av()
        path = self._open.enter_context(replacing(self._parts.media(self._number)))
        self._container = self._open.enter_context(av.open(url_of(path), "w", format="matroska"))
        self._stream = add_video(self._container, self._encoding, self._clip)

    def _store(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            self._stored.append(packet.pts)
            # Its own times may lie closer together than Matroska tells apart.
            packet.pts, packet.dts = self._places[packet.pts], len(self._stored) - 1 - LENGTH
            packet.time_base, packet.duration = 1 / min(self._clip.rate, Fraction(_MOST_RATE)), 1
            self._container.mux(packet)

    def _finish(self, memory: Mapping[str, np.ndarray] = {}) -> None:
        self._store(None)
        self._open.close()
        if len(self._stored) != len(self._places):
            raise UserError(f"--codec={self._encoding.codec} left out {len(self._places) - len(self._stored)} frames: "
                            "choose another")
        self._parts.finish(self._number, Segment(self._stored, self._last.duration, tuple(self._last.place),
                                                 self._repeats, self._faults), memory)
        self._number += 1
        self._container = self._stream = self._last = None
        self._places, self._stored, self._repeats, self._faults = {}, [], 0, []


def resume_place(segment: Segment | None) -> Place | None:
    """After which frame reading continues."""
    return Place(*segment.place) if segment else None


def _padded(pixels: np.ndarray, encoding: Encoding) -> np.ndarray:
    """With the last row and column repeated where halved chroma asks for an even number."""
    height, width = pixels.shape[:2]
    if (width, height) == (encoding.width, encoding.height):
        return pixels
    return np.pad(pixels, ((0, encoding.height - height), (0, encoding.width - width), (0, 0)), mode="edge")


def _not_taken(encoding: Encoding, reason: str) -> str:
    return (f"--codec={encoding.codec} does not take {encoding.width}x{encoding.height} pixels as "
            f"{encoding.pixel_format}: {reason}")
