"""What a runtime is: a model that is ready to run, whatever runs it, called alike."""

import dataclasses
import functools
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.errors import UserError

TRIAL = (8, 8)  # height and width of the image that tells a model's scale
# For exports that do not say theirs: that of every generator of this package that was exported before exports said it
# divides it. Not for those of fixed size: tiles that begin where the image's end does not ask for them are filled up
# there, which costs more exactness than it gains.
EXPORT_ALIGNMENT = 4
CLIP_START, CLIP_STEP = "clip_start", "clip_step"  # signatures of an export of a network over time
LARGEST_INFO = 4096  # bytes of a ModelInfo as text
RANGES = ((0, 1), (0, 255))
# Field of ModelInfo: least and greatest value.
_LIMITS = {"scale": (1, 64), "receptive_radius": (0, 1 << 16), "alignment": (1, 64), "parameters": (0, 1 << 40),
           "state_channels": (1, 1 << 16), "delay": (0, 16), "warm_up": (1, 64),
           "whole_image_bytes": (1, 1 << 30)}
_LARGEST_SIDE = 1 << 16


class TileTooLargeError(UserError):
    """A runtime does not take so large a tile, but may take a smaller one."""


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What a runtime must know of a model and cannot see in its graph; every export holds it as JSON.

    Attributes:
        scale: how many times larger the output is.
        receptive_radius: as in Generator, or None if that is not known.
        alignment: as in Generator.
        fixed_size: the only height and width of the input, or None for any.
        parameters: how many weights the model trained, or None if that is not known.
        input_range, output_range: the numbers of black and white, or None where the format says them.
        state_channels: of the state that a network over time hands on; None: it knows images alone.
        delay, warm_up: as in ClipGenerator.
        whole_image_bytes: as in Generator.
    """

    scale: int
    receptive_radius: int | None = None
    alignment: int = 1
    fixed_size: tuple[int, int] | None = None
    parameters: int | None = None
    input_range: tuple[int, int] | None = None
    output_range: tuple[int, int] | None = None
    state_channels: int | None = None
    delay: int = 0
    warm_up: int = 1
    whole_image_bytes: int | None = None

    def to_json(self) -> str:
        """One line, which `from_json` reads."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "ModelInfo":
        """Reads what `to_json` wrote; fields of later versions are passed over.

        Raises:
            UserError: it is something else, or a value cannot be.
        """
        try:
            found = json.loads(text) if len(text) <= LARGEST_INFO else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or "scale" not in found:
            raise UserError(f"model info must be a JSON object with a scale; got {text[:40]!r}")
        known = {field.name: found[field.name] for field in dataclasses.fields(cls) if field.name in found}
        for name, value in known.items():
            if not _possible(name, value):
                raise UserError(f"model info: {name} cannot be {str(value)[:40]}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in known.items()})


def _possible(name: str, value: Any) -> bool:
    """Whether a field of ModelInfo can have this value of a JSON text."""
    if value is None:
        return name not in ("scale", "alignment", "delay", "warm_up")
    if name in _LIMITS:
        least, most = _LIMITS[name]
        return type(value) is int and least <= value <= most
    if not isinstance(value, list) or [type(number) for number in value] != [int, int]:
        return False
    return tuple(value) in RANGES if name.endswith("_range") else all(1 <= side <= _LARGEST_SIDE for side in value)


def info_of(path: Path, read: Callable[..., ModelInfo | None], *arguments: Any) -> ModelInfo | None:
    """What `read` finds that an export says of itself; its message with the export's name where that cannot be."""
    try:
        return read(*arguments)
    except UserError as error:
        raise UserError(f"{path}: {error}; export it again") from error


def tiling_of(path: Path | str, info: ModelInfo | None, scale: int, fixed_size: tuple[int, int] | None = None
              ) -> dict[str, Any]:
    """The fields of a Runtime that an export says itself, after what it says was held against what it does.

    Args:
        path: of the export, or the URL of its server, for messages.
        info: what it says, or None where it says nothing.
        scale: what the trial call saw.
        fixed_size: what the graph takes.

    Raises:
        UserError: it says something else than it does.
    """
    if info is None:
        return {"alignment": 1 if fixed_size else EXPORT_ALIGNMENT}
    for name, stated, seen in (("scale", info.scale, scale), ("fixed size", info.fixed_size, fixed_size)):
        if stated != seen:
            raise UserError(f"{path} says that its {name} is {stated}, and it is {seen}: export it again")
    if fixed_size and min(fixed_size) < info.alignment:
        raise UserError(f"{path} says that tiles begin at multiples of {info.alignment}, and takes tiles of "
                        f"{fixed_size[0]}x{fixed_size[1]}: export it again")
    return {"receptive_radius": info.receptive_radius, "alignment": info.alignment, "parameters": info.parameters,
            "whole_image_bytes": info.whole_image_bytes}


class ClipRun(NamedTuple):
    """How a network over time runs (models/clip_generator.py says what the state is).

    Attributes:
        start: the first frame of a scene, float32 [1,H,W,3] in 0..1 -> the state before it, float32 [1,H,W,C].
        step: a frame and the state before it -> an image, float32 [1,sH,sW,3], neither rounded nor clipped, and the
            state after it.
        delay, warm_up: as in ClipGenerator.
    """

    start: Callable[[np.ndarray], np.ndarray]
    step: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    delay: int = 0
    warm_up: int = 1


class Runtime(NamedTuple):
    """A model that is ready to upscale.

    Those that this package opens can be shared between threads: see `in_turn`.

    Attributes:
        name: for people.
        scale: how many times larger the output is.
        run: uint8 [1,H,W,3] -> uint8 [1,sH,sW,3].
        fixed_tile: the only height and width that `run` takes, or None for any.
        receptive_radius: LR pixels around a pixel that can influence its upscaling, or None if that is not known.
        alignment: LR pixels at whose multiples tiles must begin, as in Generator.
        run_float: float32 [1,H,W,3] in 0..1 -> float32 [1,sH,sW,3], neither rounded nor clipped (uint8 is taken too);
            None where that cannot be had.
        channelwise: whether each channel is upscaled by itself, and all alike.
        parameters: how many weights the model trained, or None if that is not known.
        clip: how a network over time runs, whose `run` takes each image as the first of a scene; None: it is none.
        whole_image_bytes: as in Generator; None, too, where that is not known.
        side_by_side: how many calls of `run` it works on at once; further ones wait.
    """

    name: str
    scale: int
    run: Callable[[np.ndarray], np.ndarray]
    fixed_tile: tuple[int, int] | None = None
    receptive_radius: int | None = None
    alignment: int = 1
    run_float: Callable[[np.ndarray], np.ndarray] | None = None
    parameters: int | None = None
    channelwise: bool = False
    clip: ClipRun | None = None
    whole_image_bytes: int | None = None
    side_by_side: int = 1


class Options(NamedTuple):
    """How a model is to run; what does not concern a model's kind is passed over, unless it would be a mistake.

    Attributes:
        scale: of bicubic interpolation; the models have their own.
        threads: that a .tflite file or OpenVINO runs with; 0: one for each core.
        runtime: tensorflow or openvino: what runs a .keras file or a SavedModel.
        precision: compute type, float32 or bfloat16, of a .keras file, and of a SavedModel in OpenVINO; empty: float32,
            or what an export was made with.
        trust_model: whether a SavedModel may hold operations that touch files, hosts or Python, and a .tflite file is
            opened without a trial in a process of its own: of models whose maker is known.
        server_timeout: seconds that a server may take for one request.
        server_retries: further attempts where a server is busy or cannot be reached.
        server_requests: how many requests are in flight at each server.
        server_token: what a server is sent as a bearer token; empty: none.
    """

    scale: int = 4
    threads: int = 0
    runtime: str = "tensorflow"
    precision: str = ""
    trust_model: bool = False
    server_timeout: float = 120
    server_retries: int = 5
    server_requests: int = 2
    server_token: str = ""


DEFAULTS = Options()


def in_turn(runtime: Runtime) -> Runtime:
    """The runtime, of whose calls one computes at a time, whatever their threads; the others wait.

    Two calls must not meet in one TensorFlow function, LiteRT interpreter or OpenVINO request. LiteRT and OpenVINO
    raise errors then; TensorFlow 2.21 gives wrong images or crashes (docs/tensorflow_onednn_report.md).
    """
    lock = threading.Lock()

    def locked(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*arrays: np.ndarray) -> Any:
            with lock:
                return function(*arrays)

        return call

    clip = runtime.clip and runtime.clip._replace(start=locked(runtime.clip.start), step=locked(runtime.clip.step))
    return runtime._replace(run=locked(runtime.run), run_float=runtime.run_float and locked(runtime.run_float),
                            clip=clip)


def whole_scale(path: Path | str, taken: Sequence[int], made: Sequence[int]) -> int:
    """How many times larger than an input of height and width `taken` the output of shape `made` is."""
    scale = made[1] // taken[0] if len(made) == 4 else 0
    if scale < 1 or list(made) != [1, scale * taken[0], scale * taken[1], 3]:
        raise UserError(f"{path} does not upscale images: it makes {list(made)} of an input of {[1, *taken, 3]}")
    return scale


def plain_errors(run: Callable) -> Callable:
    """TensorFlow's own kinds of error as the built-in ones that callers know."""
    import tensorflow as tf

    @functools.wraps(run)
    def plain(images: np.ndarray, *state: np.ndarray) -> Any:
        try:
            return run(images, *state)
        except tf.errors.ResourceExhaustedError as error:
            height, width = images.shape[1:3]
            raise MemoryError(f"not enough memory to upscale {width}x{height} pixels at once: "
                              "use a smaller --tile") from error
        except tf.errors.OpError as error:
            raise UserError(one_line(error)) from error

    return plain


def one_line(error: Exception) -> str:
    """The beginning of an error's message, without line breaks."""
    return " ".join(str(error).split())[:200] or type(error).__name__
