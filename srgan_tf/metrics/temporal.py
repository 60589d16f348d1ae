"""How steady a clip is beside its reference: lists of frames uint8 [H,W,3] that follow each other, of one size.

tOF and tLP are TecoGAN's (Chu et al., arXiv 1811.09393, section 4 and appendix A).
"""

import importlib.util
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from srgan_tf.errors import MissingPackageError
from srgan_tf.imaging import rgb_to_y

# OpenCV's Farneback with the numbers of the authors' code: pyramid scale, levels, window, iterations, neighbourhood,
# its sigma, flags.
FARNEBACK = (0.5, 3, 15, 3, 5, 1.2, 0)

Frames = Sequence[np.ndarray]


def can_measure_flow() -> bool:
    """Whether OpenCV is installed."""
    return importlib.util.find_spec("cv2") is not None


def tof(images: Frames, references: Frames, crop: int = 0) -> float:
    """Mean length, in pixels, of the difference of both clips' optical flow from frame to frame; papers give it x10.

    Args:
        images: of a model.
        references: HR.
        crop: pixels of the flow that are left out at each side.

    Raises:
        MissingPackageError: OpenCV is not installed.
    """
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise MissingPackageError("tOF needs OpenCV: pip install opencv-python-headless") from error

    def flows(frames: Frames) -> list[np.ndarray]:
        greys = [cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in frames]
        return [_inner(cv2.calcOpticalFlowFarneback(*pair, None, *FARNEBACK), crop) for pair in pairwise(greys)]

    return float(np.mean([np.linalg.norm(one - other, axis=-1).mean()
                          for one, other in zip(flows(images), flows(references), strict=True)]))


def tlp(images: Frames, references: Frames, lpips: Callable[..., float], crop: int = 0) -> float:
    """Mean difference of how far LPIPS finds the frames of each clip from the ones before; papers give it x100.

    Args:
        images: of a model.
        references: HR.
        lpips: what `make_lpips` makes.
        crop: pixels that are left out at each side.
    """
    return float(np.mean([abs(lpips(*one, crop=crop) - lpips(*other, crop=crop))
                          for one, other in zip(pairwise(images), pairwise(references), strict=True)]))


def flicker(images: Frames, references: Frames, crop: int = 0) -> float:
    """Mean absolute difference, in levels of Y, of how each pixel changes from frame to frame in both clips.

    It is 0 where an image's error stays what it is from frame to frame, however large that is. Still HR shows it best;
    where much moves, errors move too, and count.
    """
    def changes(frames: Frames) -> list[np.ndarray]:
        lumas = [_inner(rgb_to_y(frame), crop) for frame in frames]
        return [after - before for before, after in pairwise(lumas)]

    return float(np.mean([np.abs(one - other).mean()
                          for one, other in zip(changes(images), changes(references), strict=True)]))


def _inner(array: np.ndarray, crop: int) -> np.ndarray:
    return array[crop : array.shape[0] - crop, crop : array.shape[1] - crop]
