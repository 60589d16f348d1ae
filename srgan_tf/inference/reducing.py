"""An upscaled image that is reduced while its tiles are made, so that it is never in memory as a whole in float."""

import numpy as np

from srgan_tf.imaging import premultiply, to_levels, to_unit, unpremultiply
from srgan_tf.imaging.resize import BandResizer
from srgan_tf.inference.result_size import Target

_ROWS = 256  # of an image that are brought to floating point at a time


def reduced(image: np.ndarray, target: Target, dtype: np.dtype) -> np.ndarray:
    """An image of any type, [H,W,C], that is reduced and not upscaled; the rest is as in Reducer."""
    reducer = Reducer(image.shape, target, dtype)
    for start in range(0, len(image), _ROWS):
        reducer.add(np.array(to_unit(image[start : start + _ROWS])))
    return reducer.result


class Reducer:
    """Takes an upscaled image in bands of rows, and reduces it as MATLAB does; alpha is multiplied in and out.

    Attributes:
        result: [H,W,C], complete when the last band has been added.
    """

    def __init__(self, shape: tuple[int, int, int], target: Target, dtype: np.dtype):
        """Makes room for the result.

        Args:
            shape: of the upscaled image.
            target: size of the result, and its scale over the upscaled image.
            dtype: of the result: uint8 or uint16, for which the upscaled image is clipped and the result rounded once;
                or float32, for which neither is done.
        """
        size = {"output_size": target.size} if target.scale is None else {"scale": target.scale}
        self._resizer, self._done = BandResizer(shape[:2], **size), 0
        self.result = np.empty((*target.size, shape[2]), dtype)

    def add(self, band: np.ndarray) -> None:
        """Takes the next rows, float32 [h,W,C], which may be changed."""
        rounded, alpha = self.result.dtype != np.float32, band.shape[2] % 2 == 0
        if rounded:
            np.clip(band, 0, 1, out=band)
        if alpha:
            band[..., :-1] = premultiply(band)
        rows = self._resizer.add(band)
        if alpha:
            rows = unpremultiply(rows[..., :-1], np.clip(rows[..., -1:], 0, 1))
        self.result[self._done : self._done + len(rows)] = to_levels(rows, self.result.dtype) if rounded else rows
        self._done += len(rows)
