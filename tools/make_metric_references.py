"""Makes tests/references/metrics.json, what other packages measure on photographs of scikit-image's wheel.

    pip download --no-deps --no-binary :all: basicsr==1.4.2; tar xzf basicsr-1.4.2.tar.gz
    pip download --no-deps lpips==0.1.4 DISTS_pytorch==0.1 torchvision; unzip each of the three into site/
    PYTHONPATH=. python tools/make_metric_references.py --basicsr=basicsr-1.4.2 --site=site

NIQE: basicsr/metrics/niqe.py of BasicSR 1.4.2, run unchanged. Stand-ins replace only its registry, OpenCV (which is not
called), and the module of SciPy's convolve, which SciPy has moved.

LPIPS and DISTS: the authors' packages in PyTorch, on torchvision's networks, with the random weights of
tests/metrics/network_weights.py. torchvision's compiled operations, which these networks do not call, are not loaded.
"""

import argparse
import json
import re
import sys
import types
from importlib import util
from pathlib import Path

import numpy as np
import scipy.ndimage
from PIL import Image
from skimage import data

from srgan_tf.imaging import matlab_resize
from srgan_tf.metrics import niqe

TARGET = Path(__file__).parent.parent / "tests/references/metrics.json"
NIQE_IMAGES = {"astronaut": data.astronaut, "chelsea": data.chelsea, "camera": data.camera}


def load(name: str, path: Path) -> types.ModuleType:
    """Runs one file of a package as the module `name`."""
    spec = util.spec_from_file_location(name, path)
    module = sys.modules[name] = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stand_in(name: str, **attributes) -> None:
    """A module of that name with these attributes."""
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(attributes)


def basicsr_niqe(folder: Path):
    """BasicSR's calculate_niqe(img, crop_border)."""
    stand_in("cv2")
    stand_in("scipy.ndimage.filters", convolve=scipy.ndimage.convolve)
    registry = types.SimpleNamespace(register=lambda: lambda function: function)
    for package in ("basicsr", "basicsr.metrics", "basicsr.utils"):
        stand_in(package)
    stand_in("basicsr.utils.registry", METRIC_REGISTRY=registry)
    load("basicsr.utils.matlab_functions", folder / "basicsr/utils/matlab_functions.py")
    colours = load("basicsr.utils.color_util", folder / "basicsr/utils/color_util.py")
    sys.modules["basicsr.utils"].bgr2ycbcr = colours.bgr2ycbcr
    load("basicsr.metrics.metric_util", folder / "basicsr/metrics/metric_util.py")
    return load("basicsr.metrics.niqe", folder / "basicsr/metrics/niqe.py").calculate_niqe


def niqe_references(folder: Path) -> dict[str, dict[str, float]]:
    """BasicSR's figures by image and crop."""
    calculate = basicsr_niqe(folder)
    found = {}
    for name, image in NIQE_IMAGES.items():
        pixels = image()
        order = {"input_order": "HW"} if pixels.ndim == 2 else {}
        bgr = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])
        found[name] = {str(crop): calculate(bgr, crop, **order) for crop in (0, 4)}
    return found


def perceptual_references(site: Path) -> dict[str, float]:
    """What the authors' packages measure on a photograph and its bicubic reduction, upscaled again."""
    sys.path[:0] = [str(site), str(TARGET.parent.parent)]
    for package in ("torchvision", "torchvision.models"):
        stand_in(package, __path__=[str(site / package.replace(".", "/"))])
    import torch
    from metrics.network_weights import ENDS, dists_weights, lpips_heads, network
    from torchvision.models.alexnet import alexnet
    from torchvision.models.vgg import vgg16

    sys.modules["torchvision.models"].__dict__.update(
        alexnet=lambda pretrained: alexnet(), vgg16=lambda pretrained: vgg16(), squeezenet=None, resnet=None)
    sys.modules["torchvision"].__dict__.update(models=sys.modules["torchvision.models"], transforms=None)
    import lpips
    from DISTS_pytorch.DISTS_pt import DISTS

    image = data.chelsea()[60:141, 100:197]
    blurred = matlab_resize(matlab_resize(image, 1 / 3), output_size=image.shape[:2])
    a, b = (torch.tensor(each / np.float32(255)).permute(2, 0, 1)[None] for each in (blurred, image))
    judges = {f"lpips_{name}": (lpips.LPIPS(net=name, pretrained=False, pnet_rand=True, verbose=False),
                                {**network(name), **lpips_heads(name)}) for name in ENDS}
    judges["dists"] = DISTS(load_weights=False), {**network("vgg"), **dists_weights()}
    found = {}
    for name, (judge, arrays) in judges.items():
        state = judge.state_dict()
        for key, target in state.items():
            ours = [ours for ours in arrays if key == ours or re.search(r"(slice|stage)\d\." + ours[9:] + "$", key)]
            if ours:
                target.copy_(torch.tensor(arrays[ours[0]]))
        with torch.no_grad():
            found[name] = judge(a, b, **({"normalize": True} if "lpips" in name else {})).item()
    return found


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--basicsr", type=Path, required=True, help="unpacked source of basicsr 1.4.2")
    parser.add_argument("--site", type=Path, required=True, help="unpacked wheels of lpips, DISTS_pytorch, torchvision")
    parser.add_argument("images", nargs="*", type=Path, help="further images, only compared with this package")
    arguments = parser.parse_args()
    references = {"niqe": niqe_references(arguments.basicsr), "perceptual": perceptual_references(arguments.site)}
    TARGET.write_text(json.dumps(references, indent=1) + "\n")
    calculate = sys.modules["basicsr.metrics.niqe"].calculate_niqe
    for path in arguments.images:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        theirs, ours = calculate(np.ascontiguousarray(pixels[..., ::-1]), 4), niqe(pixels, crop=4)
        print(f"{path}: {theirs:.6f} by BasicSR, {ours:.6f} here, difference {ours - theirs:+.1e}")


if __name__ == "__main__":
    main()
