import os
import subprocess
import sys

import contracts
import h5py
import keras
import numpy as np
import pytest
from keras import ops

from srgan_tf.models import VGG19Features
from srgan_tf.models.vgg import LAYERS


@pytest.fixture(scope="module")
def reference():
    """keras.applications' own VGG19 with random kernels and biases."""
    model = keras.applications.VGG19(include_top=False, weights=None)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = (np.shape(weight) for weight in layer.weights)
            spread = (2 / np.prod(kernel[:3])) ** 0.5
            layer.set_weights([spread * random.normal(size=kernel), random.normal(size=bias)])
    return model


@pytest.fixture(scope="module")
def weights_file(reference, tmp_path_factory):
    """The reference's weights in the format in which ImageNet's are published."""
    path = tmp_path_factory.mktemp("vgg") / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name for layer in reference.layers]
        for layer in reference.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_W_1:0", f"{layer.name}_b_1:0"] if layer.weights else []
            group.attrs["weight_names"] = names
            for name, value in zip(names, layer.get_weights(), strict=True):
                group[name] = value
    return path


def expected_maps(reference, images: np.ndarray, activated: bool) -> dict[str, np.ndarray]:
    x = keras.applications.vgg19.preprocess_input(255 * images.astype("float32"))
    maps = {}
    for layer in reference.layers[1:]:
        if isinstance(layer, keras.layers.Conv2D):
            name = layer.name.replace("block", "conv").replace("_conv", "_")
            maps[name] = ops.conv(x, layer.kernel, padding="same") + layer.bias
            x = layer(x)
            if activated:
                maps[name] = x
        else:
            x = layer(x)
    return maps


@pytest.mark.parametrize("activated", [False, True])
def test_every_layer_equals_keras_applications(reference, weights_file, activated):
    model = VGG19Features(tuple(LAYERS), activated, str(weights_file))
    images = contracts.images(35, 33)
    expected = expected_maps(reference, images, activated)
    outputs = model(images)
    assert len(outputs) == len(expected) == 16
    for name, output in zip(LAYERS, outputs, strict=True):
        value = np.asarray(expected[name])
        assert (value.min() >= 0) == activated
        np.testing.assert_allclose(output, value, atol=1e-4 * np.abs(value).max(), err_msg=name)


def test_layers_come_in_the_order_asked_for():
    model = VGG19Features(("conv2_1", "conv1_1"), weights="random")
    assert [output.shape for output in model(contracts.images(9, 8))] == [(2, 4, 4, 128), (2, 9, 8, 64)]


def test_it_is_no_deeper_than_needed_and_not_trainable():
    model = VGG19Features(("conv1_2", "conv2_1"), weights="random")
    assert [layer.name for layer in model.convolutions] == ["conv1_1", "conv1_2", "conv2_1"]
    assert model.trainable_weights == []
    assert len(model.weights) == 6


def test_it_stays_float32_under_a_mixed_policy():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = VGG19Features(("conv1_2",), weights="random")
    finally:
        keras.config.set_dtype_policy(policy)
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}


def test_it_computes_in_bfloat16_if_asked_to():
    images = contracts.images(16, 16)
    exact, rounded = (VGG19Features(("conv2_1",), weights="random", dtype=dtype)(images)[0]
                      for dtype in ("float32", "mixed_bfloat16"))
    assert rounded.dtype == "bfloat16"
    np.testing.assert_allclose(np.asarray(rounded, np.float32), exact, atol=0.02 * np.abs(exact).max())


def test_random_weights_are_always_the_same():
    first, second = (VGG19Features(("conv1_2",), weights="random") for _ in range(2))
    images = contracts.images(4, 4)
    np.testing.assert_array_equal(first(images)[0], second(images)[0])
    assert np.asarray(first(images)[0]).std() > 1


@pytest.mark.parametrize("layers", [(), "conv5_4", ("conv5_5",), ("conv1_1", "block1_conv1")])
def test_layers_are_checked(layers):
    with pytest.raises(ValueError, match=r"layers must be|unknown VGG19 layer"):
        VGG19Features(layers, weights="random")


def test_images_that_vanish_in_the_pooling_are_refused():
    with pytest.raises(ValueError, match="conv3_1 of VGG19 needs images of at least 4 pixels a side"):
        VGG19Features(("conv3_1",), weights="random")(contracts.images(3, 8))


def assert_helpful(message: str) -> None:
    assert "\n" not in message
    assert "--vgg_weights=FILE" in message
    assert "--vgg_weights=random" in message


@pytest.mark.parametrize(("content", "reason"), [
    (None, "no such file"),
    (b"", "does not hold them"),
    (b"these are no weights\n", "does not hold them"),
])
def test_missing_and_wrong_files(tmp_path, content, reason):
    path = tmp_path / "weights.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        VGG19Features(("conv1_1",), weights=str(path))
    assert str(path) in str(caught.value)
    assert_helpful(str(caught.value))


def test_file_of_another_network(tmp_path):
    path = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save_weights(path)
    with pytest.raises(ValueError, match="does not hold them") as caught:
        VGG19Features(("conv1_1",), weights=str(path))
    assert_helpful(str(caught.value))


def test_download_that_cannot_be_reached(tmp_path):
    # A process of its own: Keras reads its cache's place once, and the proxy that refuses must not reach other tests.
    refusing = "http://127.0.0.1:9"
    code = "from srgan_tf.models import VGG19Features\ntry: VGG19Features()\nexcept ValueError as error: print(error)"
    environment = {
        **os.environ, "KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax", "https_proxy": refusing,
        "HTTPS_PROXY": refusing, "no_proxy": "", "NO_PROXY": "", "PYTHONPATH": os.pathsep.join(sys.path),
        "XLA_FLAGS": contracts.FAST_XLA}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True, timeout=300)
    message = result.stdout.strip().splitlines()[-1]
    assert "could not be downloaded" in message
    assert_helpful(message)
