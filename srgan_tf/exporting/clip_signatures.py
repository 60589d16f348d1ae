"""A network over time as graph functions: its step, whose state goes in and comes out, and what is made of it."""

from collections.abc import Callable

import keras
import tensorflow as tf

from srgan_tf.exporting.freezing import POLICIES, Network, fold_casts, needed
from srgan_tf.exporting.residuals import subtract_residuals
from srgan_tf.models import ClipGenerator
from srgan_tf.runtimes.base import CLIP_START, CLIP_STEP

Step = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]


def freeze_step(generator: ClipGenerator, precision: str) -> Step:
    """A step as one graph function, which holds the weights as that of `freeze` does.

    Args:
        generator: is left as it is.
        precision: a name in freezing.POLICIES.

    Returns:
        `image` float32 [N,H,W,3] in 0..1 and `state` float32 [N,H,W,C] -> `upscaled` float32 [N,sH,sW,3], not clipped,
        and `state` after it.
    """
    twin = type(generator)(**generator.get_config(), dtype=POLICIES[precision])
    values = [weight.numpy() for weight in generator.variables]
    image, state = (tf.TensorSpec([None, None, None, channels], tf.float32, name)
                    for channels, name in ((3, "image"), (generator.state_channels, "state")))

    @tf.function(input_signature=[image, state], autograph=False)
    def trace(image: tf.Tensor, state: tf.Tensor) -> list[tf.Tensor]:
        with keras.StatelessScope(zip(twin.variables, map(tf.constant, values), strict=True)):
            images, after = twin.step(image, state)
        return [tf.identity(images, "upscaled"), tf.identity(after, "after")]

    graph_def = trace.get_concrete_function().graph.as_graph_def()
    fold_casts(graph_def)
    subtract_residuals(graph_def)
    graph_def = needed(graph_def, "upscaled", "after")

    @tf.function(input_signature=[image, state], autograph=False)
    def step(image: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = tf.graph_util.import_graph_def(graph_def, {"image": image, "state": state},
                                                 ["upscaled:0", "after:0"], name="")
        return dict(zip(("upscaled", "state"), outputs, strict=True))

    return step.get_concrete_function()


def first_frames(generator: ClipGenerator, step: Step) -> Network:
    """The network that takes each image as the first of a scene; it calls `step`, and so holds no weights again."""
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, "images")], autograph=False)
    def network(images: tf.Tensor) -> tf.Tensor:
        return step(images, generator.initial_state(images))["upscaled"]

    return network.get_concrete_function()


def clip_signatures(generator: ClipGenerator, step: Step) -> dict[str, Callable]:
    """Functions for a SavedModel or a .tflite file, of any size, RGB in 0..1.

    `clip_start`: `image` float32 [N,H,W,3], the first frames of N scenes -> `state` float32 [N,H,W,C] before them;
    `clip_step`: `image` and `state` -> `upscaled` and `state`, as `freeze_step` has them.
    """
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, "image")], autograph=False)
    def start(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"state": generator.initial_state(image)}

    return {CLIP_START: start, CLIP_STEP: tf.function(lambda image, state: step(image, state), autograph=False,
                                                      input_signature=step.structured_input_signature[0])}
