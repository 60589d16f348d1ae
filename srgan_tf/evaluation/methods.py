"""The models of an evaluation: what they are called, what they are, and opened no sooner than they are needed."""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable
from functools import cached_property

from srgan_tf.config import EvaluateConfig
from srgan_tf.errors import UserError
from srgan_tf.evaluation.cache import Cache
from srgan_tf.hub import ModelRef, resolve
from srgan_tf.hub.light import faithful_model
from srgan_tf.inference import Upscaler

BICUBIC = "bicubic"
Opening = Callable[[], contextlib.AbstractContextManager]


@dataclasses.dataclass
class Method:
    """A model that is to be measured.

    Attributes:
        name: in tables.
        model: where it is.
        config: of the evaluation.
        opening: a context to open it in.
    """

    name: str
    model: ModelRef
    config: EvaluateConfig
    opening: Opening = contextlib.nullcontext
    parameters: int | None = None

    @cached_property
    def upscaler(self) -> Upscaler:
        """The opened model."""
        with self.opening():
            return Upscaler(self.model, tile=self.config.tile, overlap=self.config.overlap, scale=self.config.scale,
                            threads=self.config.threads, runtime=self.config.runtime, precision=self.config.precision,
                            self_ensemble=self.config.self_ensemble and self.model.kind != BICUBIC,
                            trust_model=self.config.trust_model)

    @property
    def digest(self) -> str:
        """Of the model's files; empty: unknown, and nothing of it is cached."""
        return self.model.digest

    @property
    def settings(self) -> dict[str, object]:
        """All that its upscaling of an image depends on, beside the image."""
        return {"model": self.digest, "scale": self.config.scale, "tile": self.config.tile,
                "overlap": self.config.overlap, "threads": self.config.threads, "runtime": self.config.runtime,
                "precision": self.config.precision,
                "self_ensemble": self.config.self_ensemble and self.model.kind != BICUBIC}

    def check(self, cache: Cache) -> None:
        """Learns scale and parameters from the cache or the model itself, which must upscale by --scale."""
        key = cache.key(facts=self.settings)
        facts = cache.get_values(key) if self.digest else {}
        if not facts:
            facts = {"scale": self.upscaler.scale, "parameters": self.upscaler.runtime.parameters}
            cache.put_values(key, facts)
        if facts["scale"] != self.config.scale:
            raise UserError(f"{self.model} has scale {facts['scale']}, but --scale={self.config.scale}: give "
                            f"--scale={facts['scale']} or another model")
        self.parameters = facts["parameters"]


def find_methods(config: EvaluateConfig, opening: Opening) -> dict[str, Method]:
    """Bicubic interpolation and then every --model, by name.

    Raises:
        ValueError: a model is named twice.
    """
    models = [model for model in config.model or (faithful_model(),) if model != BICUBIC]
    for model, count in Counter(models).items():
        if count > 1:
            raise UserError(f"--model names {model} {count} times: name it once")
    found_models = [resolve(model, config.offline, to_run=True) for model in models]
    names = [_name(model) for model in found_models]
    names = [text if names.count(name) > 1 else name for name, text in zip(names, models, strict=True)]
    ending = "+" if config.self_ensemble else ""
    found = {BICUBIC: Method(BICUBIC, resolve(BICUBIC), config)}
    for name, model in zip(names, found_models, strict=True):
        found[name + ending] = Method(name + ending, model, config, opening)
    return found


def _name(model: ModelRef) -> str:
    """What tables call a model; never the name of another row or cell."""
    return f"{model.name} (model)" if model.name in (BICUBIC, "LR", "HR") else model.name
