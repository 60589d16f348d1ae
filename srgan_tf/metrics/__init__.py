"""How near an image is to its reference. METRICS holds the figures of the papers' tables, by name.

Each is called as `METRICS[name](a, b, crop=4)`, where a and b are uint8 (or floating point on 0..255) of one shape,
[H,W,3] RGB or [H,W,1] grey, and returns a float. The name says the channel: "_y" is the luma that papers measure on,
"_rgb" is all three channels; the PSNRs of one image differ by about 1.8 dB between the two.

`niqe(image, crop=4)` needs no reference. `make_lpips(weights)` and `make_dists(weights)` make metrics that are called
like those of METRICS.
"""

from functools import partial

from srgan_tf import lazy
from srgan_tf.metrics.fidelity import CHANNELS, SSIM_WINDOW, psnr, ssim
from srgan_tf.metrics.niqe import niqe

METRICS = {
    "psnr_y": partial(psnr, channel="y"),
    "ssim_y": partial(ssim, channel="y"),
    "psnr_rgb": partial(psnr, channel="rgb"),
    "ssim_rgb": partial(ssim, channel="rgb"),
}

# These need Keras, and weights that do not come with the package.
__getattr__, __dir__ = lazy.names(__name__, {"make_dists": "lpips_dists", "make_lpips": "lpips_dists"})

__all__ = ["CHANNELS", "METRICS", "SSIM_WINDOW", "make_dists", "make_lpips", "niqe", "psnr", "ssim"]
