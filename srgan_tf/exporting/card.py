"""The card of an exported file: a JSON file beside it that says what goes in and out, and what it was made from."""

import hashlib
import json
from pathlib import Path

from srgan_tf.atomic import replacing
from srgan_tf.config import ExportConfig
from srgan_tf.exporting.within_loss import float_products
from srgan_tf.hub import resolve
from srgan_tf.models import ClipGenerator, Generator
from srgan_tf.runtimes.base import CLIP_START, CLIP_STEP

RANGES = {"uint8": ("uint8", [0, 255]), "float255": ("float32", [0, 255]), "float1": ("float32", [0, 1])}
SUFFIXES = {"uint8": "", "float255": "_0_255", "float1": "_0_1"}  # of the names in the signature


def make_card(generator: Generator, content: Path, config: ExportConfig, loss: dict | None) -> dict:
    """What is known of a .tflite file.

    Args:
        generator: that it was made from.
        content: the file.
        config: that it was made with.
        loss: of `measure_loss`, or None where it was not measured.
    """
    dtype, values = RANGES[config.tflite_io]
    over_time = isinstance(generator, ClipGenerator)
    tile, scale = None if over_time else config.tile_shape, generator.scale
    height, width = tile or ("H", "W")
    large = [height * scale, width * scale] if tile else [f"{scale}H", f"{scale}W"]
    suffix = "" if over_time else SUFFIXES[config.tflite_io]
    described = {"dtype": dtype, "range": values, "layout": "NHWC RGB"}
    return {
        "format": "tflite",
        "signature": CLIP_STEP if over_time else "upscale",
        "input": {"name": f"image{suffix}", "shape": [1, height, width, 3], **described},
        "output": {"name": f"upscaled{suffix}", "shape": [1, *large, 3], **described,
                   "clipped": dtype == "uint8" or config.quantize == "int8"},
        **(_state_of(generator) if over_time else {}),
        "scale": scale,
        "receptive_radius": generator.receptive_radius,
        "alignment": generator.alignment,
        "quantization": config.quantize,
        **({"float32_products": float_products(content.read_bytes())} if config.int8_loss else {}),
        "gpu_compatible": config.gpu_compatible or None,
        "bytes": content.stat().st_size,
        "sha256": _digest(content),
        "source": _source(generator, config),
        "measured": loss,
    }


def _state_of(generator: ClipGenerator) -> dict:
    """Of a network over time: what CLIP_STEP takes and gives besides images, and what makes the first."""
    shape = [1, "H", "W", generator.state_channels]
    return {"state": {"name": "state", "shape": shape, "dtype": "float32", "signature_of_the_first": CLIP_START},
            "delay": generator.delay, "warm_up": generator.warm_up}


def write_card(path: Path, card: dict) -> None:
    """Writes the card, all of it or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(card, indent=2) + "\n")


def summary(path: Path) -> str:
    """What the card of the exported file at `path` says, for the end of a line; empty where it has none."""
    file = path.with_suffix(".json")
    if path.suffix != ".tflite" or not file.is_file():
        return ""
    card = json.loads(file.read_text())
    said, given, made = card["measured"], card["input"], card["output"]
    shapes = (f"{given['dtype']} {_shape(given['shape'])} -> {_shape(made['shape'])} in {given['range'][0]}.."
              f"{given['range'][1]}")
    if not said:
        return f"; {shapes}; no photographs to measure its loss on"
    return f"; {shapes}; {said['loss_db']:.3f} dB below the model on {said['count']} photographs"


def _shape(shape: list) -> str:
    return f"[{','.join(map(str, shape))}]"


def _source(generator: Generator, config: ExportConfig) -> dict:
    try:
        file = resolve(config.model).path
        named = {"file": "/".join(file.parts[-2:]), "sha256": _digest(file)}
    except FileNotFoundError:  # from Python, a generator may come from nowhere
        named = {"file": None, "sha256": None}
    return {**named, "architecture": type(generator).__name__,
            "arguments": generator.get_config(), "parameters": generator.count_params()}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
