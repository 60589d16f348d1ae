"""A site that upscales in the browser: the page, LiteRT.js and models, as static files for any web server.

    index.html, *.js, style.css     srgan_tf/page
    litert/                         LiteRT.js
    models/NAME.tflite, NAME.json   a model and its card
    models.json                     what the page must know of each model, the first of which it begins with

Needs no TensorFlow: models come as .tflite files.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from pathlib import Path

import numpy as np

from srgan_tf.atomic import replacing
from srgan_tf.config import ExportConfig
from srgan_tf.errors import UserError
from srgan_tf.hub import ModelRef, shipped_facts
from srgan_tf.hub.litert_js import litert_js
from srgan_tf.runtimes.litert import hushed

INDEX, MODELS, WORKER = "index.html", "models.json", "service-worker.js"
ENDINGS = (".html", ".css", ".js", ".svg")
# Sides of tiles that the page may take, and how many bytes the tensors of one may: of the wasm heap of a phone's tab.
TILES, TENSORS = (256, 192, 128, 96), 100 << 20
ALIVE = 3  # tensors of the largest size that a network has in memory at a time
PAGE_KEYS = ("scale", "receptive_radius", "alignment", "bytes", "sha256", "quantization")  # of a card, for the page


def write_site(folder: Path, config: ExportConfig, make: Callable[[Path], Iterable[tuple[Path, str]]]) -> Path:
    """Writes a site, or adds models to the one that is there.

    Args:
        folder: of the site; exists.
        config: where LiteRT.js comes from.
        make: writes .tflite files of free size, with their cards, to the folder that it is given; returns each with
            the name of its model.

    Returns:
        The folder. Each file appears whole or not at all, the page's list of models last.

    Raises:
        UserError: the folder holds something else; or from `make`.
        OSError: it cannot be written, or LiteRT.js cannot be had.
    """
    former = _models(folder)
    runtime = list(litert_js(config.litert_js, config.offline))  # first, for it may be out of reach
    places = {file.name: file.read_bytes() for file in _page_files()}
    (folder / "models").mkdir(exist_ok=True)
    try:
        made = [_entry(file, name) for file, name in make(folder / "models")]
    except BaseException:
        with contextlib.suppress(OSError):  # it holds other models
            (folder / "models").rmdir()
        raise
    for place, content in runtime:
        _write(folder / "litert" / place, content)
    for place, content in places.items():
        if place != WORKER:
            _write(folder / place, content)
    models = {one["file"]: one for one in (*former, *made)}  # one that is made again keeps its place
    _write(folder / MODELS, (json.dumps({"models": list(models.values())}, indent=2) + "\n").encode())
    _write(folder / WORKER, _service_worker(folder, sorted(places)))
    return folder


def site_of_files(folder: Path, models: Sequence[ModelRef], config: ExportConfig) -> Path:
    """Writes a site of .tflite files that `export` made, or adds them to the one that is there; as `write_site`.

    Raises:
        UserError: also where one of them has a fixed size, or no card beside it, or where --quantize is given.
    """
    if config.quantize != "none":
        raise UserError(f"{models[0]} is a .tflite file, which a site takes as it is: leave --quantize out, or give "
                        "its network")
    cards = [_read_card(model.path) for model in models]

    def copy(target: Path) -> list[tuple[Path, str]]:
        made = []
        for model, card in zip(models, cards, strict=True):
            file = target / model.path.name
            _write(file, model.path.read_bytes())
            _write(file.with_suffix(".json"), json.dumps(card, indent=2).encode() + b"\n")
            made.append((file, Path(card["source"]["file"] or model.name).stem))
        return made

    return write_site(folder, config, copy)


def _read_card(model: Path) -> dict:
    try:
        card = json.loads(model.with_suffix(".json").read_text())
        fits = card["input"]["shape"] == [1, "H", "W", 3] and card["input"]["range"] in ([0, 1], [0, 255])
        fits = fits and (card["input"]["dtype"], card["input"]["range"]) != ("float32", [0, 255])
        absent = set(PAGE_KEYS) - set(card) | {"architecture", "parameters", "file"} - set(card["source"])
        if absent or card["sha256"] != hashlib.sha256(model.read_bytes()).hexdigest():
            raise ValueError("not the card of this file")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{model.with_suffix('.json')}, the card that export writes beside a .tflite file, is missing, "
                        "damaged or of another file: give the network that the file was made from") from error
    if "state" in card:
        raise UserError(f"{model} holds a network over time, and the page upscales images")
    if not fits:
        raise UserError(f"{model} takes {card['input']['dtype']} {card['input']['shape']}; the page needs a free size, "
                        "and uint8 or 0..1: export it with --dynamic, or give its network")
    return card


def _page_files() -> list[Path]:
    return [file for file in resources.files("srgan_tf.page").iterdir() if file.name.endswith(ENDINGS)]


def _models(folder: Path) -> list[dict]:
    """What the site in a folder offers; nothing where the folder is empty."""
    if (folder / MODELS).is_file():
        try:
            return [_completed(folder, one) for one in json.loads((folder / MODELS).read_text())["models"]]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{folder / MODELS} is not a list of models that this command wrote: name another --output"
                            ) from error
    if any(folder.iterdir()):
        raise UserError(f"{folder} is neither empty nor a site of this command: name another --output")
    return []


def _completed(folder: Path, entry: dict) -> dict:
    """An entry of a site's list of models; keys that earlier versions did not write come from the model's card."""
    card = {}
    with contextlib.suppress(OSError, ValueError):
        card = json.loads((folder / entry["file"]).with_suffix(".json").read_text())
    return {**{key: card[key] for key in PAGE_KEYS if key in card}, **entry}


def _entry(file: Path, name: str) -> dict:
    """What the page must know of the model in a .tflite file.

    Args:
        file: with its card.
        name: of the network that it was made from.
    """
    card = json.loads(file.with_suffix(".json").read_text())
    note = f"{card['source']['architecture']}, {card['source']['parameters']:,} parameters"
    if Path(card["source"]["file"] or "-").with_suffix("").parts == ("pretrained", name):
        note = shipped_facts(name)["purpose"]
    title = name if card["quantization"] in ("none", "float16") else f"{name}, {card['quantization']}"
    return {"title": title, "note": note[0].upper() + note[1:] + ".", "file": f"models/{file.name}",
            "io": "uint8" if card["input"]["dtype"] == "uint8" else "float1", "tile": _tile(file),
            **{key: card[key] for key in PAGE_KEYS}}


def _tile(model: Path) -> int:
    """The largest side of a tile whose tensors a browser on a phone has room for."""
    from ai_edge_litert.interpreter import Interpreter

    side = 32
    with hushed():
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
