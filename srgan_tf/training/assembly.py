"""From a configuration to the networks, optimizers and losses of a run."""

import dataclasses
import math
import sys

import keras

from srgan_tf.config import TrainConfig
from srgan_tf.data.early_checks import find_model
from srgan_tf.data.mixing import parse_mixes
from srgan_tf.errors import UserError
from srgan_tf.hub import load_model
from srgan_tf.losses import ADVERSARIAL, Term, detail_bands, parse_terms, smallest_side
from srgan_tf.models import CLIP_DISCRIMINATORS, CLIP_GENERATORS, DISCRIMINATORS, GENERATORS
from srgan_tf.models.generator import ALL_WEIGHTS
from srgan_tf.models.sizes import require_memory
from srgan_tf.settings import check_arguments, lookup, parse_arguments
from srgan_tf.text import expand, printable
from srgan_tf.training.checkpoints import read_discriminator
from srgan_tf.training.clip_assembly import check_clips
from srgan_tf.training.clip_steps import AdversarialClipStep, ClipStep
from srgan_tf.training.ema import Average, MovingAverage, ScheduleFreeAverage
from srgan_tf.training.fitting import FitStep, FittedNetwork
from srgan_tf.training.muon import ConvolutionalMuon
from srgan_tf.training.penalties import Penalty
from srgan_tf.training.schedule_free import ScheduleFreeAdamW
from srgan_tf.training.steps import AdversarialStep, OptimizedNetwork, PixelStep, variables

TRAINED = {**GENERATORS, **CLIP_GENERATORS}
# What a discriminator sees of images.
VIEWS = {"rgb": lambda images: images, "wavelet": detail_bands}


def build_step(config: TrainConfig) -> PixelStep | FitStep:
    """Builds what a run trains: a PixelStep, an AdversarialStep where --adversarial is given, a FitStep for RAISR.

    Raises:
        ValueError: a name, an argument or a weight file is wrong.
    """
    parse_mixes(config.mix)
    if lookup(TRAINED, config.model, "model").closed_form:
        check_clips(config, ())
        _check_closed_form(config)
        return FitStep(build_generator(config), config.steps)
    terms = parse_terms(config.losses, config.vgg_weights, config.precision)
    over_time = check_clips(config, terms)
    _check_needs(config, terms)
    teacher = build_teacher(config) if config.teacher else None
    generator = OptimizedNetwork(build_generator(config), build_optimizer(config), config.clip_norm)
    if not config.adversarial:
        if config.init_discriminator:
            raise UserError(f"--init_discriminator={config.init_discriminator} needs --adversarial")
        return ClipStep(generator, terms) if over_time else PixelStep(generator, terms, teacher)
    name, weight = parse_weight("adversarial", config.adversarial)
    adversarial = lookup(ADVERSARIAL, name, "adversarial loss")
    architecture = lookup(CLIP_DISCRIMINATORS if over_time else DISCRIMINATORS, config.discriminator, "discriminator")
    discriminator = _build("discriminator", architecture, config.discriminator_args, patch_size=config.patch_size,
                           dtype=config.precision)
    if config.init_discriminator:
        _adopt_discriminator(config, discriminator)
    rate = config.discriminator_learning_rate or config.learning_rate
    optimizer = build_optimizer(dataclasses.replace(config, learning_rate=rate))
    kind = AdversarialClipStep if over_time else AdversarialStep
    return kind(generator, terms, OptimizedNetwork(discriminator, optimizer, config.clip_norm), adversarial, weight,
                _build_penalty(config, discriminator), VIEWS[config.discriminator_input], teacher)


# What speaks of losses, gradients or weights to start from.
OF_GRADIENTS = ("losses", "optimizer", "learning_rate", "schedule", "milestones", "decay", "beta_1", "beta_2",
                "weight_decay", "warmup_steps", "clip_norm", "ema", "adversarial", "teacher", "gradient_penalty",
                "discriminator", "discriminator_args", "discriminator_input", "sharpen_targets", "init_from",
                "init_discriminator", "jit_compile")


def _check_closed_form(config: TrainConfig) -> None:
    """Refuses flags that a step in closed form would not look at."""
    for field in dataclasses.fields(config):
        if field.name in OF_GRADIENTS and (value := getattr(config, field.name)) != field.default:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else value
            raise UserError(f"--{field.name}={text} does nothing for --model={config.model}, whose weights are the "
                            "solution of equations: leave it out")


def _check_needs(config: TrainConfig, terms: tuple[Term, ...]) -> None:
    is_taught = any(term.of_teacher for term in terms)
    if config.teacher and not is_taught:
        raise UserError(f"--teacher={config.teacher} is for terms that compare with it: add one to --losses, as in "
                        "teacher:1")
    if is_taught and not config.teacher and not config.dataset.startswith("records:"):
        raise UserError(f"--losses={config.losses} compares with a teacher: give --teacher=MODEL, or --dataset=records:"
                        "DIR that prepare --teacher wrote")
    if is_taught and not config.teacher and (config.degradation != "bicubic" or config.sharpen_targets):
        raise UserError("a teacher's images in records belong to their LR: --degradation and --sharpen_targets are for "
                        "prepare then, or give train --teacher=MODEL")
    for term in terms:
        if "fake_maps" in term.needs and not config.adversarial:
            raise UserError(f"--losses={term.name} compares what a discriminator sees: it needs --adversarial, as in "
                            "--adversarial=relativistic:0.005")
        if "average" in term.needs and not config.ema:
            raise UserError(f"--losses={term.name} compares with the generator's moving average: it needs --ema, as "
                            "in --ema=0.999; got --ema=0")
        if config.patch_size < smallest_side(term.name):
            raise UserError(f"--losses={term.name} needs crops of at least {smallest_side(term.name)} pixels; got "
                            f"--patch_size={config.patch_size}")


def build_teacher(config: TrainConfig) -> keras.Model:
    """The network of --teacher, whose weights stay as they are."""
    found = find_model("teacher", config.teacher)
    if found.note:
        print(f"--teacher: {printable(found.note)}", file=sys.stderr)
    teacher = load_model(found, config.precision)
    if teacher.scale != config.scale or teacher.image_channels != 3:
        raise UserError(f"--teacher={config.teacher} must upscale RGB images {config.scale} times, as --scale says; "
                        f"it is {describe(teacher)}")
    teacher.trainable = False
    return teacher


def build_generator(config: TrainConfig) -> keras.Model:
    """The generator, with fresh weights or those of --init_from."""
    architecture = lookup(TRAINED, config.model, "model")
    generator = _build("model", architecture, config.model_args, scale=config.scale, dtype=config.precision)
    if generator.image_channels != 3:
        raise UserError(f"--model_args={config.model_args}: training is for RGB images, of 3 image_channels; got "
                        f"{generator.image_channels}")
    sources: dict[str, str] = {}
    for name in config.init_from:
        found = find_model("init_from", name)
        if found.note:
            print(f"--init_from: {printable(found.note)}", file=sys.stderr)
        start = load_model(found)
        if not (taken := generator.adopt(start)):
            raise UserError(f"--init_from={name} holds {describe(start)}; this run's generator is "
                            f"{describe(generator)}")
        if sources and (taken == ALL_WEIGHTS or taken in sources):
            before = sources.get(taken, config.init_from[0])
            raise UserError(f"--init_from={','.join(config.init_from)}: {name} ({taken}) replaces what {before} gave: "
                            "leave one of them out")
        sources[taken] = name
        if taken != ALL_WEIGHTS:
            print(f"--init_from={printable(name)}: {taken}", file=sys.stderr)
    return generator


def _adopt_discriminator(config: TrainConfig, discriminator: keras.Model) -> None:
    """Begins with the discriminator of the run in --init_discriminator."""
    try:
        step = read_discriminator(expand(config.init_discriminator), variables(discriminator))
    except UserError as error:
        raise UserError(f"--init_discriminator={config.init_discriminator} must be the folder of a run with the "
                        f"discriminator {describe(discriminator)}: {error}") from error
    print(f"--init_discriminator={printable(config.init_discriminator)}: as after {step:,} steps", file=sys.stderr)


def _build(flag: str, architecture: type, arguments: str, **given: object) -> keras.Model:
    try:
        parsed = parse_arguments(arguments)
        check_arguments(architecture, parsed, given)
        if parsed:
            require_memory(architecture, given | parsed, copies=4)  # a weight, its gradient and Adam's two averages
        return architecture(**given, **parsed)
    except (TypeError, ValueError) as error:
        raise UserError(f"--{flag}_args={arguments}: {error}") from error


def describe(model: keras.Model) -> str:
    """A model's class and arguments, as in `EDSR(scale=4, features=64)`."""
    arguments = ", ".join(f"{name}={value}" for name, value in model.get_config().items())
    return f"{type(model).__name__}({arguments})"


def _build_penalty(config: TrainConfig, discriminator: keras.Model) -> Penalty | None:
    if not config.gradient_penalty:
        return None
    name, weight = parse_weight("gradient_penalty", config.gradient_penalty)
    return Penalty(name, weight, discriminator, config.seed)


def parse_weight(flag: str, text: str) -> tuple[str, float]:
    """Reads `relativistic:0.005` into the name and the weight, which is 1 unless given."""
    name, _, weight = text.partition(":")
    try:
        factor = float(weight or 1)
    except ValueError:
        factor = math.nan
    if not 0 <= factor < math.inf:
        raise UserError(f"--{flag} must be NAME or NAME:WEIGHT with a weight of at least 0; got {text!r}")
    return name.strip(), factor


def build_average(config: TrainConfig, trained: OptimizedNetwork | FittedNetwork) -> Average:
    """The average of the generator's weights, which is what is validated and kept."""
    if config.schedule == "schedule_free":
        return ScheduleFreeAverage(trained.model, trained.optimizer)
    return MovingAverage(trained.model, 0 if trained.model.closed_form else config.ema)


def build_optimizer(config: TrainConfig) -> keras.optimizers.Optimizer:
    """The papers' Adam, whose epsilon is 1e-8 (Keras' own is 1e-7), or what stands in its place.

    Gradients are scaled under mixed_float16.
    """
    betas = {"beta_1": config.beta_1, "beta_2": config.beta_2}
    if config.schedule == "schedule_free":
        optimizer = ScheduleFreeAdamW(config.learning_rate, **betas, epsilon=1e-8, weight_decay=config.weight_decay,
                                      warmup_steps=config.warmup_steps)
    elif config.optimizer == "muon":
        optimizer = ConvolutionalMuon(
            build_schedule(config), **{f"adam_{name}": value for name, value in betas.items()}, epsilon=1e-8,
            weight_decay=config.weight_decay, adam_weight_decay=config.weight_decay)
    else:
        optimizer = keras.optimizers.Adam(build_schedule(config), **betas, epsilon=1e-8,
                                          weight_decay=config.weight_decay or None)
    return keras.optimizers.LossScaleOptimizer(optimizer) if config.precision == "mixed_float16" else optimizer


def build_schedule(config: TrainConfig) -> keras.optimizers.schedules.LearningRateSchedule | float:
    """The learning rate over the steps."""
    schedules = keras.optimizers.schedules
    rate = config.learning_rate
    if config.schedule == "cosine":
        return schedules.CosineDecay(rate, config.steps)
    if config.schedule == "milestones" and config.milestones:
        rates = [rate * config.decay**passed for passed in range(len(config.milestones) + 1)]
        # Keras holds a rate until the boundary has been passed; step 0 is the first.
        return schedules.PiecewiseConstantDecay([milestone - 1 for milestone in sorted(config.milestones)], rates)
    return rate
