"""Runs models and losses under JAX, with TensorFlow blocked from import, for contracts.outputs_under_jax.

    KERAS_BACKEND=jax python jax_worker.py FOLDER

reads FOLDER/*.keras and FOLDER/inputs.npz, and writes FOLDER/outputs.npz. Each network and each loss is compiled as a
whole: run one by one, JAX would compile each operation for each shape.
"""

import sys
from pathlib import Path

sys.modules["tensorflow"] = None  # from here on `import tensorflow` raises ImportError

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

from srgan_tf.hub import load_model  # noqa: E402
from srgan_tf.losses import ADVERSARIAL, LOSSES, PerceptualLoss, feature_matching, ldl  # noqa: E402


def draw_with_numpy() -> None:
    """Initial weights, which the files replace, without JAX's compilation of a generator for each shape."""
    random = np.random.default_rng(0)

    def drawn(key, *bounds, shape=(), dtype="float32", **named):
        assert not (named and bounds)
        low, high = bounds or (named.get("minval", -1), named.get("maxval", 1))
        return random.uniform(low, high, shape).astype(dtype)

    jax.random.uniform = jax.random.normal = jax.random.truncated_normal = drawn


def computed(function, *arguments) -> np.ndarray:
    """What a function gives when it is compiled."""
    return np.asarray(jax.jit(lambda *tensors: function(*tensors))(*arguments))


def main(folder: Path) -> None:
    assert keras.backend.backend() == "jax"
    draw_with_numpy()
    inputs = dict(np.load(folder / "inputs.npz"))
    outputs = {path.stem: computed(load_model(path), inputs[path.stem]) for path in folder.glob("*.keras")}
    hr, sr, real, fake = (inputs[name] for name in ("hr", "sr", "real", "fake"))
    for name, loss in LOSSES.items():
        outputs[f"loss_{name}"] = computed(loss, hr, sr)
    for name, pair in ADVERSARIAL.items():
        outputs[f"generator_{name}"] = computed(pair.generator_loss, real, fake)
        outputs[f"discriminator_{name}"] = computed(pair.discriminator_loss, real, fake)
    perceptual = PerceptualLoss(("vgg22",), "random")
    outputs["loss_vgg22"] = computed(lambda hr, sr: perceptual(hr, sr)["vgg22"], hr, sr)
    outputs["loss_ldl"] = computed(ldl, hr, sr, sr[::-1])
    outputs["loss_features"] = computed(lambda hr, sr: feature_matching(hr, sr, [hr], [sr]), hr, sr)
    np.savez(folder / "outputs.npz", **outputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
