"""Frames of FFmpeg <-> RGB arrays.

What a decoder gives is Y'CbCr by one of several matrices, in studio or full range, mostly with half the chroma samples
in each direction. Which matrix and range it is the clip says, or its size tells, as players have it.

8 bits go through libswscale, which is within one level of the exact conversion. Of more bits it would have white at
65280 of 65535, so there it only interpolates chroma and shifts bits, and the matrix is applied here.
"""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.errors import UserError

# Numbers of ITU-T H.273, which FFmpeg uses: matrix coefficients with KR and KB.
BT709, BT2020 = 1, 9
MATRICES = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
            9: (0.2627, 0.0593)}
RGB, UNSPECIFIED = 0, (2, 3)
REFUSED_MATRICES = {8: "YCgCo", 10: "BT.2020 with constant luminance", 11: "SMPTE 2085", 12: "chromaticity-derived",
                    13: "chromaticity-derived with constant luminance", 14: "ICtCp", 15: "IPT", 16: "YCgCo-Re",
                    17: "YCgCo-Ro"}
HDR = {16: "PQ", 18: "HLG"}
# BT.601's own number for 576 lines and for 480, which name the primaries too.
_BT601_625, _BT601_525 = 5, 6
_STUDIO, _FULL = 1, 2
# Of codecs whose decoders leave open where chroma lies, and players take it to be as in MPEG-2, left.
_CHROMA_UNSAID = ("vp8", "vp9", "ffv1")


class Colour(NamedTuple):
    """What the numbers of a clip's frames mean.

    Attributes:
        matrix, primaries, transfer: numbers of ITU-T H.273.
        full_range: whether black and white are 0 and 255, not 16 and 235.
    """

    matrix: int
    primaries: int
    transfer: int
    full_range: bool

    @property
    def high_dynamic_range(self) -> str:
        """PQ or HLG, or empty."""
        return HDR.get(self.transfer, "")


def colour_of(matrix: int, primaries: int, transfer: int, color_range: int, width: int, height: int, *, rgb: bool,
              full: bool = False) -> Colour:
    """What is said, with what players assume where nothing is.

    Args:
        matrix: as FFmpeg has it.
        primaries: the same.
        transfer: the same.
        color_range: the same.
        width: of the frames: from 1280 on, BT.709, else BT.601.
        height: of the frames: from 577 on, BT.709.
        rgb: whether the frames are RGB. They are written by BT.709's matrix.
        full: whether the pixel format means full range by itself.

    Raises:
        UserError: a matrix that is not known here.
    """
    large = width >= 1280 or height > 576
    if matrix in REFUSED_MATRICES or (matrix not in MATRICES and matrix != RGB and matrix not in UNSPECIFIED):
        name = REFUSED_MATRICES.get(matrix, f"by matrix {matrix}")
        raise UserError(f"its colours are {name}, which is not supported: convert it to BT.709 or BT.2020 first")
    if rgb or matrix == RGB:
        matrix = BT709
    elif matrix in UNSPECIFIED:
        guess = BT709 if large else _BT601_625 if height == 576 else _BT601_525
        matrix = BT2020 if transfer in HDR else guess
    if primaries in UNSPECIFIED or primaries == 0:
        by_lines = {576: _BT601_625, 480: _BT601_525, 486: _BT601_525}
        primaries = BT2020 if matrix == BT2020 else BT709 if large else by_lines.get(height, BT709)
    transfer = BT709 if transfer in UNSPECIFIED or transfer == 0 else transfer
    return Colour(matrix, primaries, transfer, (color_range == _FULL or full) and not rgb)


def is_rgb(pixel_format: Any) -> bool:
    """Whether a PyAV VideoFormat holds RGB (or a palette of it)."""
    return pixel_format.is_rgb or pixel_format.has_palette


def depth_of(pixel_format: Any) -> int:
    """Bits of a PyAV VideoFormat's components."""
    return max(component.bits for component in pixel_format.components)


def matrix_of(colour: Colour) -> np.ndarray:
    """float64 [3,3]: R'G'B' in 0..1 -> Y' in 0..1, Cb and Cr in -0.5..0.5 (ITU-R BT.601, BT.709, BT.2020)."""
    red, blue = MATRICES[colour.matrix]
    luma = np.array([red, 1 - red - blue, blue])
    return np.stack([luma, (np.array([0, 0, 1]) - luma) / (2 - 2 * blue), (np.array([1, 0, 0]) - luma) / (2 - 2 * red)])


def _codes(colour: Colour, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset, [3] each, from Y'CbCr to 16-bit codes, of which the lowest `16 - depth` bits are 0."""
    if colour.full_range:
        white = ((1 << depth) - 1) << (16 - depth)
        return np.full(3, white, np.float64), np.array([0, 32768, 32768])
    return 256.0 * np.array([219, 224, 224]), 256.0 * np.array([16, 128, 128])


def _swscale() -> dict[str, Any]:
    from av.video.reformatter import Interpolation

    # Without these flags it halves chroma by averaging and is off by up to five levels.
    return {"interpolation": Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
            | Interpolation.ACCURATE_RND}


def _meaning(colour: Colour, side: str) -> dict[str, Any]:
    from av.video.reformatter import ColorRange

    # libswscale's numbers of matrices are H.273's, but that it knows BT.601 as 5 alone.
    return {f"{side}_colorspace": 5 if colour.matrix == _BT601_525 else colour.matrix,
            f"{side}_color_range": ColorRange.JPEG if colour.full_range else ColorRange.MPEG}


class FrameReader:
    """Makes RGB arrays of a clip's frames."""

    def __init__(self, width: int, height: int, colour: Colour, deep: bool, codec: str):
        """
        Args:
            width: of the arrays; frames of another size, which a clip may hold, are resized.
            height: of the arrays.
            colour: of the clip.
            deep: whether the arrays are uint16.
            codec: FFmpeg's name of it.
        """
        from av.video.reformatter import VideoReformatter

        self._size, self._colour, self._deep = {"width": width, "height": height}, colour, deep
        self._left = codec in _CHROMA_UNSAID
        self._swscale, self._mark = VideoReformatter(), _ChromaMark()

    def __call__(self, frame: Any) -> np.ndarray:
        """A frame as uint8 or uint16 [H,W,3]."""
        rgb = is_rgb(frame.format)
        if self._left and not rgb:
            frame = self._mark(frame)
        if not self._deep:
            return self._array(frame, "rgb24", **{} if rgb else _meaning(self._colour, "src"))
        if rgb:
            return self._array(frame, "rgb48le")
        return _deep_to_rgb(self._array(frame, "yuv444p16le"), self._colour, depth_of(frame.format))

    def _array(self, frame: Any, pixel_format: str, **meaning: Any) -> np.ndarray:
        made = self._swscale.reformat(frame, format=pixel_format, **self._size, **_swscale(), **meaning)
        return np.ascontiguousarray(made.to_ndarray(channel_last=True))


def _deep_to_rgb(planes: np.ndarray, colour: Colour, depth: int) -> np.ndarray:
    """uint16 codes [H,W,3] of Y'CbCr -> uint16 RGB on 0..65535."""
    scale, offset = _codes(colour, depth)
    back = np.linalg.inv(matrix_of(colour)).T / scale[:, None]
    rgb = planes.astype(np.float32) @ (back * 65535).astype(np.float32)
    rgb += (0.5 - offset @ back * 65535).astype(np.float32)
    return np.clip(rgb, 0, 65535, out=rgb).astype(np.uint16)


class FrameMaker:
    """Makes frames for an encoder of RGB arrays."""

    def __init__(self, pixel_format: str, colour: Colour):
        """
        Args:
            pixel_format: FFmpeg's name of it: planar Y'CbCr.
            colour: what the frames' numbers shall mean; that of the clip.
        """
        from av.video.format import VideoFormat
        from av.video.reformatter import VideoReformatter

        self._format, self._colour = pixel_format, colour
        self._depth = depth_of(VideoFormat(pixel_format))
        self._swscale, self._mark = VideoReformatter(), _ChromaMark()

    def __call__(self, pixels: np.ndarray, pts: int, time_base: Fraction) -> Any:
        """A frame of the pixel format, shown at `pts`.

        Args:
            pixels: uint16 [H,W,3] where the format has more than 8 bits, else uint8.
            pts: in `time_base`.
            time_base: seconds.
        """
        import av

        if pixels.dtype == np.uint8:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        else:
            frame = av.VideoFrame.from_ndarray(_deep_to_codes(pixels, self._colour, self._depth),
                                               format="yuv444p16le", channel_last=True)
            frame.colorspace, frame.color_range = self._colour.matrix, _FULL if self._colour.full_range else _STUDIO
        frame.pts, frame.time_base = pts, time_base
        made = self._swscale.reformat(self._mark(frame), format=self._format, **_swscale(),
                                      **_meaning(self._colour, "dst"))
        made.colorspace, made.color_range = self._colour.matrix, _FULL if self._colour.full_range else _STUDIO
        made.color_primaries, made.color_trc = self._colour.primaries, self._colour.transfer
        made.pts, made.time_base = pts, time_base
        return made


def _deep_to_codes(pixels: np.ndarray, colour: Colour, depth: int) -> np.ndarray:
    """uint16 RGB [H,W,3] -> uint16 codes of Y'CbCr, of 16 bits: libswscale rounds them half up to the format's."""
    scale, offset = _codes(colour, depth)
    forth = matrix_of(colour).T * scale / 65535
    codes = pixels.astype(np.float32) @ forth.astype(np.float32)
    codes += (offset + 0.5).astype(np.float32)
    return np.clip(codes, 0, 65535, out=codes).astype(np.uint16)


class _ChromaMark:
    """Says of frames that their chroma lies left, as in MPEG-2: PyAV itself has no way to, and unsaid is centred."""

    def __init__(self):
        self._graph, self._kind = None, None

    def __call__(self, frame: Any) -> Any:
        kind = frame.width, frame.height, frame.format.name
        if self._kind != kind:
            self._graph, self._kind = filter_graph(frame, "setparams", "chroma_location=left"), kind
        self._graph.push(frame)
        return self._graph.pull()


def filter_graph(frame: Any, name: str, arguments: str) -> Any:
    """A graph of one of FFmpeg's filters, for frames like this one."""
    from av.filter import Graph

    graph, base = Graph(), frame.time_base or Fraction(1, 25)
    source = graph.add("buffer", video_size=f"{frame.width}x{frame.height}", pix_fmt=frame.format.name,
                       time_base=f"{base.numerator}/{base.denominator}", colorspace=str(int(frame.colorspace)),
                       range=str(int(frame.color_range)))
    graph.link_nodes(source, graph.add(name, arguments), graph.add("buffersink")).configure()
    return graph
