"""Peak memory and time of one request to a SavedModel, in a process of its own.

    PYTHONPATH= python tools/measure_saved_model.py exports/NAME/1 4000x3000 [--repeat=N] [--limit_gib=G]

The image is noise, made in the process; --repeat=2 tells the first request of a size from the next one. A process
that would need more than --limit_gib of address space fails instead of taking the machine with it. To measure without
tiles, export with a --saved_model_tile larger than the image.
"""

import argparse
import os
import resource
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.modules["keras"] = sys.modules["srgan_tf"] = None  # a SavedModel needs neither


def peak_mib() -> float:
    """Peak memory of the process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Runs the requests and prints a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("size", help="WIDTHxHEIGHT of the image")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--limit_gib", type=float, default=20)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    limit = int(arguments.limit_gib * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    import numpy as np
    import tensorflow as tf

    model = tf.saved_model.load(arguments.folder)
    serve = model.signatures["serving_default"]
    image = tf.constant(np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8))
    serve(image=image[:, :16, :16])
    print(f"loaded, one request of 16x16: {peak_mib():,.0f} MiB", flush=True)
    for _ in range(arguments.repeat):
        start = time.perf_counter()
        try:
            upscaled = serve(image=image)["upscaled"]
        except tf.errors.ResourceExhaustedError as error:
            sys.exit(f"{arguments.size}: {error.message.splitlines()[0]}")
        seconds = time.perf_counter() - start
        size = upscaled.shape.num_elements() / 2**20
        print(f"{arguments.size}: {seconds:.2f} s, peak {peak_mib():,.0f} MiB; the output is {size:,.0f} MiB of it",
              flush=True)
        del upscaled


if __name__ == "__main__":
    main()
