"""Training of networks over time: clips, moving windows, and what a step makes of them."""

import shutil
from fractions import Fraction
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from models.cases import CLIP_CASES
from PIL import Image

from srgan_tf.config import TrainConfig
from srgan_tf.data import build_store, open_source
from srgan_tf.data.clip_pipeline import clip_crops
from srgan_tf.data.degradation import open_degradation
from srgan_tf.data.moving_windows import cubic_samples
from srgan_tf.imaging import matlab_resize
from srgan_tf.losses import Neighbours, flow_smoothness, ping_pong, temporal, warp_loss
from srgan_tf.models import CLIP_GENERATORS, GENERATORS, save_model
from srgan_tf.models.spatiotemporal import triplets
from srgan_tf.training import build_step
from srgan_tf.training.clip_steps import LEAD, there_and_back
from srgan_tf.training.ema import MovingAverage
from srgan_tf.training.engine import Engine, blocks

TINY = {"model": "frvsr", "model_args": "features:8,blocks:1,flow_features:4", "patch_size": 32, "batch_size": 2,
        "frames": 3, "losses": "mse:1,warp:1", "degradation": "gaussian", "learning_rate": 3e-3,
        "dataset": "motion:deadleaves"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photo):
    """Two clips as folders of frames: the photograph moves by (2, 3) and by (1, 0) pixels a frame."""
    top = tmp_path_factory.mktemp("clips")
    for name, (down, right) in {"a": (2, 3), "b": (1, 0)}.items():
        (top / name).mkdir()
        for number in range(6):
            part = photo[20 + down * number : 68 + down * number, 30 + right * number : 94 + right * number]
            Image.fromarray(part).save(top / name / f"{number}.png")
    return top


@pytest.fixture(scope="module")
def photos():
    return build_store(open_source("motion:deadleaves:2", 4, "train"), 4, 32)


def clips_of(store, **changes):
    arguments = {"frames": 4, "patch_size": 32, "batch_size": 2, "seed": 0, "first_step": 0, "steps": 3} | changes
    return list(clip_crops(store, **arguments).as_numpy_iterator())


def test_clips_of_a_folder(folder):
    """Frames that follow each other at one place, with MATLAB's reduction of the whole frames."""
    store = build_store(open_source(f"clips:{folder}", 4), 4, 32)
    assert store.frames.tolist() == [6, 6]
    names = {part: [name for name, _ in open_source(f"clips:{folder}", 4, part).images]
             for part in ("train", "validation")}
    assert sorted([*names["train"], *names["validation"]]) == [str(folder / "a"), str(folder / "b")]
    frames = {name: np.stack([np.asarray(Image.open(folder / name / f"{number}.png")) for number in range(6)])
              for name in "ab"}
    for lr, hr in clips_of(store, patch_size=48, steps=8):
        assert lr.shape == (2, 4, 12, 12, 3)
        assert hr.shape == (2, 4, 48, 48, 3)
        for small, large in zip(lr, hr, strict=True):
            assert _is_stretch(large, small, frames)
    with pytest.raises(ValueError, match="no clip has --frames=7 frames; the longest has 6"):
        clips_of(store, frames=7)


def _is_stretch(large, small, frames) -> bool:
    """Whether a clip is part of one of the clips, in one of the symmetries, forwards or backwards."""
    for clip in frames.values():
        reduced = np.stack([matlab_resize(frame, 1 / 4) for frame in clip])
        for symmetry in range(8):
            turned = [_turned(images, symmetry) for images in (large, small)]
            for step in (1, -1):
                for first in range(3):
                    for left in range(0, 64 - 48 + 1, 4):
                        part = clip[first : first + 4, :, left : left + 48]
                        if np.array_equal(turned[0][::step], part):
                            return np.array_equal(turned[1][::step],
                                                  reduced[first : first + 4, :, left // 4 : left // 4 + 12])
    return False


def _turned(images, symmetry):
    images = images[:, :, ::-1] if symmetry % 2 else images
    images = images[:, ::-1] if symmetry // 2 % 2 else images
    return images.transpose(0, 2, 1, 3) if symmetry // 4 else images


def test_gaussian_reduction_is_scipys():
    ndimage = pytest.importorskip("scipy.ndimage")
    hr = np.random.default_rng(0).random((2, 16, 24, 3)).astype(np.float32)
    lr, _ = open_degradation("gaussian", 4)(hr, tf.constant([0, 0], tf.int64))
    blurred = ndimage.gaussian_filter(hr, (0, 1.5, 1.5, 0), mode="mirror", radius=(0, 4, 4, 0))
    assert np.abs(lr - np.floor(blurred[:, ::4, ::4] * 255 + 0.5) / 255).max() <= 1.01 / 255
    assert np.mean(lr != np.floor(blurred[:, ::4, ::4] * 255 + 0.5) / 255) < 0.01


def test_windows_move_over_photographs(photos):
    degrade = open_degradation("gaussian", 4)
    first, second, third = clips_of(photos, degrade=degrade)
    (resumed,) = clips_of(photos, degrade=degrade, first_step=2)
    for one, other in zip(third, resumed, strict=True):
        np.testing.assert_array_equal(one, other)  # a run resumes with what it would have seen
    assert not np.array_equal(first[1], second[1])
    hr = first[1].astype(float)
    differences = np.abs(np.diff(hr, axis=1)).mean(axis=(2, 3, 4))
    assert (differences > 0).all()  # each frame moves
    assert differences.max() < 0.7 * np.abs(hr[0] - hr[1]).mean()  # and not far


def test_cubic_samples():
    """A cubic's own values between pixels of a quadratic; pixels themselves; edges that continue."""
    y, x = np.mgrid[:9, :11].astype(np.float32)
    image = np.stack([y**2 / 81, x * y / 100, 1 - x / 11], axis=-1).astype(np.float32)
    places = np.random.default_rng(0).uniform(2, 6, (2, 5, 5)).astype(np.float32)
    found = cubic_samples(tf.constant(image), tf.constant(places[0]), tf.constant(places[1]))
    expected = np.stack([places[0] ** 2 / 81, places[0] * places[1] / 100, 1 - places[1] / 11], axis=-1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    far = cubic_samples(tf.constant(image), tf.constant([[-50.0]]), tf.constant([[99.0]]))
    np.testing.assert_allclose(far[0, 0], image[0, -1], atol=1e-6)


@pytest.mark.parametrize("name", CLIP_CASES)
def test_unrolling_is_stepping(name):
    keras.utils.set_random_seed(0)
    model = CLIP_GENERATORS[name](**CLIP_CASES[name])
    frames = np.random.default_rng(0).random((2, 4, 8, 8, 3)).astype(np.float32)
    images, motions = model.unroll(tf.constant(frames))
    state, stepped = model.initial_state(frames[:, 0]), []
    for number in range(4):
        image, state = model.step(frames[:, number], state)
        stepped.append(image)
    first = 2 * model.delay  # the first image of a sliding network that has both neighbours comes two steps later
    np.testing.assert_allclose(images, np.stack(stepped[first:], axis=1), atol=1e-5)
    for moved, target, flow in motions:
        assert moved.shape == target.shape
        assert flow.shape == (*moved.shape[:3], 2)
    squares = [np.mean((np.asarray(moved) - target) ** 2) for moved, target, _ in motions]
    np.testing.assert_allclose(warp_loss(None, None, motions), np.mean(squares), rtol=1e-5)
    total = 0
    for *_, flow in motions:
        flow = np.asarray(flow, float)
        down, across = flow[:, 1:, :-1] - flow[:, :-1, :-1], flow[:, :-1, 1:] - flow[:, :-1, :-1]
        total += np.sqrt(0.01 + (down**2 + across**2).sum(-1)).mean() / len(motions)
    np.testing.assert_allclose(flow_smoothness(None, None, motions), total, rtol=1e-5)


def play(photos, steps, **changes):
    keras.utils.set_random_seed(0)
    config = TrainConfig(**TINY | changes | {"steps": steps})
    step = build_step(config)
    engine = Engine(step, MovingAverage(step.generator.model, 0))
    rows = np.concatenate([engine(lr, hr).numpy() for lr, hr in blocks(config, photos, 0)])
    return step, dict(zip(engine.names, rows.T, strict=True))


@pytest.mark.parametrize("changes", [
    {}, {"model": "vespcn", "model_args": "features:8,layers:3", "degradation": "bicubic",
         "losses": "mse:1,warp:0.01,flow:0.001"}], ids=["frvsr", "vespcn"])
def test_losses_fall(photos, changes):
    _, values = play(photos, 20, **changes)
    assert all(np.isfinite(row).all() for row in values.values())
    assert values["loss"][-5:].mean() < 0.7 * values["loss"][:5].mean()


def test_tecogans_discriminator_rests_while_it_is_far_ahead():
    """That both networks take a step together is shown by the recipe (test_recipes.py)."""
    keras.utils.set_random_seed(0)
    step = build_step(TrainConfig(**TINY | {"adversarial": "vanilla:0.01", "discriminator": "spatiotemporal",
                                            "discriminator_args": "features:4"}))
    model = step.discriminator.model
    before = model.get_weights()
    gradients = [tf.ones_like(weight) for weight in model.trainable_variables]

    class Tape:
        def gradient(self, loss, weights):
            return gradients

    for lead, moves in ((LEAD + 0.1, False), (LEAD - 0.1, True)):
        norm = step._update(Tape(), None, tf.constant(lead))
        assert bool(norm > 0) == moves
        assert any(not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)) == moves


def test_there_and_back():
    frames = np.arange(8.0).reshape(1, 4, 1, 1, 2)
    there = there_and_back(tf.constant(frames))
    assert there[0, :, 0, 0, 0].numpy().tolist() == [0, 2, 4, 6, 4, 2, 0]
    assert float(ping_pong(None, None, (there[:, :3], tf.reverse(there[:, 4:], [1])))) == 0


def test_temporal_loss():
    """Of one pixel, by hand; 0 where the error moves along with what is seen."""
    images, moved, references, moved_references = (np.full((1, 1, 1, 3), value) for value in (0.6, 0.3, 0.5, 0.4))
    expected = np.exp(-50 * 3 * 0.1**2) * abs((0.6 - 0.5) - (0.3 - 0.4))
    found = temporal(None, None, Neighbours(images, moved, references, moved_references))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    alike = Neighbours(references + 0.1, moved_references + 0.1, references, moved_references)
    assert temporal(None, None, alike) < 1e-9


def test_temporal_loss_sees_images_moved(photos):
    """It falls by itself."""
    _, values = play(photos, 12, losses="temporal:1", dataset="motion:deadleaves")
    assert values["loss"][-3:].mean() < 0.9 * values["loss"][:3].mean()


def test_triplets():
    """By hand: three frames, moved by whole pixels, without their borders, and their LR."""
    random = np.random.default_rng(0)
    clips, frames = random.random((1, 4, 32, 32, 3)).astype("float32"), random.random((1, 4, 8, 8, 3)).astype("float32")
    back, forth = (np.broadcast_to(np.array(vector, "float32"), (1, 32, 32, 2)) for vector in ((2, 0), (0, -3)))
    seen = np.asarray(triplets(tf.constant(clips), tf.constant(frames), back, forth, 4))[0]
    assert seen.shape == (32, 32, 27)
    np.testing.assert_array_equal(seen[..., :9], np.concatenate(list(clips[0, :3]), axis=-1))
    inner = slice(4, 28)
    np.testing.assert_allclose(seen[inner, inner, 9:12], clips[0, 0, 4:28, 6:30], atol=1e-6)
    np.testing.assert_allclose(seen[inner, inner, 15:18], clips[0, 2, 1:25, 4:28], atol=1e-6)
    assert not seen[:4, :, 9:18].any()
    assert not seen[:, 28:, 9:18].any()
    np.testing.assert_allclose(seen[8:24, 8:24, 18:21], matlab_resize(frames[0, 0], 4)[8:24, 8:24], atol=1e-5)


def test_lr_that_is_given(folder, tmp_path):
    """`clips:HR,LR` takes the frames of both, matched by name."""
    for number in range(12):
        clip, frame = divmod(number, 6)
        path = tmp_path / "ab"[clip] / f"{frame}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((12, 16, 3), 20 * number, np.uint8)).save(path)
    source = open_source(f"clips:{folder},{tmp_path}", 4)
    assert [len(source.files[name]) for name, _ in source.images] == [12, 12]
    pairs = {name[-1]: load() for name, load in source.images}
    for number, (name, pair) in enumerate(sorted(pairs.items())):
        assert (pair.frames, pair.lr.shape, pair.hr.shape) == (6, (72, 16, 3), (288, 64, 3))
        np.testing.assert_array_equal(pair.lr[::12, 0, 0], 20 * np.arange(6 * number, 6 * number + 6))
        np.testing.assert_array_equal(pair.hr[48:96], np.asarray(Image.open(folder / name / "1.png")))
    (tmp_path / "b" / "5.png").unlink()
    with pytest.raises(ValueError, match="as many frames; HR has 6, LR 5"):
        dict(open_source(f"clips:{folder},{tmp_path}", 4).images)[str(folder / "b")]()
    (tmp_path / "a").rename(tmp_path / "c")
    with pytest.raises(ValueError, match="a: no clip of that name in"):
        open_source(f"clips:{folder},{tmp_path}", 4)
    with pytest.raises(ValueError, match="4 times as large as LR; LR is 64x48, HR is 64x48"):
        open_source(f"clips:{folder},{folder}", 4).images[0][1]()


def test_dots_in_the_names_of_folders_are_no_endings(folder, tmp_path):
    for side in ("hr", "lr"):
        for shot, name in (("shot.001", "a"), ("shot.002", "b")):
            shutil.copytree(folder / name, tmp_path / side / shot)
    source = open_source(f"clips:{tmp_path}/hr,{tmp_path}/lr", 4)
    for name, _ in source.images:
        assert {path.parent.name for path in source.files[name]} == {Path(name).name}


def test_videos_of_hr_and_lr_are_divided_at_the_same_frame(tmp_path):
    """Containers round timestamps differently: here to thousandths of a second, and not."""
    av = pytest.importorskip("av", reason="PyAV is not installed: pip install '.[video]'")
    for name, side in {"hr/a.mkv": 32, "lr/a.avi": 16}.items():
        (tmp_path / name).parent.mkdir()
        with av.open(str(tmp_path / name), "w") as file:
            track = file.add_stream("ffv1", rate=Fraction(24000, 1001))
            track.width, track.height, track.pix_fmt = side, side, "bgr0"
            for number in range(195):
                frame = np.full((side, side, 3), number, np.uint8)
                file.mux(track.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
            file.mux(track.encode())
    stretches = [load() for _, load in open_source(f"clips:{tmp_path}/hr,{tmp_path}/lr", 2).images]
    assert [stretch.frames for stretch in stretches] == [65, 65, 65]
    for side, pixels in ((32, "hr"), (16, "lr")):
        seen = np.concatenate([getattr(stretch, pixels)[::side, 0, 0] for stretch in stretches])
        np.testing.assert_array_equal(seen, np.arange(195))
    (tmp_path / "lr/a.avi").write_bytes(b"no video")
    (_, damaged), = open_source(f"clips:{tmp_path}/hr,{tmp_path}/lr", 2).images
    with pytest.raises(ValueError, match=r"lr/a\.avi"):
        damaged()


def test_a_network_over_time_begins_as_a_still_one(tmp_path, capsys):
    """recurrent_span with the weights of a span and the flow of an frvsr: its first image is the still network's."""
    networks = {"still.keras": GENERATORS["span"](features=4, blocks=1, input_range=4, folded=True),
                "moving.keras": CLIP_GENERATORS["frvsr"](features=4, blocks=1, flow_features=2)}
    for name, network in networks.items():
        save_model(network, tmp_path / name)
    config = {**TINY, "model": "recurrent_span", "model_args": "features:4,blocks:1,flow_features:2"}
    made = build_step(TrainConfig(**config, init_from=tuple(str(tmp_path / name) for name in networks))).generator.model
    frames = np.random.default_rng(0).random((1, 8, 8, 3), "float32")
    said = [line.rpartition(": ")[2] for line in capsys.readouterr().err.splitlines()]
    assert said == ["the network for each frame", "the flow network alone"]
    expected = networks["still.keras"](frames)
    image, state = made.step(frames, made.initial_state(frames))
    np.testing.assert_allclose(image, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(made.step(frames, state)[0], expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(made.flow(frames, frames[:, ::-1]),
                                  networks["moving.keras"].flow(frames, frames[:, ::-1]))
    with pytest.raises(ValueError, match=r"moving.keras \(the flow network alone\) replaces what .*moving.keras gave"):
        build_step(TrainConfig(**config, init_from=(str(tmp_path / "moving.keras"),) * 2))
    with pytest.raises(ValueError, match=r"holds SPAN\(.*this run's generator is RecurrentSPAN\(.*features=5"):
        build_step(TrainConfig(**config | {"model_args": "features:5,blocks:1"},
                               init_from=(str(tmp_path / "still.keras"),)))


@pytest.mark.parametrize(("changes", "message"), [
    ({"dataset": "samples"}, "--model=frvsr is a network over time, which trains on clips:PATH, motion:SOURCE or"),
    ({"model": "edsr", "model_args": ""}, "is for a --model over time"),
    ({"model": "edsr", "model_args": "", "dataset": "samples", "losses": "warp:1"}, "--losses=warp is for a --model"),
    ({"degradation": "real_esrgan"}, "--degradation of clips must be bicubic or gaussian"),
    ({"mix": "rgb:0.5"}, "--mix=rgb:0.5 is for images"),
    ({"adversarial": "vanilla:1"}, "--discriminator=spatiotemporal; got --model=frvsr and --discriminator=vgg128"),
    ({"losses": "ldl:1"}, "--losses=ldl is for images"),
    ({"model": "vespcn", "model_args": "", "losses": "temporal:1"},
     "--losses=temporal is for --model=frvsr or recurrent_span; got --model=vespcn"),
    ({"dataset": "clips:hr,lr"}, "--degradation=gaussian makes LR, and clips:hr,lr has its own"),
    ({"model": "recurrent_span", "model_args": "flow_features:0"}, "flow_features must be an integer of at least 1"),
])
def test_what_does_not_go_together(changes, message):
    with pytest.raises(ValueError, match=message):
        build_step(TrainConfig(**TINY | changes))
