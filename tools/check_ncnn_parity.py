"""Compares networks read from ncnn's files with ncnn running the same files, on the CPU in float32.

    pip install ncnn
    python tools/check_ncnn_parity.py FILE.param... [--image=PHOTO] [--size=64]

If --python names another Python, ncnn runs there: `ncnn` and this package need not share a NumPy.
Prints the largest and the average difference of the float outputs in 0..1; exit status 1 above --tolerance.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

# Run by the Python that has ncnn: model's two files, the input [3,H,W] and the output, as .npy.
RUNNER = """
import sys
import ncnn, numpy as np
param, numbers, source, target = sys.argv[1:]
net = ncnn.Net()
for option in dir(net.opt):
    if option.startswith(("use_fp16", "use_bf16", "use_int8", "use_winograd", "use_vulkan")):
        setattr(net.opt, option, False)
net.opt.num_threads = 2
assert net.load_param(param) == 0 and net.load_model(numbers) == 0
extractor = net.create_extractor()
image = np.load(source)  # ncnn.Mat keeps no reference to it
extractor.input(net.input_names()[0], ncnn.Mat(image))
status, output = extractor.extract(net.output_names()[0])
assert status == 0
np.save(target, np.array(output))
"""


def ncnn_output(python: str, param: Path, image: np.ndarray) -> np.ndarray:
    """What ncnn makes of a float32 image [H,W,3]: [sH,sW,3]."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.npy"), Path(folder, "out.npy")
        np.save(source, np.ascontiguousarray(image.transpose(2, 0, 1)))
        subprocess.run([python, "-c", RUNNER, param, param.with_suffix(".bin"), source, target], check=True)
        return np.load(target).transpose(1, 2, 0)


def read_image(path: str, size: int) -> np.ndarray:
    """The centre of an image, [size,size,3] in 0..1, or smooth noise without a path."""
    if path:
        with Image.open(path) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        top, left = (max(side - size, 0) // 2 for side in pixels.shape[:2])
        return pixels[top : top + size, left : left + size].astype(np.float32) / 255
    noise = np.random.default_rng(0).random((size, size, 3))
    return ((noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 3).astype(np.float32)


def main() -> int:
    """Compares file by file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help=".param files, the .bin beside each")
    parser.add_argument("--image", default="", help="an image; without it, smooth noise")
    parser.add_argument("--size", type=int, default=64, help="side of the square that is cropped from its centre")
    parser.add_argument("--python", default=sys.executable, help="a Python that has ncnn")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest difference that is accepted")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from srgan_tf.weights import load_foreign

    image, worst = read_image(arguments.image, arguments.size), 0.0
    for param in arguments.files:
        expected = ncnn_output(arguments.python, param, image)
        model = load_foreign(param, dtype="float32")
        difference = np.abs(np.asarray(model(image[None]))[0] - expected)
        worst = max(worst, float(difference.max()))
        print(f"{param.name}: {type(model).__name__} x{model.scale}, {expected.shape[1]}x{expected.shape[0]}, greatest "
              f"difference {difference.max():.2e}, mean {difference.mean():.1e}, output {expected.min():.3f} to "
              f"{expected.max():.3f}")
    return int(not worst <= arguments.tolerance)


if __name__ == "__main__":
    sys.exit(main())
