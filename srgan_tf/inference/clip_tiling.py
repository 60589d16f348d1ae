"""A step of a network over time, tile by tile.

The state is that of the whole frame, and each tile is given its own part of it: what tiles make is joined before the
next frame, so that seams do not grow from frame to frame.
"""

import numpy as np

from srgan_tf.inference.tiling import Window, smallest_tile, windows
from srgan_tf.runtimes import Runtime

MOTION = 32  # LR pixels: context that motion from outside a tile needs, more than images do


def step_tiled(runtime: Runtime, frame: np.ndarray, state: np.ndarray, tile: int, overlap: int
               ) -> tuple[np.ndarray, np.ndarray]:
    """Takes a step.

    Args:
        runtime: of a network over time.
        frame: float32 [H,W,3] in 0..1.
        state: before it, float32 [H,W,C].
        tile: greatest side of the tiles in LR pixels, context included; 0: the whole frame at once.
        overlap: context on each side in LR pixels; MOTION at least, where the tile has room for it.

    Returns:
        An image, float32 [sH,sW,3], and the state after the frame.
    """
    scale, alignment = runtime.scale, runtime.alignment
    if tile >= 3 * MOTION:
        overlap = max(overlap, MOTION)
    if runtime.receptive_radius is not None:
        overlap = min(overlap, runtime.receptive_radius)
    rows, columns = (windows(size, smallest_tile(size, tile, overlap, alignment), overlap, alignment)
                     for size in frame.shape[:2])
    image = np.empty((scale * frame.shape[0], scale * frame.shape[1], 3), np.float32)
    after = np.empty_like(state)
    for row in rows:
        for column in columns:
            seen = slice(row.start, row.stop), slice(column.start, column.stop)
            parts = runtime.clip.step(np.ascontiguousarray(frame[seen])[None], np.ascontiguousarray(state[seen])[None])
            for whole, part, factor in ((image, parts[0][0], scale), (after, parts[1][0], 1)):
                whole[_kept(row, 0, factor), _kept(column, 0, factor)] = (
                    part[_kept(row, row.start, factor), _kept(column, column.start, factor)])
    return image, after


def _kept(window: Window, origin: int, factor: int) -> slice:
    return slice((window.keep_start - origin) * factor, (window.keep_stop - origin) * factor)
