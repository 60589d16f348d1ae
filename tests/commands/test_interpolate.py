from pathlib import Path

import contracts
import numpy as np
import pytest

from srgan_tf.hub import load_model
from srgan_tf.imaging import read_image, write_image
from srgan_tf.models import EDSR, save_model
from srgan_tf.weights import save_weights


@pytest.fixture
def ends(tmp_path):
    """A .keras file and foreign weights of the same architecture."""
    a, b = (contracts.randomize(EDSR(2, features=4, blocks=1), seed=seed) for seed in (1, 2))
    save_model(a, tmp_path / "a.keras")
    save_weights(b, tmp_path / "b.safetensors")
    return "--model_a=a.keras", "--model_b=b.safetensors"


def test_models_images_and_sheet(command, ends, photo):
    write_image("eye.png", photo[100:164, 90:154].astype(np.uint16) * 257)
    done = command("interpolate", *ends, "--alpha=0,0.5", "--input=eye.png", "--output=between", "--tile=40")
    assert done.status == 0, done
    names = {path.name for path in Path("between").iterdir()}
    assert names == {"alpha_0.keras", "alpha_0.5.keras", "eye_alpha_0.png", "eye_alpha_0.5.png", "eye_pixels_0.png",
                     "eye_pixels_0.5.png", "eye_sheet.png"}
    first, middle = (load_model(f"between/alpha_{alpha}.keras") for alpha in ("0", "0.5"))
    a, b = load_model("a.keras"), load_model("b.safetensors")
    assert all(map(np.array_equal, first.get_weights(), a.get_weights()))
    np.testing.assert_allclose(middle.head.get_weights()[0], (a.head.get_weights()[0] + b.head.get_weights()[0]) / 2)
    network, mixed = (read_image(f"between/eye_{kind}_0.png", keep_depth=True).pixels
                      for kind in ("alpha", "pixels"))
    assert len(np.unique(network)) > 1000  # 16 bits in, 16 bits out
    np.testing.assert_array_equal(network, mixed)  # at the end they are the same
    sheet = read_image("between/eye_sheet.png").pixels
    assert sheet.shape[1] > 5 * 128
    assert sheet.std() > 30


def test_without_images(command, ends):
    assert command("interpolate", *ends).status == 0
    assert len(list(Path("interpolated").glob("*"))) == 3


@pytest.mark.parametrize(("arguments", "said"), [
    (["--alpha=0.5,1.5"], "--alpha must be within 0..1; got 1.5"), (["--alpha="], "--alpha is required"),
    (["--input=missing.png"], "missing.png"), (["--model_b=edsr_x4"], "must have the same architecture and arguments"),
    (["--input=a/twin.png,twin.jpg"], "two images of --input are called twin"),
])
def test_mistakes(refused, ends, arguments, said):
    Path("a").mkdir()
    for twin in ("a/twin.png", "twin.jpg"):
        write_image(twin, np.zeros((2, 3, 3), np.uint8))
    assert said in refused("interpolate", *ends, *arguments)
    assert not Path("interpolated/alpha_0.5.keras").exists()
