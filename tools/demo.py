"""The demonstration behind tools/demo: train, export, upscale, measure."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from srgan_tf.data.catalog import SAMPLES_VALIDATION
from srgan_tf.imaging import matlab_resize, read_image, write_image

DEMO = Path("demo")


def run(*arguments: object) -> None:
    """Runs a command of the package, and shows it."""
    command = ["-m", *map(str, arguments)]
    print(f"\n$ python {' '.join(command)}", flush=True)
    subprocess.run([sys.executable, *command], check=True)


def prepare_images() -> None:
    """Writes the validation photographs as a benchmark, and their LR as images to upscale."""
    data = Path(importlib.util.find_spec("skimage").submodule_search_locations[0]) / "data"
    for folder in ("benchmark/HR", "small"):
        (DEMO / folder).mkdir(parents=True, exist_ok=True)
    for name in SAMPLES_VALIDATION:
        hr = read_image(data / name).pixels[..., :3]
        hr = hr[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4]
        write_image(DEMO / "benchmark/HR" / name, hr)
        write_image(DEMO / "small" / name, matlab_resize(hr, 1 / 4))


def main() -> None:
    """Runs the package's own commands one after another."""
    start = time.perf_counter()
    prepare_images()
    run("srgan_tf.train", "--flagfile=quickstart.flags", f"--run_dir={DEMO}/run")
    run("srgan_tf.export", f"--model={DEMO}/run", f"--output={DEMO}/export")
    run("srgan_tf.upscale", DEMO / "small", f"--model={DEMO}/export", f"--output={DEMO}/upscaled", "--overwrite")
    run("srgan_tf.evaluate", f"--model={DEMO}/run", f"--benchmark={DEMO}/benchmark", f"--output={DEMO}/results")
    sheet = Image.open(DEMO / "results/benchmark.png")
    print(f"\ndone in {time.perf_counter() - start:.0f} s. Look at")
    print(f"  {DEMO}/results/benchmark.png  ({sheet.width}x{sheet.height}: LR, bicubic, model, HR, with figures)")
    print(f"  {DEMO}/small/*.png -> {DEMO}/upscaled/*.png  (upscaled by the exported SavedModel)")
    print(f"  {DEMO}/export/run.tflite  (the model for Android)")


if __name__ == "__main__":
    main()
