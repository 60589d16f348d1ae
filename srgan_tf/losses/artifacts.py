"""LDL, which weighs the pixels where a generator makes artefacts instead of details (arXiv 2203.09195)."""

from keras import KerasTensor, ops

WINDOW = 7
# Keeps the derivative of the fifth root finite where an image is met exactly.
SMALLEST_VARIANCE = 1e-12


def ldl(hr: KerasTensor, sr: KerasTensor, average: KerasTensor) -> KerasTensor:
    """Mean absolute difference, each pixel multiplied by the artefact map (LDL, section 3).

    As in the authors' code the map is differentiated too, and the other losses stand beside it with their own weights.

    Args:
        hr: the references, float [B,H,W,3] in [0, 1], at least 4 pixels a side.
        sr: the generator's images.
        average: those of its moving average, a constant.
    """
    hr, sr, average = (ops.cast(images, "float32") for images in (hr, sr, ops.stop_gradient(average)))
    return ops.mean(ops.abs(artifact_map(hr, sr, average) * (sr - hr)))


def artifact_map(hr: KerasTensor, sr: KerasTensor, average: KerasTensor) -> KerasTensor:
    """How likely each pixel is an artefact: float32 [B,H,W,1], from 0 (LDL, section 3).

    The variance of the residual |hr - sr|, summed over the channels, in the 7x7 window around the pixel, times the
    fifth root of its variance in the whole patch; 0 where the moving average, the steadier of the two, is further from
    the reference than the generator. Variances are those of samples (n - 1), windows mirrored at the edges.
    """
    residual, steady = (ops.sum(ops.abs(hr - images), -1, keepdims=True) for images in (sr, average))
    centred = residual - ops.mean(residual, (1, 2, 3), keepdims=True)
    count = residual.shape[1] * residual.shape[2]
    patch = ops.sum(ops.square(centred), (1, 2, 3), keepdims=True) / (count - 1)
    patch = ops.power(ops.maximum(patch, SMALLEST_VARIANCE), 1 / 5)
    return ops.where(residual < steady, 0.0, patch * _local_variance(centred))


def _local_variance(x: KerasTensor) -> KerasTensor:
    """The sample variance of the WINDOW x WINDOW values around each: [B,H,W,1] -> [B,H,W,1]."""
    edge, count = WINDOW // 2, WINDOW**2
    x = ops.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="reflect")
    mean, of_squares = (ops.average_pool(values, WINDOW, 1, "valid") for values in (x, ops.square(x)))
    return ops.maximum(of_squares - ops.square(mean), 0.0) * (count / (count - 1))
