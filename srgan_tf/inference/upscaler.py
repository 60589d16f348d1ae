"""The one object that applications need: an image in, a larger image out."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from srgan_tf.config import OVERLAP, TILE
from srgan_tf.errors import UserError
from srgan_tf.imaging.color import LEVELS, is_opaque
from srgan_tf.inference import color_matching, ensemble
from srgan_tf.inference.reducing import reduced
from srgan_tf.inference.result_size import Target, exact, passes, reduction_to, scaled
from srgan_tf.inference.tiling import DTYPES, tile_windows, upscale_tiled
from srgan_tf.memory import available_memory
from srgan_tf.runtimes import TileTooLargeError, open_runtime

Progress = Callable[[int, int], None]
MEMORY_SHARE = 0.5  # of what is available, that an image upscaled at once may take


class Upscaler:
    """Upscales images: `Upscaler("best.keras")(pixels)`.

    One object can be shared between threads. Each tile is computed by one call at a time (runtimes.in_turn), so several
    threads overlap in all but the model, which keeps every core busy by itself. For calls side by side, open one
    object for each thread; only servers are sent several tiles at once. A Runtime of the caller's own is called from
    the threads that call this object.

    Attributes:
        runtime: what runs the model.
        scale: how many times larger the output is.
        tile, overlap: as in `upscale_tiled`; a tile of None as in the constructor.
        changes: names of the arguments that change what the model makes of an image.
    """

    def __init__(self, model: Any, *, tile: int | None = None, overlap: int = OVERLAP, self_ensemble: bool = False,
                 match_color: bool = False, **options: Any):
        """Opens the model.

        Args:
            model: whatever `open_runtime` takes: a name, a path, a Generator, a Runtime.
            tile: side of the tiles in LR pixels; 0: whole images; None: config.TILE, but 0 where the network takes
                averages over the whole image and memory allows it.
            overlap: context of each tile in LR pixels.
            self_ensemble: whether each tile is the average over its eight symmetries.
            match_color: whether the low frequencies of results are those of their images (`color_matching`).
            **options: runtimes.Options by name: scale (of "bicubic"), threads, runtime, precision, trust_model.
        """
        self.runtime = open_runtime(model, **options)
        if self_ensemble:
            self.runtime = ensemble.self_ensemble(self.runtime)
        if match_color:
            self.runtime = color_matching.match_color(self.runtime)
        self.changes = [name for name, on in (("self_ensemble", self_ensemble), ("match_color", match_color)) if on]
        self.scale, self.tile, self.overlap = self.runtime.scale, tile, overlap

    def __call__(self, pixels: np.ndarray, progress: Progress | None = None, *,
                 dtype: np.typing.DTypeLike | None = None, scale: float | Fraction | None = None,
                 size: tuple[int, int] | None = None) -> np.ndarray:
        """Upscales one image.

        Alpha is upscaled by the model too, and colours are upscaled premultiplied, so that what is hidden under
        transparency does not bleed into what is seen. Between pixels that are all opaque, or all transparent, the
        result is exactly that.

        Args:
            pixels: uint8 on 0..255, uint16 on 0..65535 or float32 in 0..1; [H,W] or [H,W,1] grey, [H,W,2] grey and
                alpha, [H,W,3] RGB or [H,W,4] RGBA.
            progress: called with the number of tiles done and of all tiles.
            dtype: of the result: np.uint8, np.uint16 or np.float32; None: that of `pixels`.
            scale: how many times larger the result is; None: as many times as the model has it. For another scale the
                model runs until the image is large enough, and MATLAB's bicubic reduction does the rest. It does not
                run where the result is smaller than the image.
            size: (rows, columns) of the result, in place of a scale.

        Returns:
            The same number of dimensions and channels, larger. Integers are rounded once, half up, and
            clipped; float32 is neither, but for its alpha, which is clipped.

        Raises:
            ValueError: the array, scale or size is not as said, or the model does not make images larger.
        """
        pixels = np.asarray(pixels)
        channels = pixels.shape[2] if pixels.ndim == 3 else 1
        if pixels.dtype not in DTYPES or pixels.ndim not in (2, 3) or not 1 <= channels <= 4 or not pixels.size:
            raise UserError("pixels must be non-empty uint8, uint16 or float32 [H,W] or [H,W,C] of 1 to 4 channels; "
                            f"got {pixels.dtype} {pixels.shape}")
        if dtype is not None and np.dtype(dtype) not in DTYPES:
            raise UserError(f"dtype must be uint8, uint16 or float32; got {np.dtype(dtype)}")
        if pixels.dtype == np.float32 and not (pixels.min() >= 0 and pixels.max() <= 1):
            raise UserError(f"float32 pixels must be in 0..1; got {pixels.min():g}..{pixels.max():g}")
        dtype = np.dtype(dtype or pixels.dtype)
        target = self._target(pixels.shape, scale, size)
        if channels % 2 == 0 and is_opaque(pixels):
            colour = self._sized(pixels[..., :-1], progress, dtype, target)
            return np.concatenate([colour, np.full_like(colour[..., :1], LEVELS.get(dtype, 1))], axis=2)
        upscaled = self._sized(pixels.reshape(*pixels.shape[:2], channels), progress, dtype, target)
        return upscaled if pixels.ndim == 3 else upscaled[..., 0]

    def _target(self, shape: tuple[int, ...], scale: float | Fraction | None, size: tuple[int, int] | None) -> Target:
        if size is not None:
            if scale is not None or len(size) != 2 or min(size) < 1:
                raise UserError(f"give a scale, or a size of two positive numbers; got {scale} and {size}")
            return Target(None, tuple(size))
        if scale is not None and not (scale > 0 and math.isfinite(scale)):
            raise UserError(f"scale must be a positive number; got {scale}")
        return scaled(shape, exact(scale or self.scale))

    def _sized(self, image: np.ndarray, progress: Progress | None, dtype: np.dtype, target: Target) -> np.ndarray:
        count = passes(image.shape, target.size, self.scale)
        reduction = reduction_to(target, image.shape, self.scale**count)
        if count == 0:
            return reduced(image, reduction, dtype)
        for _ in range(count - 1):
            image = self._tiled(image, progress, np.dtype(np.float32))
            np.clip(image, 0, 1, out=image)  # what the model was trained on
        return self._tiled(image, progress, dtype, reduction)

    @property
    def remark(self) -> str:
        """A line about tiles for people, of a network that takes averages over the whole image; of others empty."""
        name, needed, fixed = self.runtime.name, self.runtime.whole_image_bytes, self.runtime.fixed_tile
        if not needed or self.tile == 0:
            return ""
        averages = f"{name} takes averages over the whole image"
        if fixed or self.tile:
            height, width = fixed or (self.tile, self.tile)
            return f"{averages}: tiles of {width}x{height} change its results a little (docs/weights.md)"
        most = MEMORY_SHARE * available_memory() / needed / 1e6
        return (f"{averages}: images of up to {most:,.1f} megapixels are upscaled at once, larger ones in tiles of "
                f"{TILE}, which changes results a little (docs/weights.md)")

    def side(self, shape: tuple[int, ...]) -> int:
        """Side of the tiles for an image."""
        if self.tile is not None:
            return self.tile
        needed = self.runtime.whole_image_bytes
        return 0 if needed and needed * shape[0] * shape[1] <= MEMORY_SHARE * available_memory() else TILE

    def tiles(self, shape: tuple[int, ...]) -> int:
        """How many tiles an image [H,W,C] is cut into.

        Raises:
            UserError: as upscale_tiled.
        """
        rows, columns = tile_windows(self.runtime, shape, self.side(shape), self.overlap)
        return len(rows) * len(columns)

    def _tiled(self, image: np.ndarray, progress: Progress | None, dtype: np.dtype, target: Target | None = None
               ) -> np.ndarray:
        while True:
            tile = self.side(image.shape)  # other threads may lower it meanwhile
            try:
                return upscale_tiled(self.runtime, image, tile, self.overlap, progress, dtype, target)
            except TileTooLargeError:
                side = max(image.shape[:2])
                smaller = min(tile or side, side) // 2
                if smaller < 2 * self.overlap + self.runtime.alignment:
                    raise
                self.tile = min(self.tile or smaller, smaller)
