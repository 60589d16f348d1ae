"""Upscaling images with any kind of model file, whole or tile by tile.

    runtimes.open_runtime   one call on RGB
    channels.upscale_tile   grey, alpha and any depth
    tiling.upscale_tiled    any size, in bounded memory
    upscaler.Upscaler       any image array
    result_size, reducing   any size
    inputs, jobs, preflight files, folders and patterns; what is known before a model is loaded
    batch.upscale_files     many files

Images are height by width by channels: uint8 on 0..255, uint16 on 0..65535 or float32 in 0..1. Each tile is brought to
float32 and rounded once, to the depth of the result.
"""

from srgan_tf.inference.tiling import upscale_tiled
from srgan_tf.inference.upscaler import Upscaler

__all__ = ["Upscaler", "upscale_tiled"]
