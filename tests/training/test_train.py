"""The command, whole: what it leaves, that it resumes exactly, what it refuses, and every recipe for a step."""

import gc
import json
import os
import re
import resource
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from srgan_tf.config import TrainConfig
from srgan_tf.hub import load_model
from srgan_tf.training.checkpoints import Checkpoints
from srgan_tf.training.loop import Run
from srgan_tf.training.run_folder import open_run_folder

SMALL = ["--model=edsr", "--model_args=features:8,blocks:1", "--dataset=deadleaves:3", "--patch_size=32",
         "--batch_size=2", "--val_images=1", "--log_every=2", "--run_dir=run", "--learning_rate=1e-3"]


def weights(path) -> list[np.ndarray]:
    return load_model(path).get_weights()


def test_a_run_leaves_what_it_promises(command, tmp_path):
    done = command("train", *SMALL, "--steps=6", "--checkpoint_every=3", "--validate_every=3", "--profile=1")
    assert done.status == 0, done.err
    assert "best so far" in done.out + done.err
    assert re.search(r"6 steps, the last 6 in .*; best PSNR-Y .* \(bicubic .*\) at step [36]", done.out + done.err)
    run = tmp_path / "run"
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [record for record in records if "loss" in record]
    assert [record["step"] for record in losses] == [2, 4, 6]
    for record in losses:
        assert set(record) == {"step", "loss", "loss/l1", "learning_rate", "gradient_norm", "images_per_second",
                               "input_wait"}
        assert 0 <= record["input_wait"] <= 1
    validations = {record["step"]: record["validation/psnr_y"] for record in records if "validation/psnr_y" in record}
    assert list(validations) == [3, 6]
    assert list(run.glob("tensorboard/plugins/profile/*/*.xplane.pb"))
    assert Image.open(run / "validation.png").size == (3 * 192, 192)
    assert _tags(run / "tensorboard") >= {"loss", "loss/l1", "images_per_second", "validation", "validation/psnr_y"}
    for name in ("best.keras", "last.keras"):
        assert load_model(run / name).get_config()["features"] == 8
    assert "--steps=6\n" in (run / "config.flags").read_text()


def _tags(folder) -> set[str]:
    events = [tf.compat.v1.Event.FromString(record.numpy())
              for path in folder.glob("events.*") for record in tf.data.TFRecordDataset(str(path))]
    return {value.tag for event in events for value in event.summary.value}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where `four_steps` keeps its run for the next test."""
    return tmp_path_factory.mktemp("kept") / "run"


@pytest.fixture
def four_steps(command, tmp_path, kept):
    """A folder `run`, of a run that has taken four steps and kept a checkpoint of each."""
    if kept.exists():
        shutil.copytree(kept, tmp_path / "run")
    else:
        done = command("train", *SMALL, "--steps=4", "--checkpoint_every=1", "--keep_checkpoints=4")
        assert done.status == 0, done.err
        shutil.copytree(tmp_path / "run", kept)
    return tmp_path / "run"


def assert_equal_weights(one, other):
    for left, right in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_run_of_more_steps_ends_with_the_same_weights(command, tmp_path):
    assert command("train", *SMALL, "--steps=8", "--checkpoint_every=4", "--run_dir=whole").status == 0
    assert command("train", *SMALL, "--steps=4", "--checkpoint_every=4").status == 0
    assert "resumed at step 4" in command("train", *SMALL, "--steps=8", "--checkpoint_every=4").out
    assert_equal_weights(tmp_path / "whole/last.keras", tmp_path / "run/last.keras")


@pytest.mark.parametrize("flags", [
    ["--degradation=first_order", "--sharpen_targets", "--adversarial=hinge:0.01", "--discriminator_args=features:8"],
    ["--precision=mixed_bfloat16"],
], ids=["adversarial, degraded and sharpened", "bfloat16"])
def test_a_killed_run_ends_with_the_same_weights(command, tmp_path, flags):
    """The folder is left as if the run had been killed after its first checkpoint."""
    flags, folder = [*SMALL, *flags, "--steps=8", "--checkpoint_every=4"], tmp_path / "run"
    keras.utils.clear_session()
    assert command("train", *flags).status == 0
    shutil.copytree(folder, tmp_path / "whole")
    for path in (*folder.glob("*.keras"), *folder.glob("checkpoints/ckpt-8.*")):
        path.unlink()
    # As in a process of its own: names that are counted on order the sums of a graph, which shows in bfloat16.
    keras.utils.clear_session()
    done = command("train", *flags)
    assert "resumed at step 4" in done.out, done
    assert_equal_weights(tmp_path / "whole/last.keras", tmp_path / "run/last.keras")


def test_a_finished_run_makes_its_last_generator_again(command, tmp_path, four_steps):
    (four_steps / "last.keras").rename(tmp_path / "before.keras")
    assert "the run is complete" in command("train", *SMALL, "--steps=4").out
    assert_equal_weights(tmp_path / "before.keras", four_steps / "last.keras")


def test_a_validation_image_too_small_to_measure_is_skipped(command, tmp_path):
    (tmp_path / "tiny").mkdir()
    for side in (16, 100):
        Image.new("RGB", (side, side)).save(tmp_path / "tiny" / f"{side}.png")
    done = command("train", *SMALL, "--steps=1", "--val_dataset=folder:tiny")
    assert done.status == 0, done.err
    assert "16x16 is smaller than a crop of 19" in done.out
    assert re.search(r"^training on deadleaves: \d+ images, .*\nvalidation on .*tiny: 1 image, ", done.out, re.M)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_before_it_stops(command, tmp_path, monkeypatch, number):
    validate = Run._validate

    def interrupted(run):
        signal.raise_signal(number)
        validate(run)

    monkeypatch.setattr(Run, "_validate", interrupted)
    done = command("train", *SMALL, "--steps=9", "--checkpoint_every=5", "--validate_every=3")
    assert done.status == 130
    assert "stopped at step 4; a checkpoint was saved" in done.out + done.err
    assert (tmp_path / "run/checkpoints/ckpt-4.index").exists()
    if number == signal.SIGTERM:  # what was saved is the same
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
        assert "resumed at step 4" in command("train", *SMALL, "--steps=5").out


def test_a_damaged_checkpoint_falls_back(command, refused, four_steps):
    folder = four_steps / "checkpoints"
    _damage(folder / "ckpt-4.data-00000-of-00001")
    done = command("train", *SMALL, "--steps=6", "--checkpoint_every=2")
    assert done.status == 0
    assert "checkpoint ckpt-4 cannot be read" in done.out
    assert "resumed at step 3" in done.out
    _damage(folder / "ckpt-6.data-00000-of-00001")
    done = command("train", *SMALL, "--steps=5", "--checkpoint_every=1", "--keep_checkpoints=2")
    assert "resumed at step 4" in done.out
    done = command("train", *SMALL, "--steps=6", "--checkpoint_every=6", "--keep_checkpoints=2")
    assert "resumed at step 5" in done.out
    assert sorted(path.name for path in folder.glob("*.index")) == ["ckpt-5.index", "ckpt-6.index"]
    for path in folder.glob("ckpt-*.data*"):
        _damage(path)
    assert "none of the checkpoints in run/checkpoints can be read" in refused("train", *SMALL, "--steps=8")


@pytest.mark.parametrize("content", [None, "", 'model_checkpoint_path: "ck', 'last_preserved_timestamp: 4e9'])
def test_checkpoints_are_found_without_tensorflows_list_of_them(content, tmp_path):
    """It is lost, empty, half written, or of a clock that was ahead; older checkpoints go all the same."""
    before = Checkpoints(tmp_path, {"weights": [tf.Variable(1.0)]}, 4)
    for step in range(1, 5):
        before.step.assign(step)
        before.save()
    state = tmp_path / "checkpoint"
    if content is None:
        state.unlink()
    else:
        lines = [line for line in state.read_text().splitlines() if content and "timestamp" not in line]
        state.write_text("\n".join([*lines, content]) if "timestamp" in content else content)
    after = Checkpoints(tmp_path, {"weights": [tf.Variable(0.0)]}, 2)
    assert (after.restore(), int(after.step.numpy())) == ([], 4)
    after.step.assign(5)
    after.save()
    assert sorted(path.name for path in tmp_path.glob("*.index")) == ["ckpt-4.index", "ckpt-5.index"]
    assert len(list(tmp_path.glob("*.data-*"))) == 2
    assert tf.train.latest_checkpoint(tmp_path).endswith("ckpt-5")


def test_a_run_resumes_without_tensorflows_list_of_its_checkpoints(command, four_steps):
    folder = four_steps / "checkpoints"
    (folder / "checkpoint").unlink()
    done = command("train", *SMALL, "--steps=5", "--checkpoint_every=1", "--keep_checkpoints=2")
    assert "resumed at step 4" in done.out
    assert sorted(path.name for path in folder.glob("*.index")) == ["ckpt-4.index", "ckpt-5.index"]
    assert tf.train.latest_checkpoint(folder).endswith("ckpt-5")


def test_a_checkpoint_of_an_earlier_version(tmp_path, caplog):
    """It holds TensorFlow's counter besides."""
    old = Checkpoints(tmp_path, {}, 3)
    old.step.assign(7)
    tf.train.CheckpointManager(old._checkpoint, str(tmp_path), 3).save(checkpoint_number=7)
    new = Checkpoints(tmp_path, {}, 3)
    assert new.restore() == []
    assert int(new.step.numpy()) == 7
    del new
    gc.collect()
    assert "save_counter" not in caplog.text


@pytest.mark.parametrize("share", [0.5, None, 0], ids=["half", "one byte", "empty"])
def test_a_checkpoint_whose_data_are_cut_falls_back(share, tmp_path):
    checkpoints = Checkpoints(tmp_path, {"weights": [tf.Variable(tf.zeros([1000]))]}, 3)
    for step in (1, 2):
        checkpoints.step.assign(step)
        checkpoints.save()
    path = tmp_path / "ckpt-2.data-00000-of-00001"
    os.truncate(path, 1 if share is None else int(path.stat().st_size * share))
    (line,) = checkpoints.restore()
    assert line.startswith("checkpoint ckpt-2 cannot be read (")
    assert int(checkpoints.step.numpy()) == 1


def test_memory_that_is_short_is_no_damage(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, {}, 3)
    checkpoints.save()

    def full(path):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")

    monkeypatch.setattr(checkpoints._checkpoint, "read", full)
    with pytest.raises(MemoryError, match="not enough memory to read the checkpoint of step 0"):
        checkpoints.restore()


def _damage(path):
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 40):
        content[place] ^= 0xFF
    path.write_bytes(content)


def test_a_full_disk_keeps_the_checkpoint_before(command, tmp_path):
    larger = [*SMALL, "--model_args=features:32,blocks:2", "--checkpoint_every=2"]
    command("train", *larger, "--steps=2")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, hard))  # the decoded images fit, a checkpoint does not
    try:
        done = command("train", *larger, "--steps=4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.status == 2
    assert "cannot write the checkpoint of step 4" in done.err.splitlines()[-1]
    files = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert files == ["checkpoint", "ckpt-2.data-00000-of-00001", "ckpt-2.index"]
    assert "the run is complete: 2 steps" in command("train", *larger, "--steps=2").out


def test_flags_that_contradict_the_run(refused, tmp_path, four_steps):
    line = refused("train", *SMALL, "--steps=8", "--losses=mse:1")
    assert "--losses=mse:1 contradicts the run in run, which has --losses=l1:1" in line
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    assert "is not empty and holds no run" in refused("train", *SMALL, "--steps=2", "--run_dir=other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_a_folder_that_the_chief_is_about_to_fill(tmp_path):
    """What a kill left of the flags is no obstacle, and what the chief has written none to its workers."""
    config = TrainConfig(run_dir=str(tmp_path))
    (tmp_path / ".0123.tmp.flags").write_text("--mod")
    with open_run_folder(config, "--model=edsr\n") as folder:
        assert folder == tmp_path
        with pytest.raises(ValueError, match=r"--run_dir=.* is being written to by process \d+ on .*: wait for"):
            open_run_folder(config, "--model=espcn\n").__enter__()
        with open_run_folder(config, "--model=edsr\n", writes=False) as folder:  # other workers of the job
            assert folder == tmp_path
    (tmp_path / "written_by_the_chief").touch()
    with open_run_folder(config, "--model=edsr\n", writes=False):
        pass
    with pytest.raises(ValueError, match="is not empty and holds no run"):
        open_run_folder(config, "--model=edsr\n").__enter__()


@pytest.mark.parametrize(("content", "message"), [
    (b"", "it lacks --dataset"),
    (b"--model=edsr\n\xff\xfe", "it is not UTF-8"),
    (b"\0\0\0\0", r"line 1 is '.x00.*' instead of --name=value"),
    (b"--model=edsr\n--scale=4\n--dataset=samples\n--patch_si", "line 4 is '--patch_si' instead of"),
])
def test_odd_flags_of_a_run_are_named(tmp_path, content, message):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/ckpt-1.index").touch()
    (tmp_path / "config.flags").write_bytes(content)
    with pytest.raises(ValueError, match=rf"config.flags is damaged \({message}.*\), so that .* name a new --run_dir"):
        open_run_folder(TrainConfig(run_dir=str(tmp_path)), "--model=edsr\n").__enter__()
    assert (tmp_path / "config.flags").read_bytes() == content


def test_a_loss_that_is_not_finite_stops_the_run(command, tmp_path):
    """The first step leaves weights near 1e30; what they compute next is infinite, and is not saved."""
    done = command("train", *SMALL, "--steps=8", "--checkpoint_every=1", "--learning_rate=1e30")
    assert done.status == 2
    assert re.search(r"loss(/l1)? is (inf|nan) at step 2; the last checkpoint is intact", done.err.splitlines()[-1])
    assert tf.train.latest_checkpoint(tmp_path / "run" / "checkpoints").endswith("ckpt-1")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--dataset=folder:nowhere"], "folder:nowhere: no such folder"),
    (["--dataset=folder:empty"], "empty: no image in this folder"),
    (["--dataset=folder:broken"], "no usable image in folder:broken"),
    (["--dataset=deadleaves:2", "--patch_size=512"], "256x256 is smaller than a crop of 512"),
    (["--losses=vgg54:1", "--vgg_weights=nowhere.h5"], "nowhere.h5"),
    (["--init_from=nowhere"], "nowhere"),
    (["--run_dir=/proc/nowhere"], "/proc/nowhere"),
    (["--degradation=realsr"], "--degradation=realsr needs --kernel_pool=DIR, --noise_pool=DIR or both"),
    (["--degradation=realsr", "--noise_pool=empty"], "empty: no image in this folder"),
    (["--degradation=realsr", "--kernel_pool=empty"], "--kernel_pool=empty holds no kernel"),
    (["--degradation=real"], "unknown degradation 'real'"),
    (["--stepz=5"], "did you mean --steps?"),
])
def test_bad_input_is_one_line(refused, tmp_path, photo, arguments, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    for number in range(3):
        (tmp_path / "broken" / f"{number}.png").write_text("not an image")
    assert message in refused("train", *SMALL, "--steps=2", *arguments)


def test_keras_alone_reads_what_a_run_leaves(four_steps):
    assert keras.saving.load_model(four_steps / "last.keras").scale == 4
