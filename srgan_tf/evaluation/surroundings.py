"""What a figure depends on outside this package: libraries, Keras' backend and settings, the processor.

Nothing here imports a framework: an evaluation whose figures are all cached takes a second.
"""

import contextlib
import json
import os
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from srgan_tf.text import expand

LIBRARIES = ("tensorflow", "keras", "numpy", "jax", "jaxlib", "torch", "openvino", "ai-edge-litert", "pillow")
# They choose kernels or the numbers that kernels compute in.
_VARIABLES = ("CUDA_VISIBLE_DEVICES", "DNNL_MAX_CPU_ISA", "JAX_PLATFORMS", "KERAS_BACKEND", "NVIDIA_TF32_OVERRIDE",
              "ONEDNN_DEFAULT_FPMATH_MODE", "ONEDNN_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS")
_PROCESSOR_LINES = ("flags", "Features", "model name", "CPU implementer", "CPU part")


def environment() -> dict[str, Any]:
    """Versions, backend, settings and processor, as JSON can hold them."""
    return {"versions": _versions(), "processor": _processor(), "backend": _backend(),
            "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ}}


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


@cache
def _processor() -> dict[str, Any]:
    """The kind of the processor and of graphics cards, and how many cores there are, which divide sums."""
    found: dict[str, Any] = {"machine": platform.machine(), "name": platform.processor(), "cores": os.cpu_count()}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in _PROCESSOR_LINES:
                found.setdefault(name.strip(), value.strip())
    for card in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        with contextlib.suppress(OSError):
            found.setdefault("cards", []).extend(
                line.partition(":")[2].strip() for line in card.read_text(errors="replace").splitlines()
                if line.startswith("Model:"))
    return found


def _backend() -> dict[str, Any]:
    """Keras' backend and number settings: of Keras where it is imported, else what it will read when it is."""
    keras = sys.modules.get("keras")
    if keras:
        return {"backend": keras.backend.backend(), "floatx": keras.config.floatx()}
    settings: dict[str, Any] = {}
    folder = os.environ.get("KERAS_HOME") or "~/.keras"
    with contextlib.suppress(OSError, ValueError):
        settings = dict(json.loads((expand(folder) / "keras.json").read_text()))
    backend = os.environ.get("KERAS_BACKEND") or settings.get("backend") or "tensorflow"
    return {"backend": backend, "floatx": settings.get("floatx", "float32")}
