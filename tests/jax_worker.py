"""Runs models and losses under JAX, with TensorFlow blocked from import, for contracts.outputs_under_jax.

    KERAS_BACKEND=jax python jax_worker.py FOLDER

reads FOLDER/*.keras and FOLDER/inputs.npz, and writes FOLDER/outputs.npz.
"""

import sys
from pathlib import Path

sys.modules["tensorflow"] = None  # from here on `import tensorflow` raises ImportError

import keras  # noqa: E402
import numpy as np  # noqa: E402

from srgan_tf.hub import load_model  # noqa: E402
from srgan_tf.losses import ADVERSARIAL, LOSSES, PerceptualLoss, feature_matching, ldl  # noqa: E402


def main(folder: Path) -> None:
    assert keras.backend.backend() == "jax"
    inputs = dict(np.load(folder / "inputs.npz"))
    outputs = {path.stem: load_model(path)(inputs[path.stem]) for path in folder.glob("*.keras")}
    hr, sr, real, fake = (inputs[name] for name in ("hr", "sr", "real", "fake"))
    for name, loss in LOSSES.items():
        outputs[f"loss_{name}"] = loss(hr, sr)
    for name, pair in ADVERSARIAL.items():
        outputs[f"generator_{name}"] = pair.generator_loss(real, fake)
        outputs[f"discriminator_{name}"] = pair.discriminator_loss(real, fake)
    outputs["loss_vgg22"] = PerceptualLoss(("vgg22",), "random")(hr, sr)["vgg22"]
    outputs["loss_ldl"] = ldl(hr, sr, sr[::-1])
    outputs["loss_features"] = feature_matching(hr, sr, [hr], [sr])
    np.savez(folder / "outputs.npz", **{name: np.asarray(value) for name, value in outputs.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
