"""The regular pattern that pixel shuffles leave in the images of adversarially trained networks."""

from keras import KerasTensor, ops

PERIOD = 4  # pixels; that of x4, and a multiple of that of x2
WINDOW = 8  # periods along each axis over which a pattern must repeat


def grid(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """Mean absolute value of the pattern of 4x4 pixels that `sr - hr` repeats, apart from its average.

    The difference is averaged over 8x8 periods, each of the 16 places in a period by itself (fewer periods where the
    images are smaller), and the average of the 16 is subtracted. Texture averages out; dots at every fourth pixel, as
    a run against VGG19's features and a PatchGAN left them (perceptual_x4's card), stay.

    Args:
        hr: the references, float [B,H,W,C] in [0, 1], at least 4 pixels a side; what exceeds whole periods is left out.
        sr: the generator's images.

    Returns:
        float32 scalar.
    """
    _, height, width, channels = sr.shape
    rows, columns = height // PERIOD, width // PERIOD
    difference = (ops.cast(sr, "float32") - ops.cast(hr, "float32"))[:, : rows * PERIOD, : columns * PERIOD]
    # [B,4h,4w,C] -> [B,h,4,w,4,C] -> [B,h,w,4,4,C] -> [B,h,w,16C]
    places = ops.transpose(ops.reshape(difference, (-1, rows, PERIOD, columns, PERIOD, channels)), (0, 1, 3, 2, 4, 5))
    places = ops.reshape(places, (-1, rows, columns, PERIOD**2 * channels))
    window = min(WINDOW, rows), min(WINDOW, columns)
    average = ops.average_pool(places, window, window, "valid")
    average = ops.reshape(average, (-1, PERIOD**2, channels))
    return ops.mean(ops.abs(average - ops.mean(average, 1, keepdims=True)))
