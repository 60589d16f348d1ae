"""SPAN's two forms in files: from one to the other, and what a file leaves open."""

from pathlib import Path

import numpy as np
import pytest

from srgan_tf.hub import load_generator, load_model
from srgan_tf.weights import read_checkpoint, save_weights

WEIGHTS = Path(__file__).parents[1] / "references" / "weights"
TRAINED, FOLDED = WEIGHTS / "span_span_x4.pth", WEIGHTS / "span_folded_x3.pth"


@pytest.fixture
def written(tmp_path):
    """A model written with these keys and read again."""
    def write(model, keys=""):
        save_weights(model, tmp_path / "model.safetensors", keys)
        return load_model(tmp_path / "model.safetensors")
    return write


def test_a_trained_network_is_written_folded(written):
    model = load_model(TRAINED)
    folded = written(model, "folded")
    assert folded.get_config() == {**model.get_config(), "folded": True}
    for one, other in zip(folded.get_weights(), model.fold().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_folded_network_is_written_in_the_authors_names_which_other_programs_ask_for(written, tmp_path):
    model = load_model(FOLDED)
    trained = written(model)
    assert not trained.folded
    for one, other in zip(trained.fold().get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-7)
    arrays = read_checkpoint(tmp_path / "model.safetensors").arrays
    expected = read_checkpoint(TRAINED).arrays.keys() | {"no_norm"}
    assert arrays.keys() == expected
    kernel = model.body[0].convolutions[0].get_weights()[0].transpose(3, 2, 0, 1)
    np.testing.assert_allclose(arrays["block_1.c1_r.eval_conv.weight"], kernel, rtol=0, atol=1e-7)


def test_what_upscales_is_folded():
    assert load_generator(TRAINED).folded


def test_range_of_normalized_images_can_be_given():
    given, usual = load_model(TRAINED, input_range=1), load_model(TRAINED)
    assert given.input_range == 1
    assert usual.input_range == 255
