"""Degradations from HR to LR, in the TensorFlow graph: what a blind network learns to undo.

    kernels, filtering, resizing, noise, compression   the pieces: batched, each image with its own parameters
    chains, realsr                                     the chains, which draw the parameters from a seed
    pools                                              RealSR's kernels and noise patches, from folders
    sharpening                                         of the targets
    degradations                                       DEGRADATIONS: what --degradation can name

Images are float32 [B,H,W,3] RGB in [0, 1]. Nothing keeps a state: the same seed gives the same images.
"""

from srgan_tf import lazy

_HOMES = {
    "DEGRADATIONS": "degradations",
    "Degrade": "degradations",
    "bicubic_downsample": "resizing",
    "filter_images": "filtering",
    "gaussian_noise": "noise",
    "jpeg": "compression",
    "open_degradation": "degradations",
    "poisson_noise": "noise",
    "read_kernels": "pools",
    "read_noise": "pools",
    "resize": "resizing",
    "unsharp_mask": "sharpening",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
