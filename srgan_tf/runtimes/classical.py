"""What needs no training."""

from srgan_tf.hub.references import ModelRef
from srgan_tf.imaging import matlab_resize, to_unit
from srgan_tf.runtimes.base import Options, Runtime


def open_bicubic(model: ModelRef, options: Options) -> Runtime:
    """MATLAB's bicubic interpolation, the baseline of every table."""
    scale = options.scale
    return Runtime("bicubic", scale, lambda images: matlab_resize(images[0], scale)[None], receptive_radius=2,
                   run_float=lambda images: matlab_resize(to_unit(images[0]), scale)[None], channelwise=True)
