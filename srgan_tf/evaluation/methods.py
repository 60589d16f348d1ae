"""The models of an evaluation: what they are called, what they are, and opened no sooner than they are needed."""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from srgan_tf.config import DEFAULT_MODEL, RUN_MODELS, EvaluateConfig
from srgan_tf.evaluation.cache import Cache, digest_of
from srgan_tf.inference import Upscaler
from srgan_tf.inference.runtimes import find_saved_model
from srgan_tf.pretrained import shipped_models

BICUBIC = "bicubic"
Opening = Callable[[], contextlib.AbstractContextManager]


@dataclasses.dataclass
class Method:
    """A model that is to be measured.

    Attributes:
        name: in tables.
        model: as the user named it.
        digest: of its files; empty: unknown, and nothing of it is kept.
        config: of the evaluation.
        opening: a context to open it in.
    """

    name: str
    model: str
    digest: str
    config: EvaluateConfig
    opening: Opening = contextlib.nullcontext
    parameters: int | None = None

    @cached_property
    def upscaler(self) -> Upscaler:
        """The opened model."""
        with self.opening():
            return Upscaler(self.model, tile=self.config.tile, overlap=self.config.overlap, scale=self.config.scale,
                            threads=self.config.threads, runtime=self.config.runtime, precision=self.config.precision,
                            self_ensemble=self.config.self_ensemble and self.model != BICUBIC,
                            trust_model=self.config.trust_model)

    @property
    def settings(self) -> dict[str, object]:
        """All that its enlargement of a picture depends on, beside the picture."""
        return {"model": self.digest, "scale": self.config.scale, "tile": self.config.tile,
                "overlap": self.config.overlap, "threads": self.config.threads, "runtime": self.config.runtime,
                "precision": self.config.precision,
                "self_ensemble": self.config.self_ensemble and self.model != BICUBIC}

    def check(self, cache: Cache) -> None:
        """Learns scale and parameters from the cache or the model itself, which must enlarge by --scale."""
        key = cache.key(facts=self.settings)
        facts = cache.get_values(key) if self.digest else {}
        if not facts:
            facts = {"scale": self.upscaler.scale, "parameters": self.upscaler.runtime.parameters}
            cache.put_values(key, facts)
        if facts["scale"] != self.config.scale:
            raise ValueError(f"{self.model} enlarges {facts['scale']} times; --scale={self.config.scale}")
        self.parameters = facts["parameters"]


def find_methods(config: EvaluateConfig, opening: Opening) -> dict[str, Method]:
    """Bicubic interpolation and then every --model, by name.

    Raises:
        ValueError: a model is named twice.
    """
    models = [model for model in config.model or (DEFAULT_MODEL,) if model != BICUBIC]
    for model, count in Counter(models).items():
        if count > 1:
            raise ValueError(f"--model names {model} {count} times")
    names = [_name(Path(model)) for model in models]
    names = [model if names.count(name) > 1 else name for name, model in zip(names, models, strict=True)]
    ending = "+" if config.self_ensemble else ""
    found = {BICUBIC: Method(BICUBIC, BICUBIC, BICUBIC, config)}
    for name, model in zip(names, models, strict=True):
        found[name + ending] = Method(name + ending, model, _digest(model), config, opening)
    return found


def _name(model: Path) -> str:
    """What tables call a model: its file's name, or its run's; never the name of another row or cell."""
    name = model.absolute().parent.name if model.name in RUN_MODELS else model.absolute().name
    return f"{name} (model)" if name in (BICUBIC, "LR", "HR") else name


def _digest(model: str) -> str:
    """Of the files that a model is; empty where there are none: opening it will say so."""
    path = Path(model).expanduser()
    shipped = shipped_models() | shipped_models(".tflite")
    candidates = [path, *(path / name for name in RUN_MODELS), shipped.get(model, path)]
    file = next((file for file in candidates if file.is_file()), None)
    if file:
        return digest_of(file.suffix.encode(), file.read_bytes())
    saved = find_saved_model(path)
    files = sorted(file for file in saved.rglob("*") if file.is_file()) if saved else []
    return digest_of(*(part for file in files for part in (str(file.relative_to(saved)).encode(), file.read_bytes()))
                     ) if files else ""
