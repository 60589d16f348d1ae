"""Records of clips: what a run draws from them is what it draws from the clips themselves."""

import json

import numpy as np
import pytest
from PIL import Image

from srgan_tf.config import PrepareConfig, TrainConfig
from srgan_tf.data import build_store, open_source, prepare
from srgan_tf.data.clip_pipeline import clip_crops
from srgan_tf.data.early_checks import check_preparation
from srgan_tf.data.inspection import check
from srgan_tf.data.preparation import verify
from srgan_tf.training.clip_assembly import check_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory, photo):
    """Four clips of 5 to 7 frames, HR and LR; one frame of the second is damaged."""
    top = tmp_path_factory.mktemp("clips")
    for side, reduction in (("hr", 1), ("lr", 4)):
        for clip, name in enumerate("abcd"):
            (top / side / name).mkdir(parents=True)
            for number in range(5 + clip % 3):
                frame = photo[10 * clip + number :, 3 * number :][: 40 + 8 * clip, :64]
                Image.fromarray(frame[::reduction, ::reduction]).save(top / side / name / f"{number}.png")
    (top / "hr" / "b" / "2.png").write_bytes(b"no image")
    return top


@pytest.fixture(scope="module", params=["clips:{0}/hr", "clips:{0}/hr,{0}/lr"])
def prepared(request, clips, tmp_path_factory):
    dataset, folder = request.param.format(clips), tmp_path_factory.mktemp("records") / "records"
    prepare(PrepareConfig(dataset=dataset, output=str(folder), shard_images=2))
    return dataset, folder


@pytest.mark.parametrize("part", ["train", "validation", "all"])
def test_samples_are_those_of_the_clips(prepared, part):
    dataset, folder = prepared
    stores = [build_store(open_source(spec, 4, part), 4, 32) for spec in (dataset, f"records:{folder}")]
    assert stores[0].names == stores[1].names
    assert stores[0].frames.tolist() == stores[1].frames.tolist()
    assert sorted(stores[0].skipped) == sorted(stores[1].skipped)
    theirs, ours = ([np.concatenate([part.ravel() for part in batch]) for batch in clip_crops(
        store, 4, 32, 2, seed=0, first_step=0, steps=6).as_numpy_iterator()] for store in stores)
    np.testing.assert_array_equal(ours, theirs)


def test_the_index_has_the_number_of_frames(prepared):
    _, folder = prepared
    parts = [json.loads((folder / part / "index.json").read_text()) for part in ("train", "validation")]
    entries = {entry[0][-1]: entry[2:] for shards in parts for shard in shards for entry in shard["pairs"]}
    assert entries == {"a": [5 * 10, 16, 5], "c": [7 * 14, 16, 7], "d": [5 * 16, 16, 5]}
    assert [name[-1] for shards in parts for shard in shards for name, _ in shard["skipped"]] == ["b"]
    assert verify(PrepareConfig(output=str(folder), verify=True)) == sum(map(len, parts))


@pytest.mark.parametrize(("number", "value"), [(4, 0), (4, 4), (4, True), (2, 51)])
def test_damage_is_one_line(prepared, number, value, tmp_path):
    _, folder = prepared
    name = next(part for part in ("train", "validation") if "hr/a" in (folder / part / "index.json").read_text())
    path = folder / name / "index.json"
    before = path.read_text()
    shards = json.loads(before)
    entry = next(entry for shard in shards for entry in shard["pairs"] if entry[0].endswith("a"))
    entry[number] = value
    path.write_text(json.dumps(shards))
    with pytest.raises(ValueError, match="damaged"):
        open_source(f"records:{folder}", 4)
    path.write_text(before)


def test_frames_in_records_of_images_are_damage(tmp_path):
    prepare(PrepareConfig(dataset="deadleaves:1", output=str(tmp_path)))
    path = tmp_path / "train" / "index.json"
    (shard,) = json.loads(path.read_text())
    assert [len(entry) for entry in shard["pairs"]] == [4]  # as versions without clips read it
    shard["pairs"][0].append(2)
    path.write_text(json.dumps([shard]))
    with pytest.raises(ValueError, match="damaged"):
        open_source(f"records:{tmp_path}", 4)


@pytest.mark.parametrize(("changes", "message"), [
    ({"dataset": "motion:deadleaves:2"}, "no end to store: prepare its photographs, and train on motion:records:"),
    ({"sizes": (1.0, 0.5)}, "--teacher and --sizes are for images"),
    ({"teacher": "mobile_x4"}, "--teacher and --sizes are for images"),
    ({"val_dataset": "samples"}, "must both be of clips"),
    ({"val_dataset": "motion:deadleaves:2"}, "--val_dataset=motion:deadleaves:2 has no end to store"),
])
def test_what_cannot_be_prepared(clips, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        prepare(PrepareConfig(**{"dataset": f"clips:{clips}/hr", "output": str(tmp_path / "records")} | changes))
    assert not (tmp_path / "records").exists()


def test_what_looks_at_images_refuses_clips(prepared, tmp_path):
    dataset, folder = prepared
    for moving in (dataset, f"records:{folder}"):
        with pytest.raises(ValueError, match=f"--dataset={moving} is of clips"):
            check_preparation(PrepareConfig(dataset=moving, preview=True, output=str(tmp_path / "sheet.png")))
        with pytest.raises(ValueError, match=f"--val_dataset={moving} is of clips"):
            check(TrainConfig(dataset="deadleaves:1", val_dataset=moving), tmp_path / "sheet.png")
    check_preparation(PrepareConfig(dataset="deadleaves:1", preview=True, output=str(tmp_path / "sheet.png")))


def test_what_a_run_refuses(prepared):
    dataset, folder = prepared
    config = {"model": "frvsr", "dataset": f"records:{folder}", "losses": "mse:1"}
    assert check_clips(TrainConfig(**config), ())
    with pytest.raises(ValueError, match=r"records:.* is for a --model over time"):
        check_clips(TrainConfig(**config | {"model": "edsr"}), ())
    if "," in dataset:
        with pytest.raises(ValueError, match=r"--degradation=gaussian makes LR, and records:.* has its own"):
            check_clips(TrainConfig(**config, degradation="gaussian"), ())
    else:
        assert check_clips(TrainConfig(**config, degradation="gaussian"), ())
