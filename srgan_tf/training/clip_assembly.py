"""What a run of a network over time is made of, besides what every run has (assembly.py)."""

from collections.abc import Sequence
from typing import Any

from srgan_tf.config import TrainConfig
from srgan_tf.data import Store
from srgan_tf.data.clip_pipeline import REDUCTIONS
from srgan_tf.data.clip_source import hr_and_lr
from srgan_tf.data.degradation import Degrade, open_degradation
from srgan_tf.data.records import SETTINGS_FILE, is_of_clips, read_settings
from srgan_tf.errors import UserError
from srgan_tf.losses import Term
from srgan_tf.models import CLIP_GENERATORS
from srgan_tf.models.recurrent import RecurrentGenerator
from srgan_tf.text import expand

KINDS = ("clips:", "motion:")  # of --dataset
CLIP_NEEDS = ("motions", "ping_pong", "neighbours")
DISCRIMINATOR = "spatiotemporal"
# Those that know the flow of three frames, which the discriminator sees moved onto the middle one.
RECURRENT = tuple(name for name, model in CLIP_GENERATORS.items() if issubclass(model, RecurrentGenerator))
# Flags that change images, and the value that leaves them alone.
_OF_IMAGES = {"mix": "", "teacher": "", "gradient_penalty": "", "discriminator_input": "rgb", "sharpen_targets": False}


def check_clips(config: TrainConfig, terms: Sequence[Term]) -> bool:
    """Whether a run is one of a network over time.

    Raises:
        UserError: what is asked does not go together.
    """
    over_time = config.model in CLIP_GENERATORS
    for dataset in _datasets(config):
        if _is_moving(dataset) != over_time:
            kinds = "clips:PATH, motion:SOURCE or records of clips"
            raise UserError(f"--model={config.model} is a network over time, which trains on {kinds}; got {dataset}"
                            if over_time else f"--dataset={dataset} is for a --model over time "
                            f"({', '.join(CLIP_GENERATORS)}); got --model={config.model}")
    if not over_time:
        for term in terms:
            if set(term.needs) & set(CLIP_NEEDS):
                raise UserError(f"--losses={term.name} is for a --model over time ({', '.join(CLIP_GENERATORS)}); got "
                                f"--model={config.model}")
        return False
    for name, without in _OF_IMAGES.items():
        if getattr(config, name) != without:
            raise UserError(f"--{name}={getattr(config, name)} is for images: leave it out with --model={config.model}")
    if config.degradation not in REDUCTIONS:
        raise UserError(f"--degradation of clips must be {' or '.join(REDUCTIONS)}; got {config.degradation}")
    if config.degradation != "bicubic" and (given := [one for one in _datasets(config) if _has_lr(one)]):
        raise UserError(f"--degradation={config.degradation} makes LR, and {given[0]} has its own: leave the flag or "
                        "the second path out")
    for term in terms:
        if "average" in term.needs:
            raise UserError(f"--losses={term.name} is for images: leave it out with --model={config.model}")
        if "neighbours" in term.needs and config.model not in RECURRENT:
            raise UserError(f"--losses={term.name} is for --model={' or '.join(RECURRENT)}; got --model={config.model}")
    if config.adversarial and (config.model not in RECURRENT or config.discriminator != DISCRIMINATOR):
        raise UserError(f"--adversarial trains clips with --model={' or '.join(RECURRENT)} and --discriminator="
                        f"{DISCRIMINATOR}; got --model={config.model} and --discriminator={config.discriminator}")
    return True


def _datasets(config: TrainConfig) -> list[str]:
    return [dataset for dataset in (config.dataset, config.val_dataset) if dataset]


def _settings(dataset: str) -> dict[str, Any]:
    """What records were prepared with; nothing of other datasets, nor where there are none, which opening them says."""
    kind, _, where = dataset.partition(":")
    is_there = kind == "records" and where and (expand(where) / SETTINGS_FILE).is_file()
    return read_settings(expand(where)) if is_there else {}


def _is_moving(dataset: str) -> bool:
    settings = _settings(dataset)
    return is_of_clips(settings) if settings else dataset.startswith(KINDS)


def _has_lr(dataset: str) -> bool:
    kind, _, where = _settings(dataset).get("dataset", dataset).partition(":")
    return kind == "clips" and bool(hr_and_lr(where)[1])


def clip_degradation(config: TrainConfig, store: Store) -> Degrade | None:
    """What makes LR; None where clips have it stored, as MATLAB's bicubic reduction makes it."""
    if store.moving == "clips" and config.degradation == "bicubic":
        return None
    return open_degradation(config.degradation, config.scale)
