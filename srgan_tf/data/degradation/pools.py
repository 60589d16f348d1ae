"""RealSR's pools: blur kernels and noise patches taken from real images, each a folder of files."""

from pathlib import Path

import numpy as np

from srgan_tf.data.folders import existing_folder
from srgan_tf.errors import UserError
from srgan_tf.imaging import list_images, read_image

KERNEL_SUFFIXES = (".npy", ".mat", ".png")
_SMALLEST = 1e-3  # share of a kernel's greatest value below which its borders are cut off


def read_kernels(folder: str, scale: int) -> np.ndarray:
    """Reads a folder of kernels: .npy arrays, KernelGAN's .mat files (which needs SciPy) or grey images.

    Each is normalised, and moved so that reading it at every `scale`-th pixel gives LR pixels in their right places
    (its centre of mass comes to that of the first `scale` pixels; KernelGAN's own are there already).

    Args:
        folder: its path.
        scale: HR side over LR side.

    Returns:
        float32 [N,K,K], sum one each, K odd.

    Raises:
        ValueError: no such folder, no kernel in it, or a file that is none.
        OSError: it cannot be read.
    """
    files = existing_folder(f"--kernel_pool={folder}", folder).iterdir()
    paths = sorted(path for path in files if path.suffix.lower() in KERNEL_SUFFIXES)
    if not paths:
        raise UserError(f"--kernel_pool={folder} holds no kernel ({', '.join(KERNEL_SUFFIXES)})")
    kernels = [_centred(_read_kernel(path), scale) for path in paths]
    side = max(kernel.shape[0] for kernel in kernels)
    return np.stack([np.pad(kernel, (side - kernel.shape[0]) // 2) for kernel in kernels])


def _read_kernel(path: Path) -> np.ndarray:
    """float64 [H,W], sum one."""
    if path.suffix.lower() == ".npy":
        try:
            kernel = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise UserError(f"{path}: not an array of numbers: {str(error).splitlines()[0]}") from None
    elif path.suffix.lower() == ".mat":
        kernel = _read_mat(path)
    else:
        kernel = read_image(path).pixels[..., :3].mean(-1)
    kernel = np.squeeze(np.asarray(kernel))
    if kernel.ndim != 2 or kernel.dtype.kind not in "fiu" or not np.isfinite(kernel).all() or kernel.sum() <= 0:
        raise UserError(f"{path}: not a kernel, which is [height, width] of finite numbers with a positive sum")
    return kernel.astype(np.float64) / kernel.sum()


def _read_mat(path: Path) -> np.ndarray:
    try:
        from scipy.io import loadmat
    except ImportError:
        raise UserError(f"{path}: .mat files need SciPy: pip install scipy; or store the kernel as .npy") from None
    try:
        return loadmat(path)["Kernel"]
    except OSError:
        raise
    except Exception as error:  # SciPy has no common type for what can be wrong with a file
        raise UserError(f"{path}: no MATLAB file with a variable Kernel ({type(error).__name__})") from None


def _centred(kernel: np.ndarray, scale: int) -> np.ndarray:
    """Odd and square, its centre of mass (scale - 1) / 2 right of and below its middle; empty borders cut off."""
    rows, columns = (np.arange(side) for side in kernel.shape)
    want = (scale - 1) / 2
    shift = want - kernel.sum(1) @ rows, want - kernel.sum(0) @ columns
    reach = 2 + max(kernel.shape) + scale
    placed = np.zeros((2 * reach + 1,) * 2)
    floors = [int(np.floor(amount)) for amount in shift]
    # A part of a pixel is moved by sharing each value between two places.
    for down in (0, 1):
        for right in (0, 1):
            share = np.prod([part if step else 1 - part
                             for step, part in ((down, shift[0] - floors[0]), (right, shift[1] - floors[1]))])
            top, left = reach + floors[0] + down, reach + floors[1] + right
            placed[top : top + kernel.shape[0], left : left + kernel.shape[1]] += share * kernel
    used = np.argwhere(np.abs(placed) > _SMALLEST * np.abs(placed).max()) - reach
    radius = int(np.abs(used).max())
    cut = placed[reach - radius : reach + radius + 1, reach - radius : reach + radius + 1]
    return (cut / cut.sum()).astype(np.float32)


def read_noise(folder: str) -> np.ndarray:
    """Reads a folder of noise patches, as `prepare --collect_noise` writes it: uint8 [N,P,P,3].

    Raises:
        ValueError: no such folder, no image in it, or images of several sizes.
        OSError: it cannot be read.
    """
    paths = list_images(existing_folder(f"--noise_pool={folder}", folder))
    patches = [read_image(path).pixels[..., :3] for path in paths]
    for path, patch in zip(paths, patches, strict=True):
        if patch.shape != patches[0].shape:
            raise UserError(f"{path}: a noise patch of {patch.shape[1]}x{patch.shape[0]} where {paths[0].name} has "
                            f"{patches[0].shape[1]}x{patches[0].shape[0]}: all patches of a pool must have one size")
    return np.stack(patches)
