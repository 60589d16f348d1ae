"""Enlarging pictures with any kind of model file, whole or tile by tile.

    runtimes.open_runtime  ->  tiling.enlarge_tiled  ->  upscaler.Upscaler  ->  batch.upscale_files
    one call on uint8 RGB      any size, bounded         grey and alpha too     files, folders, globs

Pictures are uint8 on 0..255, height by width by channels.
"""

from srgan_tf.inference.runtimes import Runtime, open_runtime
from srgan_tf.inference.tiling import enlarge_tiled
from srgan_tf.inference.upscaler import Upscaler

__all__ = ["Runtime", "Upscaler", "enlarge_tiled", "open_runtime"]
