"""Lessons of `prepare --teacher`: crops that cover the images, their LR, the teacher's images, and training on them."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from srgan_tf.config import PrepareConfig, TrainConfig
from srgan_tf.data import build_store, crops, open_source, prepare
from srgan_tf.data.degradation import bicubic_downsample
from srgan_tf.data.preparation import verify
from srgan_tf.errors import UserError
from srgan_tf.inference import Upscaler
from srgan_tf.training import build_step, train


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photo):
    folder = tmp_path_factory.mktemp("images")
    for number, (height, width) in enumerate([(100, 130), (64, 64), (40, 90), (70, 65)]):
        Image.fromarray(photo[number : number + height, :width]).save(folder / f"{number}.png")
    return folder


def config(folder, output, **changes):
    given = {"dataset": f"folder:{folder}", "output": str(output), "teacher": "bicubic", "degradation": "bicubic",
             "crop_size": 64, "shard_images": 2}
    return PrepareConfig(**given | changes)


@pytest.fixture(scope="module")
def taught(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("records") / "taught"
    prepare(config(folder, output))
    return output


def test_crops_cover_the_images_and_lie_in_them(taught):
    """Each HR crop is the image's at the place in its name; an image smaller than a crop gives the squares it holds."""
    covered = {}
    for name, load in open_source(f"records:{taught}", 4).images:
        path, _, place = name.rpartition(" at ")
        left, top = map(int, place.split(","))
        image, hr = np.asarray(Image.open(path)), load().hr
        np.testing.assert_array_equal(hr, image[top : top + hr.shape[0], left : left + hr.shape[1]])
        seen = covered.setdefault(path, np.zeros(image.shape[:2], bool))
        seen[top : top + hr.shape[0], left : left + hr.shape[1]] = True
    assert len(covered) == 4
    for seen in covered.values():
        height, width = (side // 4 * 4 for side in seen.shape)  # as other training cuts HR
        assert seen[:height, :width].all()


def test_lr_is_of_the_crop_in_its_surroundings(taught):
    """Bicubic reduction of the whole image, cut out, within the rounding of bytes."""
    for name, load in open_source(f"records:{taught}", 4).images:
        path, _, place = name.rpartition(" at ")
        left, top = (int(number) for number in place.split(","))
        if left % 4 or top % 4:
            continue  # the whole image's LR has no pixel there
        image = np.asarray(Image.open(path), np.float32)[None] / 255
        image = image[:, : image.shape[1] // 4 * 4, : image.shape[2] // 4 * 4]
        lr = load().lr
        expected = np.clip(bicubic_downsample(tf.constant(image), 4)[0].numpy(), 0, 1) * 255
        inner = expected[top // 4 + 2 : top // 4 + lr.shape[0] - 2, left // 4 + 2 : left // 4 + lr.shape[1] - 2]
        np.testing.assert_allclose(lr[2:-2, 2:-2], inner, atol=1.01)


def test_training_reads_the_teachers_images(taught):
    """hr has six channels: HR, and what the teacher makes of the whole stored LR, cut at the same place and turned."""
    source = open_source(f"records:{taught}", 4, "train")
    store = build_store(source, 4)
    assert store.is_taught
    _, both = next(iter(crops(store, 32, 3, 1, 0, 1, taught=True)))
    _, plain = next(iter(crops(store, 32, 3, 1, 0, 1)))
    np.testing.assert_array_equal(both[..., :3], plain)
    teacher = Upscaler("bicubic")
    made = [teacher(load().lr) for _, load in source.images]
    whole = [np.rot90(image, turns)[::flip] for image in made for turns in range(4) for flip in (1, -1)]
    for image in both[..., 3:].numpy():
        assert any((np.lib.stride_tricks.sliding_window_view(one, (32, 32, 3))[:, :, 0] == image).all((2, 3, 4)).any()
                   for one in whole)


def stored(output, pattern="*"):
    return {path.name: path.read_bytes() for path in (output / "train").glob(pattern)}


def test_the_same_bytes_after_a_stop_and_from_another_place(folder, taught, tmp_path):
    output, moved = tmp_path / "taught", tmp_path / "moved"
    prepare(config(folder, output, degradation="first_order:1,bicubic:1"))
    before = stored(output)
    (output / "train" / "00001.pixels").unlink()
    prepare(config(folder, output, degradation="first_order:1,bicubic:1"))
    assert stored(output) == before
    assert verify(config(folder, output)) == 3
    prepare(config(shutil.copytree(folder, moved), tmp_path / "again", degradation="first_order:1,bicubic:1"))
    images = stored(output, "*.pixels")
    assert stored(tmp_path / "again", "*.pixels") == images != stored(taught, "*.pixels")


@pytest.mark.parametrize(("changes", "said"), [
    ({"teacher": "", "degradation": ""}, "--teacher= contradicts the records in"),
    ({"crop_size": 32}, "--crop_size=32 contradicts the records in"),
    ({"degradation": "real_esrgan"}, "--degradation=real_esrgan contradicts the records in"),
    ({"degradation": "bicubic:0"}, "the share of bicubic must be a positive number; got '0'"),
    ({"teacher": "nothing"}, "nothing"),
])
def test_what_cannot_be_is_said(folder, taught, changes, said):
    with pytest.raises(UserError, match=said):
        prepare(config(folder, taught, **changes))


@pytest.mark.parametrize(("changes", "said"), [
    ({"crop_size": 66}, "--crop_size must be a multiple of --scale=4; got 66"),
    ({"sharpen_targets": True}, "--sharpen_targets is for --preview"),
    ({"teacher": ""}, "--degradation=bicubic is for --teacher and --preview"),
    ({"preview": True}, "--preview shows degradations, without --teacher"),
])
def test_flags_that_contradict_each_other(folder, changes, said):
    with pytest.raises(UserError, match=said):
        config(folder, "out", **changes)


def test_a_run_learns_from_the_stored_images(taught, tmp_path):
    flags = {"model": "espcn", "dataset": f"records:{taught}", "patch_size": 48, "batch_size": 2, "steps": 2,
             "losses": "l1:0.5,teacher:1", "validate_every": 2, "log_every": 1, "val_images": 1}
    train(TrainConfig(**flags, run_dir=str(tmp_path / "run")), "")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    rows = [row for row in rows if "loss/teacher" in row]
    assert len(rows) == 2
    for row in rows:
        assert row["loss/teacher"] > 0
        assert row["loss"] == pytest.approx(0.5 * row["loss/l1"] + row["loss/teacher"], rel=1e-4)


@pytest.mark.parametrize(("changes", "said"), [
    ({"losses": "teacher:1"}, "--losses=teacher:1 compares with a teacher: give --teacher=MODEL, or "),
    ({"losses": "l1:1", "teacher": "edsr_x4"}, "--teacher=edsr_x4 is for terms that compare with it"),
    ({"losses": "teacher:1", "dataset": "records:r", "degradation": "first_order"}, "belong to their LR"),
    ({"losses": "teacher:1", "teacher": "edsr_x4", "scale": 2, "dataset": "samples"}, "must upscale RGB images 2 t"),
])
def test_terms_and_teachers_that_do_not_fit(changes, said):
    with pytest.raises(UserError, match=said):
        build_step(TrainConfig(model="espcn", **changes))


def test_records_without_a_teacher_have_no_lessons(folder, tmp_path):
    prepare(config(folder, tmp_path / "plain", teacher="", degradation=""))
    with pytest.raises(UserError, match="holds no images of a teacher"):
        train(TrainConfig(model="espcn", dataset=f"records:{tmp_path / 'plain'}", patch_size=48, losses="teacher:1",
                          run_dir=str(tmp_path / "run")), "")
