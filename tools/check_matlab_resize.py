#!/usr/bin/env python3
"""Compares srgan_tf.imaging.matlab_resize with images that MATLAB reduced.

    python tools/check_matlab_resize.py BENCHMARK_DIR...

Each folder holds HR/* and LR_bicubic/X4/* (also X2, X3) with equal names, as the published copies of Set5, Set14 and
BSD100 do. They were made by a MATLAB that replicated the image's edge; today's MATLAB mirrors it, which may only
change the outer two rows and columns. Prints a line for each scale of each data set; the exit status is 1 if a pixel
differs that should not.
"""

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from srgan_tf.imaging import crop_to_multiple, list_images, matlab_resize, read_image


def compare(lr_folder: Path, scale: int) -> tuple[int, dict[str, int]]:
    """Number of images, and how many pixels of them all differ, in which way."""
    images = list_images(lr_folder)
    differing = dict.fromkeys(("replicate", "symmetric inside", "symmetric edge"), 0)
    for path in images:
        reference = read_image(path).colour
        hr = crop_to_multiple(read_image(lr_folder.parents[1] / "HR" / path.name).colour, scale)
        for edge in ("replicate", "symmetric"):
            differs = (matlab_resize(hr, Fraction(1, scale), edge) != reference).any(axis=2)
            if edge == "replicate":
                differing[edge] += np.count_nonzero(differs)
            else:
                inside = np.count_nonzero(differs[2:-2, 2:-2])
                differing["symmetric inside"] += inside
                differing["symmetric edge"] += np.count_nonzero(differs) - inside
    return len(images), differing


def main(benchmarks: list[str]) -> int:
    """Checks each folder; returns the exit status."""
    if not benchmarks:
        print(__doc__, file=sys.stderr)
        return 2
    failed = False
    for benchmark in map(Path, benchmarks):
        for lr_folder in sorted((benchmark / "LR_bicubic").glob("X[234]")):
            count, differing = compare(lr_folder, int(lr_folder.name[1:]))
            failed |= bool(differing["replicate"] or differing["symmetric inside"])
            print(f"{benchmark.name} {lr_folder.name}: {count} images; pixels that differ: "
                  f"replicate {differing['replicate']}; symmetric {differing['symmetric inside']}, "
                  f"and {differing['symmetric edge']} in the outer two rows and columns")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
