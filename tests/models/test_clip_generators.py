"""Networks over time: their contract, warping, and the recurrence that PyTorch runs with the same weights."""

import json
from pathlib import Path

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from models.cases import CLIP_CASES

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import check_formats, export_saved_model, export_tflite
from srgan_tf.exporting.site import site_of_files
from srgan_tf.hub import load_model, resolve
from srgan_tf.inference.clip_tiling import step_tiled
from srgan_tf.models import CLIP_GENERATORS
from srgan_tf.models.flow import FlowNetwork
from srgan_tf.models.warping import warp
from srgan_tf.runtimes import open_runtime
from srgan_tf.runtimes.litert import litert_runtime

REFERENCES = Path(__file__).parents[1] / "references"
COUNTS = [
    ("frvsr", {}, 2_589_093),
    ("frvsr", {"blocks": 16, "skip": "bicubic"}, 3_032_229),
    ("recurrent_span", {}, 1_745_506 + 426_288 + 48 * 48 * 9),
    ("vespcn", {}, (27 * 24 + 24) + 7 * (216 * 24 + 24) + (216 * 16 + 16) + 33_008 + 20_384),
]


@pytest.fixture(autouse=True)
def same_weights():
    """Of each time: by one in six of random ones the flow leads so far out that some of the state does not count."""
    keras.utils.set_random_seed(8)


def test_every_network_has_a_case():
    assert sorted(CLIP_CASES) == sorted(CLIP_GENERATORS)


@pytest.mark.parametrize(("name", "arguments", "expected"), COUNTS)
def test_trainable_parameters(name, arguments, expected):
    assert contracts.count(CLIP_GENERATORS[name], arguments) == expected


@pytest.mark.parametrize("name", CLIP_CASES)
def test_contract(name, tmp_path):
    model, arguments = CLIP_GENERATORS[name], CLIP_CASES[name]
    contracts.check_config(model, arguments)
    contracts.check_initial_weights(model, arguments)
    contracts.check_file(model, arguments, contracts.images(5, 7), tmp_path)
    contracts.check_sizes(model, arguments)


def clip(height, width, count=4, seed=0):
    """Frames of one scene in motion: a smooth pattern that moves by a pixel and a half a frame."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    shifts = 1.5 * np.arange(count)[:, None, None]
    return np.stack([0.5 + 0.4 * np.sin((x + shifts) / (2 + channel) + y / (3 + seed)) for channel in range(3)],
                    axis=-1).astype(np.float32)


def run(step, start, frames):
    """The images of a scene's frames, and the last state."""
    images, state = [], start(frames[:1])
    for number in range(len(frames)):
        image, state = step(frames[number : number + 1], state)
        images.append(np.asarray(image))
    return np.concatenate(images), np.asarray(state)


@pytest.mark.parametrize("name", CLIP_CASES)
def test_what_came_before_counts(name):
    """Each channel of the state, and every weight: the third image has a gradient by each."""
    model, frames = contracts.randomize(CLIP_GENERATORS[name](**CLIP_CASES[name])), clip(8, 11)

    @tf.function
    def gradients(frames):
        with tf.GradientTape(persistent=True) as tape:
            state = model.initial_state(frames[:1])
            for number in range(2):
                _, state = model.step(frames[number : number + 1], state, training=True)
            tape.watch(state)
            images, after = model.step(frames[2:3], state, training=True)
            loss = tf.reduce_sum(images**2)
        return images, after, tape.gradient(loss, [state, *(weight.value for weight in model.trainable_weights)])

    images, after, (by_state, *by_weights) = gradients(frames)
    assert images.shape == (1, 8 * model.scale, 11 * model.scale, 3)
    assert after.shape == (1, 8, 11, model.state_channels)
    assert np.any(by_state, axis=(0, 1, 2)).all()
    assert all(np.any(gradient) for gradient in by_weights)


@pytest.mark.parametrize("name", CLIP_CASES)
def test_mixed_precision(name):
    model, frames = contracts.randomize(CLIP_GENERATORS[name](**CLIP_CASES[name])), clip(8, 8)
    mixed = CLIP_GENERATORS[name](**CLIP_CASES[name], dtype="mixed_bfloat16")
    mixed.set_weights(model.get_weights())
    (expected, state), (found, other) = (run(one.step, one.initial_state, frames) for one in (model, mixed))
    assert found.dtype == state.dtype == other.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


@pytest.mark.parametrize("name", CLIP_CASES)
def test_runtimes_and_exports_hand_on_the_state(name, tmp_path):
    model = contracts.randomize(CLIP_GENERATORS[name](**CLIP_CASES[name]))
    frames = clip(9, 12)
    expected, state = run(model.step, model.initial_state, frames)
    config = ExportConfig(model="-", output="-", saved_model_tile=384)
    exports = [export(model, tmp_path, "clip", config) for export in (export_saved_model, export_tflite)]
    content = (exports[0] / "saved_model.pb").read_bytes()
    assert max(content.count(weight.numpy().tobytes()) for weight in model.weights if weight.ndim == 4) == 1
    for opened in map(open_runtime, (model, *exports)):
        assert (opened.clip.delay, opened.clip.warm_up) == (model.delay, model.warm_up)
        assert (opened.scale, opened.receptive_radius, opened.alignment, opened.parameters) == (
            model.scale, model.receptive_radius, model.alignment, model.count_params())
        images, last = run(opened.clip.step, opened.clip.start, frames)
        tolerance = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(images, expected, rtol=0, atol=tolerance)
        np.testing.assert_allclose(last, state, rtol=0, atol=tolerance)
        np.testing.assert_allclose(opened.run_float(frames[:1]), model(frames[:1]), rtol=0, atol=tolerance)
    with pytest.raises(ValueError, match="--format=onnx holds no network over time"):
        check_formats(model, ExportConfig(model="-", output="-", format=("saved_model", "tflite", "onnx")))
    with pytest.raises(ValueError, match="--quantize=int8 is too coarse"):  # before a SavedModel is written
        check_formats(model, ExportConfig(model="-", output="-", format=("saved_model", "tflite"), quantize="int8"))
    with pytest.raises(ValueError, match="is a network over time, which runs on --runtime=tensorflow"):
        open_runtime(model, runtime="openvino")


def test_a_tflite_over_time_is_of_any_size_and_says_what_it_is(tmp_path):
    model = contracts.randomize(CLIP_GENERATORS["recurrent_span"](**CLIP_CASES["recurrent_span"]))
    path = export_tflite(model, tmp_path, "clip", ExportConfig(model="-", output="-", quantize="dynamic", tile="16"))
    opened, frames = open_runtime(path), clip(9, 12)
    for sized in (frames, frames[:, :, :7], frames[:, 1:]):
        images, _ = run(opened.clip.step, opened.clip.start, sized)
        expected, _ = run(model.step, model.initial_state, sized)
        assert 0 < np.abs(images - expected).max() < 0.1 * np.abs(expected).max()
    card = json.loads(path.with_suffix(".json").read_text())
    assert (card["signature"], card["input"]["shape"], card["output"]["shape"]) == (
        "clip_step", [1, "H", "W", 3], [1, "4H", "4W", 3])
    assert card["state"]["shape"] == [1, "H", "W", model.state_channels]
    signatures = Interpreter(str(path)).get_signature_list()
    assert {name: sorted(sides["inputs"]) for name, sides in signatures.items()} == {
        "clip_start": ["image"], "clip_step": ["image", "state"]}
    with pytest.raises(ValueError, match=r"clip_dynamic\.tflite holds a network over time, and the page"):
        site_of_files(tmp_path, [resolve(str(path))], ExportConfig(output=str(tmp_path), format=("web",)))
    content = path.read_bytes()
    for name, signature in ((b"clip_start", "clip_start"), (b"upscaled", "clip_step")):
        path.write_bytes(content.replace(name, name[::-1]))
        with pytest.raises(ValueError, match=f"a network over time, and has no signature {signature} that takes image"):
            litert_runtime(path)


@pytest.mark.parametrize(("flags", "message"), [
    ({"quantize": "int8"}, "too coarse for the motion that FRVSR follows: give --quantize=dynamic"),
    ({"io": "uint8"}, "takes float32 in 0..1 of any size: leave --io, --android_sample and --gpu_compatible out"),
    ({"gpu_compatible": True}, "leave --io, --android_sample and --gpu_compatible out"),
])
def test_what_a_tflite_over_time_cannot_be(flags, message, tmp_path):
    model = CLIP_GENERATORS["frvsr"](**CLIP_CASES["frvsr"])
    with pytest.raises(ValueError, match=message):
        export_tflite(model, tmp_path, "clip", ExportConfig(model="-", output="-", **flags))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", CLIP_CASES)
def test_tiles_with_the_whole_context_are_the_whole_frame(name):
    """The state is that of the whole frame: what moves into a tile comes from its neighbour."""
    model = contracts.randomize(CLIP_GENERATORS[name](**CLIP_CASES[name]))
    runtime, radius = open_runtime(model), model.receptive_radius
    frames, side = clip(9, 2 * radius + 33, 3), 2 * radius + 16
    states = [runtime.clip.start(frames[:1])[0]] * 2
    for frame in frames:
        (whole, states[0]), (tiled, states[1]) = (
            step_tiled(runtime, frame, state, tile, radius) for state, tile in zip(states, (0, side), strict=True))
        np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5 * np.abs(whole).max())
        np.testing.assert_allclose(states[1], states[0], rtol=0, atol=1e-5 * np.abs(whole).max())


def test_the_flow_network_holds_no_kernel_but_its_own():
    """Interpolation by a dense convolution was two fifths of its time, and half of an export's size."""
    frames = tf.TensorSpec([None, None, None, 3])
    flow = FlowNetwork(4, keras.initializers.GlorotUniform)
    assert tf.function(flow).get_concrete_function(frames, frames).graph.as_graph_def().ByteSize() < 100_000


def test_warp_is_grid_sample():
    """PyTorch's, whose edges are continued; the same by a loop over the pixels."""
    with np.load(REFERENCES / "warp.npz") as arrays:
        images, flow, expected = (arrays[name] for name in ("images", "flow", "warped"))
    np.testing.assert_allclose(warp(images, flow), expected, rtol=0, atol=1e-5)
    height, width = images.shape[1:3]
    for batch, y, x in np.ndindex(*images.shape[:3]):
        right, down = flow[batch, y, x]
        place_y, place_x = np.clip(y + down, 0, height - 1), np.clip(x + right, 0, width - 1)
        share_y, share_x = np.maximum(0, 1 - np.abs(np.arange(height) - place_y)), np.maximum(
            0, 1 - np.abs(np.arange(width) - place_x))
        by_hand = np.einsum("y,x,yxc->c", share_y, share_x, images[batch].astype(float))
        np.testing.assert_allclose(expected[batch, y, x], by_hand, rtol=0, atol=1e-5)
    graph = tf.function(warp, input_signature=[tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None] * 3 + [2])])
    np.testing.assert_allclose(graph(images, flow), expected, rtol=0, atol=1e-5)
    far = np.full_like(flow, 1000)
    np.testing.assert_array_equal(warp(images, far), np.broadcast_to(images[:, -1:, -1:], images.shape))  # no black


@pytest.mark.parametrize("name", ["frvsr_tecogan_pytorch_x2", "frvsr_tecogan_pytorch_x4"])
def test_the_recurrence_is_pytorchs(name):
    """tools/make_clip_references.py ran it, in code of its own, with the weights of the file."""
    model = load_model(REFERENCES / "weights" / f"{name}.pth")
    assert model.skip == ("bicubic" if name.endswith("4") else "bilinear")
    with np.load(REFERENCES / "weights" / f"{name}.npz") as arrays:
        frames, expected = (arrays[key].transpose(0, 2, 3, 1) for key in ("frames", "images"))
    images, _ = run(model.step, model.initial_state, frames)
    flow = model.flow(frames[1:2], frames[:1])
    assert np.abs(flow).max() > 1
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_skip_is_checked():
    with pytest.raises(ValueError, match="unknown skip of FRVSR 'linear'; known: bicubic, bilinear, none"):
        CLIP_GENERATORS["frvsr"](skip="linear")
