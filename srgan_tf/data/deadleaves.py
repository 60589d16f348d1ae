"""Dead-leaves images: discs that cover one another, with the edges and the scale statistics of photographs.

Source: Lee, Mumford and Huang, "Occlusion Models for Natural Images", IJCV 41, 2001.
"""

import numpy as np

OVERSAMPLING = 2  # edges are drawn at twice the size and averaged, so that they are antialiased


def dead_leaves(size: int, seed: int) -> np.ndarray:
    """Draws one image.

    Args:
        size: side in pixels.
        seed: equal seeds give equal images.

    Returns:
        uint8 [size,size,3] RGB.
    """
    rng = np.random.default_rng(seed)
    side = size * OVERSAMPLING
    canvas = np.broadcast_to(_colour(rng), (side, side, 3)).astype(np.float32)
    for radius in _radii(rng, side):
        _paint(canvas, radius, rng)
    blocks = canvas.reshape(size, OVERSAMPLING, size, OVERSAMPLING, 3)
    return np.floor(blocks.mean(axis=(1, 3)) * 255 + 0.5).astype(np.uint8)


def _radii(rng: np.random.Generator, side: int) -> np.ndarray:
    """Radii with density r^-3 between 8 pixels and a third of the side, enough of them to cover the image."""
    smallest, largest = 8.0, side / 3
    uniform = rng.uniform(0, 1, 1200)
    # The inverse of the cumulative distribution of r^-3 on [smallest, largest].
    return (smallest**-2 + uniform * (largest**-2 - smallest**-2)) ** -0.5


def _paint(canvas: np.ndarray, radius: float, rng: np.random.Generator) -> None:
    """Lays one disc on the canvas: plain, shaded or striped."""
    side = canvas.shape[0]
    row, column = rng.uniform(-radius, side + radius, 2)
    top, bottom = np.clip([row - radius, row + radius + 1], 0, side).astype(int)
    left, right = np.clip([column - radius, column + radius + 1], 0, side).astype(int)
    rows, columns = np.ogrid[top:bottom, left:right]
    inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    angle, period, contrast = rng.uniform(0, np.pi), rng.uniform(4, 24), rng.choice([0.0, 0.1, 0.25])
    wave = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) * 2 * np.pi / period)
    shade = (columns - column) / radius * rng.uniform(-0.15, 0.15)
    leaf = _colour(rng) + (contrast * wave + shade)[..., None]
    canvas[top:bottom, left:right][inside] = np.clip(leaf, 0, 1)[inside]


def _colour(rng: np.random.Generator) -> np.ndarray:
    """Any brightness, moderately saturated, as in photographs."""
    return np.clip(rng.uniform(0.05, 0.95) + rng.normal(0, 0.12, 3), 0, 1)
