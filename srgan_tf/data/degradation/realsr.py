"""RealSR's degradation: a kernel and a noise patch from pools that were made from the images to be upscaled.

Source: Ji et al., "Real-World Super-Resolution via Kernel Estimation and Noise Injection", CVPR Workshops 2020:
LR = (HR * k) reduced + n, k from KernelGAN's estimates, n a smooth patch less its mean.
"""

import tensorflow as tf

from srgan_tf.data.degradation.chains import whole_levels
from srgan_tf.data.degradation.draws import Drawn
from srgan_tf.data.degradation.filtering import filter_images, reflected
from srgan_tf.data.degradation.resizing import bicubic_downsample


def inject_kernel(hr: tf.Tensor, kernels: tf.Tensor, scale: int) -> tf.Tensor:
    """Filters each image and keeps every `scale`-th pixel: [B,H,W,C] by [B,K,K] -> [B,H/scale,W/scale,C]."""
    return filter_images(hr, kernels)[:, ::scale, ::scale]


def cut_noise(patches: tf.Tensor, index: tf.Tensor, corners: tf.Tensor, height: tf.Tensor,
              width: tf.Tensor) -> tf.Tensor:
    """Cuts noise out of patches: a piece of each that was drawn, less its mean by channel.

    Args:
        patches: uint8 [N,P,Q,3].
        index: int [B], which patches.
        corners: int [B,2], where the pieces begin; what lies outside a patch is its mirror image.
        height: int scalar, of the pieces.
        width: int scalar, of the pieces.

    Returns:
        float32 [B,height,width,3], mean zero.
    """
    rows = reflected(corners[:, :1] + tf.range(height), tf.shape(patches)[1])  # [B,height]
    columns = reflected(corners[:, 1:] + tf.range(width), tf.shape(patches)[2])
    pieces = tf.gather(tf.gather(tf.gather(patches, index), rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)
    pieces = tf.cast(pieces, tf.float32) / 255
    return pieces - tf.reduce_mean(pieces, [1, 2], keepdims=True)


def realsr(hr: tf.Tensor, seed: tf.Tensor, scale: int, kernels: tf.Tensor | None,
           patches: tf.Tensor | None) -> tuple[tf.Tensor, Drawn]:
    """Draws a kernel and a noise patch for each image.

    Args:
        hr: float32 [B,H,W,3] in [0, 1], H and W multiples of the scale.
        seed: integer [2].
        scale: how many times smaller the result is.
        kernels: float32 [N,K,K] of `pools.read_kernels`; None: MATLAB's bicubic reduction.
        patches: uint8 [M,P,P,3] of `pools.read_noise`; None: no noise.

    Returns:
        LR, float32 [B,H/scale,W/scale,3] in whole grey levels, and what was drawn.
    """
    seeds, batch, drawn = tf.unstack(tf.random.split(seed, 3)), tf.shape(hr)[0], {}
    if kernels is None:
        lr = bicubic_downsample(hr, scale)
    else:
        index = tf.random.stateless_uniform([batch], seeds[0], 0, kernels.shape[0], tf.int32)
        lr, drawn["kernel"] = inject_kernel(hr, tf.gather(kernels, index), scale), {"number": index}
    if patches is not None:
        index = tf.random.stateless_uniform([batch], seeds[1], 0, patches.shape[0], tf.int32)
        height, width = tf.shape(lr)[1], tf.shape(lr)[2]
        room = [tf.maximum(1, patches.shape[axis + 1] - side + 1) for axis, side in enumerate((height, width))]
        corners = tf.random.stateless_uniform([batch, 2], seeds[2], 0, tf.int32.max, tf.int32) % tf.stack(room)
        lr += cut_noise(patches, index, corners, height, width)
        drawn["patch"] = {"number": index}
    return whole_levels(lr), drawn
