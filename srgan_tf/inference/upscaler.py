"""The one object that applications need: a picture in, a larger picture out."""

from collections.abc import Callable
from typing import Any

import numpy as np

from srgan_tf.config import OVERLAP, TILE
from srgan_tf.imaging import premultiply, to_uint8, unpremultiply
from srgan_tf.inference import ensemble
from srgan_tf.inference.runtimes import TileTooLargeError, open_runtime
from srgan_tf.inference.tiling import enlarge_tiled

Progress = Callable[[int, int], None]


class Upscaler:
    """Upscales uint8 images: `Upscaler("best.keras")(pixels)`.

    One object can be shared between threads. Each tile is computed by one call at a time (runtimes.in_turn), so several
    threads overlap in all but the model, which keeps every core busy by itself. For calls side by side, open one
    object for each thread. A Runtime of the caller's own is called from the threads that call this object.

    Attributes:
        runtime: what runs the model.
        scale: how many times larger the output is.
        tile, overlap: as in `enlarge_tiled`.
    """

    def __init__(self, model: Any, *, tile: int = TILE, overlap: int = OVERLAP, scale: int = 4,
                 threads: int = 0, runtime: str = "tensorflow", precision: str = "", self_ensemble: bool = False,
                 trust_model: bool = False):
        """Opens the model.

        Args:
            model: whatever `open_runtime` takes: a Runtime, a Generator, a path, a shipped name, "bicubic".
            tile: side of the tiles in LR pixels; 0: whole pictures.
            overlap: context of each tile in LR pixels.
            scale: of "bicubic".
            threads: as in `open_runtime`.
            runtime: likewise.
            precision: likewise.
            self_ensemble: whether each tile is the mean over its eight symmetries.
            trust_model: as in `open_runtime`.
        """
        self.runtime = open_runtime(model, scale, threads, runtime=runtime, precision=precision,
                                    trust_model=trust_model)
        if self_ensemble:
            self.runtime = ensemble.self_ensemble(self.runtime)
        self.scale, self.tile, self.overlap = self.runtime.scale, tile, overlap

    def __call__(self, pixels: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """Enlarges one picture.

        Alpha is enlarged by the model too, and colours are enlarged premultiplied, so that what is hidden under
        transparency does not bleed into what is seen.

        Args:
            pixels: uint8 [H,W] or [H,W,1] grey, [H,W,3] RGB or [H,W,4] RGBA.
            progress: called with the number of tiles done and of all tiles, anew for the alpha channel.

        Returns:
            uint8 of the same number of dimensions and channels, `scale` times larger.

        Raises:
            ValueError: the array is not as said.
        """
        pixels = np.asarray(pixels)
        channels = pixels.shape[2] if pixels.ndim == 3 else 1
        if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or channels not in (1, 3, 4) or not pixels.size:
            raise ValueError("pixels must be non-empty uint8 [H,W], [H,W,1], [H,W,3] or [H,W,4]; "
                             f"got {pixels.dtype} {pixels.shape}")
        if channels == 1:
            grey = self._grey(pixels.reshape(pixels.shape[:2]), progress)
            return grey if pixels.ndim == 2 else grey[..., None]
        if channels == 3:
            return self._colour(pixels, progress)
        if (pixels[..., 3] == 255).all():
            colour = self._colour(pixels[..., :3], progress)
            return np.dstack([colour, np.full(colour.shape[:2], 255, np.uint8)])
        alpha = self._grey(pixels[..., 3], progress)
        return unpremultiply(self._colour(premultiply(pixels), progress), alpha)

    def _colour(self, rgb: np.ndarray, progress: Progress | None) -> np.ndarray:
        while True:
            tile = self.tile  # other threads may lower it meanwhile
            try:
                return enlarge_tiled(self.runtime, rgb, tile, self.overlap, progress)
            except TileTooLargeError:
                side = max(rgb.shape[:2])
                smaller = min(tile or side, side) // 2
                if smaller < 2 * self.overlap + self.runtime.alignment:
                    raise
                self.tile = min(self.tile or smaller, smaller)

    def _grey(self, grey: np.ndarray, progress: Progress | None) -> np.ndarray:
        """[H,W] -> [sH,sW]: as a picture of three equal channels, whose mean is taken."""
        rgb = self._colour(np.repeat(grey[..., None], 3, axis=2), progress)
        return to_uint8(rgb.mean(axis=2) / 255)
