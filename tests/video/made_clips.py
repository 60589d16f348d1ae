"""Clips of a few frames, made with PyAV."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from srgan_tf.video.yuv import BT709, Colour, FrameMaker

SMALL = Colour(BT709, BT709, BT709, full_range=False)


def chart(height: int = 48, width: int = 64, shift: int = 0) -> np.ndarray:
    """Plain patches of 16 pixels in float [H,W,3] on 0..1; `shift` gives others."""
    numbers = np.random.default_rng(shift).random((-(-height // 16), -(-width // 16), 3))
    return numbers.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]


def patches(image: np.ndarray, scale: int) -> np.ndarray:
    """The middles of a chart's patches, which neither a filter nor halved chroma reaches."""
    return image[8 * scale :: 16 * scale, 8 * scale :: 16 * scale]


def make_clip(path: Path, frames: Sequence[np.ndarray], pts: Sequence[int] | None = None, *, codec: str = "libx264",
              pixel_format: str = "yuv420p", colour: Colour = SMALL, tagged: bool = True, base: int = 1000,
              rate: int = 25, audio: bool = False, title: str = "", aspect: Fraction | None = None, rotation: float = 0,
              chapters: Sequence[dict] = (), options: dict | None = None) -> Path:
    """Writes a clip.

    Args:
        path: of the file; its ending is the container.
        frames: float [H,W,3] on 0..1.
        pts: their times in 1 / base seconds; None: `rate` a second.
        codec, pixel_format, options: of the encoder.
        colour: what the frames' numbers mean, said in the file if `tagged`.
        base: of the time base.
        rate: frames a second.
        audio: whether there is a tone.
        title, aspect, rotation, chapters: as PyAV has them.
    """
    make, deep = FrameMaker(pixel_format, colour), "p1" in pixel_format
    pts = [number * base // rate for number in range(len(frames))] if pts is None else pts
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        height, width = frames[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.codec_context.time_base = stream.time_base = Fraction(1, base)
        if tagged:
            stream.codec_context.colorspace, stream.codec_context.color_range = colour.matrix, 1 + colour.full_range
            stream.codec_context.color_primaries, stream.codec_context.color_trc = colour.primaries, colour.transfer
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if title:
            container.metadata["title"] = title
        container.set_chapters(list(chapters))
        sound = container.add_stream("aac", rate=44100) if audio else None
        for frame, time in zip(frames, pts, strict=True):
            pixels = (frame * (65535 if deep else 255) + 0.5).astype(np.uint16 if deep else np.uint8)
            container.mux(stream.encode(make(pixels, time, Fraction(1, base))))
        container.mux(stream.encode(None))
        if sound:
            for tone in _tone(pts[-1] / base):
                container.mux(sound.encode(tone))
            container.mux(sound.encode(None))
    return path


def _tone(seconds: float) -> Iterator[Any]:
    for number in range(int(seconds * 44100) // 1024 + 1):
        wave = np.sin(np.arange(number * 1024, (number + 1) * 1024) / 20).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 44100, number * 1024, Fraction(1, 44100)
        yield frame


def packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """When each packet of the first track of a kind is shown, in order, and what it holds."""
    with av.open(f"file:{path}") as container:
        track = next(track for track in container.streams if track.type == kind)
        return sorted((packet.pts * packet.time_base, bytes(packet))
                      for packet in container.demux(track) if packet.size)


def times(path: Path) -> list[Fraction]:
    """When each frame is shown."""
    return [time for time, _ in packets(path, "video")]


def decoded(path: Path) -> list[Any]:
    """The frames as FFmpeg gives them."""
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def colours_of(frame: Any, scale: int = 1) -> np.ndarray:
    """The colours of a chart's patches, float on 0..255, by the formulas and not by FFmpeg."""
    depth = frame.format.components[0].bits
    planes = []
    for plane in frame.planes:
        codes = np.frombuffer(plane, np.uint8 if depth == 8 else np.uint16).reshape(plane.height, -1)[:, : plane.width]
        step = 16 * scale * plane.height // frame.height
        planes.append(codes[step // 2 :: step, step // 2 :: step] / 2 ** (depth - 8))
    y, cb, cr = planes
    if frame.color_range == 2:
        y, cb, cr = (255 / (256 - 2 ** (8 - depth)) * part for part in (y, cb - 128, cr - 128))
    else:
        y, cb, cr = 255 / 219 * (y - 16), 255 / 224 * (cb - 128), 255 / 224 * (cr - 128)
    red, blue = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}[int(frame.colorspace)]
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    return np.clip(np.stack([r, (y - red * r - blue * b) / (1 - red - blue), b], axis=-1), 0, 255)
