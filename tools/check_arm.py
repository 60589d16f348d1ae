"""Runs .tflite files on 64-bit Arm, emulated by QEMU, and here, and compares: the table of docs/android.md.

    python tools/check_arm.py [FILE.tflite...] [--models=mobile_x4,...] [--root=DIRECTORY] [--cpu=cortex-a53,cortex-a76]

Without files: those that ship, and exports of --models in every quantization. The Arm side is Debian's
Python with NumPy and LiteRT's own aarch64 wheel, in a folder that is made once (410 MB, half a minute). It needs
Debian's packages qemu-user-static and debootstrap, and root, because debootstrap does. Nothing there is installed: the
programs are emulated one by one, so that the kernel of this machine need know nothing of Arm.

cortex-a53 is Armv8.0, as in the slowest 64-bit phones; cortex-a76 also has dot products of integers and half-precision
arithmetic, for which LiteRT has other kernels.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from skimage import data

SUITE, MIRROR = "bookworm", "http://deb.debian.org/debian"
ARM_PYTHON = (3, 11)  # of that suite
PLATFORMS = ("manylinux_2_27_aarch64", "manylinux_2_28_aarch64", "manylinux2014_aarch64")
# Parts and features of processors, as /proc/cpuinfo of Arm's Linux has them: QEMU 7.2 shows that of this machine, in
# which LiteRT finds no processor, and crashes.
BASE = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
CPUS = {"cortex-a53": ("0xd03", BASE),
        "cortex-a76": ("0xd0b", f"{BASE} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp")}
SIDE = 48  # of the tile, in LR pixels
WORKER = """
import platform, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from ai_edge_litert.interpreter import Interpreter
image = np.load(sys.argv[3])
interpreter = Interpreter(sys.argv[2], num_threads=1)
(source,) = interpreter.get_input_details()
if tuple(source["shape"]) != image.shape:
    interpreter.resize_tensor_input(source["index"], image.shape)
interpreter.allocate_tensors()
interpreter.set_tensor(source["index"], image)
interpreter.invoke()
np.save(sys.argv[4], interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
print(platform.machine())
"""


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--models", default="mobile_x4")
    parser.add_argument("--root", type=Path, default=Path(tempfile.gettempdir()) / "srgan_tf_arm64")
    parser.add_argument("--cpu", default=",".join(CPUS), help=f"of {', '.join(CPUS)}")
    arguments = parser.parse_args()
    qemu = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if not qemu:
        sys.exit("there is no qemu-aarch64: apt-get install qemu-user-static")
    make_root(arguments.root)
    cpus = arguments.cpu.split(",")
    print(f"| file | {' | '.join(cpus)} | operations |\n|---|{'---:|' * len(cpus)}---|")
    with tempfile.TemporaryDirectory() as name:
        chosen = given(arguments.files) if arguments.files else files(arguments.models.split(","), Path(name))
        for label, file in chosen:
            differences = compare(file, Path(name), qemu, arguments.root, cpus)
            print(f"| {label} | {' | '.join(differences)} | {operations(file)} |", flush=True)
    emulator = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    print(f"\nai-edge-litert {version('ai-edge-litert')} on both sides, {platform.machine()} here; {emulator}")


def make_root(root: Path) -> None:
    """Unpacks Debian's Python for arm64 and the wheels into a folder, unless it is there."""
    if (root / "made").is_file():
        return
    if not shutil.which("debootstrap"):
        sys.exit("there is no debootstrap: apt-get install debootstrap")
    print(f"making {root} ...", file=sys.stderr, flush=True)
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["debootstrap", "--arch=arm64", "--foreign", "--variant=minbase",
                    "--include=python3,libstdc++6", SUITE, str(root), MIRROR], check=True,
                   stdout=subprocess.DEVNULL)
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):  # in place of the second stage
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True)
    wanted = [f"{name}=={version(name)}" for name in ("ai-edge-litert", "numpy")]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                    f"--python-version={'.'.join(map(str, ARM_PYTHON))}", *(f"--platform={one}" for one in PLATFORMS),
                    "-d", str(root / "wheels"), *wanted], check=True)
    for wheel in (root / "wheels").iterdir():
        zipfile.ZipFile(wheel).extractall(root / "site")
    (root / "made").touch()


def given(names: list[Path]) -> Iterator[tuple[str, Path]]:
    """Files, each with its name in the table."""
    for file in names:
        yield f"`{file.name}`", file


def files(models: list[str], folder: Path) -> Iterator[tuple[str, Path]]:
    """The files that ship, and exports of models, each with its name in the table."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from srgan_tf.config import QUANTIZATIONS, ExportConfig
    from srgan_tf.exporting import export_tflite
    from srgan_tf.hub import load_generator, shipped_files

    yield from given([file for file in shipped_files().values() if file.suffix == ".tflite"])
    for model in models:
        generator = load_generator(model)
        for quantize in QUANTIZATIONS:
            config = ExportConfig(model=model, output=str(folder), quantize=quantize, tile=str(SIDE),
                                  gpu_compatible=quantize == "float16")
            file = export_tflite(generator, folder, model, config)
            flags = f"--quantize={quantize}{' --gpu_compatible' if config.gpu_compatible else ''}"
            yield f"{model}, `{flags}`", file


def compare(file: Path, folder: Path, qemu: str, root: Path, cpus: list[str]) -> list[str]:
    """For each processor, the largest difference from this machine in grey levels, and how many numbers differ."""
    image = photograph()
    dtype, peak = input_of(file)
    np.save(folder / "image.npy", image if dtype == "uint8" else (image / 255 * peak).astype(dtype))
    (folder / "worker.py").write_text(WORKER)
    here = run([sys.executable], "", file, folder)
    made = []
    for cpu in cpus:
        show_processor(root, cpu)
        there = run([qemu, "-cpu", cpu, "-L", str(root), str(root / "usr/bin/python{}.{}".format(*ARM_PYTHON))],
                    str(root / "site"), file, folder)
        assert there.shape == here.shape, (there.shape, here.shape)
        levels = abs(there.astype("float64") - here) * (1 if here.dtype == "uint8" else 255 / peak)
        made.append(f"{levels.max():.0f} on {(levels > 0).mean():.3%}" if here.dtype == "uint8"
                    else f"{levels.max():.1g}")
    return made


def show_processor(root: Path, cpu: str) -> None:
    """Writes the files in which LiteRT looks for the kind of processor."""
    part, features = CPUS[cpu]
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/cpuinfo").write_text(
        f"processor\t: 0\nFeatures\t: {features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
        f"CPU variant\t: 0x1\nCPU part\t: {part}\nCPU revision\t: 1\n\n")


def run(python: list[str], site: str, file: Path, folder: Path) -> np.ndarray:
    """What a Python makes of the image."""
    output = folder / "made.npy"
    output.unlink(missing_ok=True)
    environment = {"PATH": os.environ["PATH"]} if site else dict(os.environ)
    paths = [folder / "worker.py", site or folder, file, folder / "image.npy", output]
    done = subprocess.run([*python, *map(str, paths)], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{file} fails: {' '.join(python)}: {done.stderr[-2000:]}")
    wanted = "aarch64" if site else platform.machine()
    assert done.stdout.split()[-1] == wanted, done.stdout
    return np.load(output)


def photograph() -> np.ndarray:
    """A part of a photograph, uint8 [1,SIDE,SIDE,3], from scikit-image's wheel."""
    return data.astronaut()[100 : 100 + 4 * SIDE : 4, 200 : 200 + 4 * SIDE : 4][None].copy()


def input_of(file: Path) -> tuple[str, float]:
    """The type of the input, and the value that stands for white."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    (source,) = interpreter.get_input_details()
    names = [name for one in interpreter.get_signature_list().values() for name in one["inputs"]]
    return source["dtype"].__name__, 255.0 if names[0].endswith("_0_255") else 1.0


def operations(file: Path) -> str:
    """The kinds of operations and how many there are of each, as the file has them."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(file), experimental_op_resolver_type=plain)
    kinds = Counter(operation["op_name"] for operation in interpreter._get_ops_details())
    return ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))


if __name__ == "__main__":
    main()
