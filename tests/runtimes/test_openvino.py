"""OpenVINO beside TensorFlow on the same weights, from a .keras file and from a SavedModel."""

import functools
import os
import signal
from collections.abc import Callable

import numpy as np
import pytest
from inference.lifelike import lifelike

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import export_saved_model
from srgan_tf.inference import Upscaler
from srgan_tf.models import GENERATORS, save_model
from srgan_tf.runtimes import Runtime, open_runtime


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openvino")
    generator = lifelike("edsr", scale=2)
    save_model(generator, folder / "small.keras")
    for precision in ("float32", "bfloat16"):
        (folder / precision).mkdir()
        export_saved_model(generator, folder / precision, "", ExportConfig(
            model="-", output="-", precision=precision))
    return folder


@pytest.fixture(scope="module")
def opened(exports) -> Callable[..., Runtime]:
    """Opens what is in the folder, once: most of the time goes into that."""
    return functools.cache(lambda name, runtime="tensorflow", precision="": open_runtime(
        exports / name, runtime=runtime, precision=precision, threads=1))


@pytest.mark.parametrize("name", ["small.keras", "float32"])
def test_it_gives_the_same_image(opened, name, photo):
    image = photo[30:61, 40:87]
    expected = Upscaler(opened("small.keras"), tile=40)(image)
    for precision, levels in (("float32", 1), ("bfloat16", 12)):
        upscaler = Upscaler(opened(name, "openvino", precision), tile=40)
        upscaled = upscaler(image)
        again = upscaler(image[::-1])
        assert np.abs(upscaled.astype(int) - expected).max() <= levels
        assert (again != upscaled).any()  # and what was returned before is not written to


def test_self_ensemble_is_of_unrounded_images(opened, photo):
    image = photo[30:41, 40:57]
    models = opened("small.keras"), opened("small.keras", "openvino", "float32")
    expected, found = (Upscaler(model, self_ensemble=True)(image).astype(int) for model in models)
    assert np.abs(found - expected).max() <= 1


def test_what_it_cannot_take_is_refused(exports):
    with pytest.raises(ValueError, match="OpenVINO runs exports in float32 only"):
        Upscaler(exports / "bfloat16", runtime="openvino")
    with pytest.raises(ValueError, match="runs in LiteRT, with the numbers of its export"):
        Upscaler("mobile_x4_int8", runtime="openvino")
    with pytest.raises(ValueError, match="export it with --precision=bfloat16"):
        Upscaler(exports / "float32", precision="bfloat16")


def test_keras_computes_in_what_is_asked_for(opened, photo):
    image = photo[30:61, 40:87]
    full, half = (Upscaler(opened("small.keras", precision=precision))(image).astype(int)
                  for precision in ("", "bfloat16"))
    assert 0 < np.abs(full - half).max() <= 12


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_signals_arrive_after_models_have_gone():
    """OpenVINO changes the stack that signals are handled on. In a child, which a wrong one would kill."""
    network = GENERATORS["srcnn"](features=4)
    first, second = (Upscaler(network, runtime="openvino") for _ in range(2))
    del first
    del second
    if not (child := os.fork()):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
