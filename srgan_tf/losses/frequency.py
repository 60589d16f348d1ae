"""Focal frequency loss: spectra compared, the frequencies that are furthest off most (arXiv 2012.12821)."""

from keras import KerasTensor, ops


def focal_frequency(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """Mean of w |F(sr) - F(hr)|^2 over frequencies, channels and images.

    F is the orthonormal discrete Fourier transform of the whole image; the spectrum weight w is |F(sr) - F(hr)|,
    divided by its largest value in the channel of the image, and a constant to the gradient: the paper's alpha is 1,
    its patches are the crops. As the transform is linear, the difference of the images is transformed, once.

    Args:
        hr: the references, [B,H,W,C] in [0, 1].
        sr: the generator's images.
    """
    difference = ops.transpose(ops.cast(sr, "float32") - ops.cast(hr, "float32"), (0, 3, 1, 2))  # [B,C,H,W]
    real, imaginary = ops.fft2((difference, ops.zeros_like(difference)))
    power = (ops.square(real) + ops.square(imaginary)) / (difference.shape[2] * difference.shape[3])
    weight = ops.sqrt(ops.stop_gradient(power))
    largest = ops.max(weight, (2, 3), keepdims=True)
    # Where images are equal every weight is 0, whatever it is divided by.
    return ops.mean(weight / ops.where(largest > 0, largest, 1.0) * power)
