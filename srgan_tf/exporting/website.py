"""A site that upscales in the browser: the page, LiteRT.js and a model, as static files for any web server.

    index.html, *.js, style.css     srgan_tf/page
    litert/                         LiteRT.js
    models/NAME.tflite, NAME.json   the model and its card
    models.json                     what the page must know of each model, the first of which it begins with
"""

import contextlib
import dataclasses
import hashlib
import json
from importlib import resources
from pathlib import Path

import numpy as np

from srgan_tf.atomic import replacing
from srgan_tf.config import ExportConfig
from srgan_tf.errors import UserError
from srgan_tf.exporting.tflite import export_tflite
from srgan_tf.hub import shipped_facts
from srgan_tf.hub.litert_js import litert_js
from srgan_tf.models import Generator

INDEX, MODELS, WORKER = "index.html", "models.json", "service-worker.js"
ENDINGS = (".html", ".css", ".js", ".svg")
# Sides of tiles that the page may take, and how many bytes the tensors of one may: of the wasm heap of a phone's tab.
TILES, TENSORS = (256, 192, 128, 96), 100 << 20
ALIVE = 3  # tensors of the largest size that a network has in memory at a time


def export_web(generator: Generator, folder: Path, name: str, config: ExportConfig) -> Path:
    """Writes a site, or adds a model to the one that is there.

    Args:
        generator: what to export; its .tflite has a free size.
        folder: of the site; exists.
        name: of the model.
        config: quantization and the rest.

    Returns:
        The folder. Each file appears whole or not at all, the page's list of models last.

    Raises:
        UserError: the folder holds something else; or as export_tflite.
        OSError: it cannot be written, or LiteRT.js cannot be had.
    """
    former = _models(folder)
    runtime = list(litert_js(config.litert_js, config.offline))  # first, for it may be out of reach
    places = {file.name: file.read_bytes() for file in _page_files()}
    (folder / "models").mkdir(exist_ok=True)
    try:
        model = export_tflite(generator, folder / "models", name, dataclasses.replace(config, dynamic=True))
    except BaseException:
        with contextlib.suppress(OSError):  # it holds other models
            (folder / "models").rmdir()
        raise
    for place, content in runtime:
        _write(folder / "litert" / place, content)
    for place, content in places.items():
        if place != WORKER:
            _write(folder / place, content)
    entry = _entry(model, name, config)
    models = [entry if one["file"] == entry["file"] else one for one in former]
    models += [entry] if entry not in models else []
    _write(folder / MODELS, (json.dumps({"models": models}, indent=2) + "\n").encode())
    _write(folder / WORKER, _service_worker(folder, sorted(places)))
    return folder


def _page_files() -> list[Path]:
    return [file for file in resources.files("srgan_tf.page").iterdir() if file.name.endswith(ENDINGS)]


def _models(folder: Path) -> list[dict]:
    """What the site in a folder offers; nothing where the folder is empty."""
    if (folder / MODELS).is_file():
        try:
            return [{**one, "file": one["file"]} for one in json.loads((folder / MODELS).read_text())["models"]]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{folder / MODELS} is not a list of models that this command wrote: name another --output"
                            ) from error
    if any(folder.iterdir()):
        raise UserError(f"{folder} is neither empty nor a site of this command: name another --output")
    return []


def _entry(model: Path, name: str, config: ExportConfig) -> dict:
    """What the page must know of a model."""
    card = json.loads(model.with_suffix(".json").read_text())
    note = f"{card['source']['architecture']}, {card['source']['parameters']:,} parameters"
    if Path(card["source"]["file"] or "-").with_suffix("").parts == ("pretrained", name):
        note = shipped_facts(name)["purpose"]
    title = name if config.quantize in ("none", "float16") else f"{name}, {config.quantize}"
    return {"title": title, "note": note[0].upper() + note[1:] + ".", "file": f"models/{model.name}",
            "io": "uint8" if card["input"]["dtype"] == "uint8" else "float1", "tile": _tile(model),
            **{key: card[key] for key in ("scale", "receptive_radius", "alignment", "bytes", "sha256")}}


def _tile(model: Path) -> int:
    """The largest side of a tile whose tensors a browser on a phone has room for."""
    from ai_edge_litert.interpreter import Interpreter

    side = 32
    interpreter = Interpreter(str(model), num_threads=1)
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], [1, side, side, 3])
    interpreter.allocate_tensors()
    images = [one for one in interpreter.get_tensor_details() if len(one["shape"]) == 4 and one["shape"][0] == 1]
    largest = max(int(np.prod(one["shape"])) * np.dtype(one["dtype"]).itemsize for one in images)
    return next((tile for tile in TILES if ALIVE * largest * (tile / side) ** 2 <= TENSORS), TILES[-1])


def _service_worker(folder: Path, files: list[str]) -> bytes:
    """With the files that it keeps from the beginning, and a version that changes where anything of the site does."""
    total = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != WORKER:
            total.update(f"{file.relative_to(folder).as_posix()} {file.stat().st_size}".encode() + file.read_bytes())
    kept = json.dumps(["./", *(file for file in files if file not in (WORKER, INDEX)), MODELS])
    text = (resources.files("srgan_tf.page") / WORKER).read_text(encoding="utf-8")
    return text.replace("__VERSION__", total.hexdigest()[:16]).replace('["__FILES__"]', kept).encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
