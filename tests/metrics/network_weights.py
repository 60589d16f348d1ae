"""Random weights of AlexNet and VGG16 in torchvision's names and shapes, the same on every machine."""

import numpy as np

# Number in torchvision's `features`: outputs, inputs, side of the kernel.
ALEXNET = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
VGG16 = {0: (64, 3, 3), 2: (64, 64, 3), 5: (128, 64, 3), 7: (128, 128, 3), 10: (256, 128, 3), 12: (256, 256, 3),
         14: (256, 256, 3), 17: (512, 256, 3), 19: (512, 512, 3), 21: (512, 512, 3), 24: (512, 512, 3),
         26: (512, 512, 3), 28: (512, 512, 3)}
ENDS = {"alex": (ALEXNET, (0, 3, 6, 8, 10)), "vgg": (VGG16, (2, 7, 14, 21, 28))}


def network(name: str, prefix: str = "features.") -> dict[str, np.ndarray]:
    """Kernels of MSRA's deviation, and biases."""
    random = np.random.default_rng(5)
    arrays = {}
    for number, (outputs, inputs, side) in ENDS[name][0].items():
        shape = (outputs, inputs, side, side)
        uniform = random.random(shape, np.float32) - np.float32(0.5)
        arrays[f"{prefix}{number}.weight"] = uniform * np.float32((24 / (inputs * side**2)) ** 0.5)
        arrays[f"{prefix}{number}.bias"] = random.random(outputs, np.float32) / 10
    return arrays


def lpips_heads(name: str) -> dict[str, np.ndarray]:
    """The metric's own weights."""
    random = np.random.default_rng(6)
    table, ends = ENDS[name]
    return {f"lin{index}.model.1.weight": random.random((1, table[end][0], 1, 1), np.float32)
            for index, end in enumerate(ends)}


def dists_weights() -> dict[str, np.ndarray]:
    """The metric's own weights."""
    random = np.random.default_rng(7)
    return {name: random.random((1, 1475, 1, 1), np.float32) for name in ("alpha", "beta")}
