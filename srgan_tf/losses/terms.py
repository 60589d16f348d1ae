"""A generator's loss as a sum of named, weighted terms."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.losses.artifacts import ldl
from srgan_tf.losses.feature_matching import feature_matching
from srgan_tf.losses.frequency import focal_frequency
from srgan_tf.losses.grid import PERIOD, grid
from srgan_tf.losses.motion import flow_smoothness, ping_pong, temporal, warp_loss
from srgan_tf.losses.oklab import COLOR_BLOCK, color_loss, luma_loss
from srgan_tf.losses.perceptual import PerceptualLoss, vgg_layer
from srgan_tf.losses.pixel import charbonnier, l1, mse, total_variation
from srgan_tf.losses.structural import WINDOW, ms_ssim_loss
from srgan_tf.losses.wavelets import TAPS, wavelet_loss
from srgan_tf.settings import lookup

# "pixel" is what ESRGAN's authors call their L1.
LOSSES = {"l1": l1, "pixel": l1, "mse": mse, "charbonnier": charbonnier, "tv": total_variation, "msssim": ms_ssim_loss,
          "color": color_loss, "luma": luma_loss, "focal_frequency": focal_frequency, "grid": grid,
          "wavelet": wavelet_loss}
# Losses that look at more than the two images, and the names of what else they are given.
INFORMED = {"features": (feature_matching, ("real_maps", "fake_maps")), "ldl": (ldl, ("average",)),
            "warp": (warp_loss, ("motions",)), "flow": (flow_smoothness, ("motions",)),
            "ping_pong": (ping_pong, ("ping_pong",)), "temporal": (temporal, ("neighbours",))}
TEACHER_PREFIX = "teacher_"
# Pixels a side that an image must have; 1 for those that are not here, and a power of two for VGG's.
SMALLEST_SIDE = {"tv": 2, "ldl": 4, "msssim": WINDOW, "color": COLOR_BLOCK, "grid": PERIOD,
                 "wavelet": TAPS}


class Term(NamedTuple):
    """One part of a loss.

    Attributes:
        name: as written in the specification.
        weight: factor in the sum.
        fn: f(hr, sr, **needs) -> float32 scalar; one that serves several terms returns a dict of them by name.
        needs: what else it must be given: "real_maps" and "fake_maps", the discriminator's; "average", the images of
            the generator's moving average; "motions", what a network over time moved;
            "ping_pong", its images there and back; "neighbours", its images and those before, moved.
        of_teacher: whether a teacher's images take the place of `hr`.
    """

    name: str
    weight: float
    fn: Callable[..., Any]
    needs: tuple[str, ...] = ()
    of_teacher: bool = False


def parse_terms(text: str, vgg_weights: str = "imagenet", precision: str = "float32") -> tuple[Term, ...]:
    """Reads terms written as `NAME[:WEIGHT],...`, such as "l1:0.01,vgg54:1".

    A name is one of LOSSES, of INFORMED, or vggIJ, the J-th convolution of VGG19's block I, as the papers count:
    compared before the activation by absolute differences (ESRGAN), after it with `_relu`, squared with `_mse`;
    SRGAN's is vgg54_relu_mse. `teacher_` before a name of LOSSES or vggIJ compares with a teacher's images instead of
    HR; `teacher` alone is teacher_l1.

    Args:
        text: the terms; an empty one has none. The weight is 1 unless given.
        vgg_weights: for the vgg terms, as in VGG19Features.
        precision: of the training. VGG19 follows mixed_bfloat16, and computes in float32 under the others.

    Raises:
        ValueError: a term cannot be read or is written twice, or the VGG weights cannot be had.
    """
    parsed = [_parse_term(part.strip()) for part in text.split(",")] if text.strip() else []
    names = [name for name, _ in parsed]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"each loss may be given once; got {name!r} {names.count(name)} times in {text!r}")
    seen = list(dict.fromkeys(_compared(name) for name in names if vgg_layer(_compared(name))))
    dtype = precision if precision == "mixed_bfloat16" else "float32"
    perceptual = (PerceptualLoss(seen, vgg_weights, dtype),) if seen else ()
    return tuple(Term(name, weight, *(perceptual if _compared(name) in seen else _loss(_compared(name))),
                      of_teacher=bool(_prefix(name))) for name, weight in parsed)


def total_loss(terms: Sequence[Term], hr: KerasTensor, sr: KerasTensor, **given) -> tuple[Any, dict[str, Any]]:
    """The weighted sum of the terms, and each term's value without its weight.

    A function is called once, also where it serves several terms.

    Args:
        terms: of the sum.
        hr: the references.
        sr: the generator's images.
        **given: at least all that the terms need; "teacher", its images, for those that compare with them.
    """
    results, values, total = {}, {}, ops.zeros((), "float32")
    for term in terms:
        called = term.fn, term.of_teacher
        if called not in results:
            reference = given["teacher"] if term.of_teacher else hr
            results[called] = term.fn(reference, sr, **{name: given[name] for name in term.needs})
        found = results[called]
        values[term.name] = found[_compared(term.name)] if isinstance(found, dict) else found
        total = total + term.weight * values[term.name]
    return total, values


def smallest_side(name: str) -> int:
    """How many pixels a side the images must at least have for a term."""
    layer = vgg_layer(_compared(name))
    # VGG halves the images before each block but the first: conv5_4 sees one pixel of 16.
    return 2 ** (int(layer[len("conv")]) - 1) if layer else SMALLEST_SIDE.get(_compared(name), 1)


def _parse_term(part: str) -> tuple[str, float]:
    name, separator, weight_text = (piece.strip() for piece in part.partition(":"))
    known = LOSSES if _prefix(name) else {**LOSSES, **INFORMED}
    if _compared(name) not in known and vgg_layer(_compared(name)) is None:
        more = ("vgg54", "vgg54_relu_mse", "vggIJ[_relu][_mse]", "teacher", *(TEACHER_PREFIX + one for one in LOSSES))
        lookup({**LOSSES, **INFORMED} | dict.fromkeys(more), name, "loss")
    try:
        weight = float(weight_text) if separator else 1.0
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise UserError(f"weight of loss {name!r} must be a number of at least 0, as in {name}:0.01; got {part!r}")
    return name, weight


def _loss(name: str) -> tuple:
    """The function, and what it needs besides the images."""
    return INFORMED[name] if name in INFORMED else (LOSSES[name],)


def _prefix(name: str) -> str:
    return TEACHER_PREFIX if name == "teacher" or name.startswith(TEACHER_PREFIX) else ""


def _compared(name: str) -> str:
    """The name of the loss itself, without whose images it compares with."""
    return "l1" if name == "teacher" else name.removeprefix(TEACHER_PREFIX)
