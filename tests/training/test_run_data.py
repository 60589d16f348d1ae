"""A run's images: kept with it, compared at a resume, accepted by a flag; runs of earlier versions."""

import json

import numpy as np
import pytest
from PIL import Image

from srgan_tf.config import TrainConfig
from srgan_tf.training.run_data import open_run_data
from srgan_tf.training.run_folder import keep_flags

FLAGS = "--model=edsr\n--scale=4\n--dataset=folder:photos\n"


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("photos/inner", "noise", "run/checkpoints"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(40):
        _save(tmp_path / f"photos/{number:02}.png", number)
    _save(tmp_path / "noise/1.png", 0)
    return tmp_path / "photos"


def _save(path, number):
    Image.fromarray(np.full((24, 24, 3), 5 * number, np.uint8)).save(path)


def start(folder, flags=FLAGS + "--accept_changed_data=false\n", **settings):
    """As a run does, and then its first checkpoint."""
    config = TrainConfig(**{"dataset": "folder:photos", "run_dir": "run", **settings})
    opened = open_run_data(config, folder / "run")
    keep_flags(folder / "run", flags)
    (folder / "run/checkpoints/ckpt-1.index").touch()
    return [{name for name, _ in source.images} for source in opened[:2]], opened.validation_changed


def test_images_that_come_and_go_are_refused_or_accepted(photos, tmp_path):
    (train, held_out), changed = start(tmp_path)
    assert start(tmp_path) == ([train, held_out], False)
    for number, name in enumerate(["a.png", "b.png", "inner/c.png"]):
        _save(photos / name, number)
    (photos / "01.png").unlink()
    _save(photos / "02.png", 30)
    message = (r"the data of the run in .*run have changed: 3 added \(photos/a.png, ...\); "
               r"1 removed \(photos/01.png\); 1 with other content \(photos/02.png\). Put them back, .* or give "
               "--accept_changed_data")
    before = (tmp_path / "run/data.json").read_text()
    with pytest.raises(ValueError, match=message):
        start(tmp_path)
    assert (tmp_path / "run/data.json").read_text() == before
    (more, still), changed = start(tmp_path, FLAGS + "--accept_changed_data=true\n", accept_changed_data=True)
    assert (still, changed) == (held_out, False)
    assert more == {*train, "photos/a.png", "photos/b.png", "photos/inner/c.png"} - {"photos/01.png"}
    assert "--accept_changed_data=false\n" in (tmp_path / "run/config.flags").read_text()
    start(tmp_path)


def test_a_held_out_image_that_comes_back_is_not_trained_on(photos, tmp_path):
    (_, held_out), _ = start(tmp_path)
    gone = photos.parent / min(held_out)
    content = gone.read_bytes()
    gone.unlink()
    (_, left), changed = start(tmp_path, accept_changed_data=True)
    assert (left, changed) == (held_out - {min(held_out)}, True)
    gone.write_bytes(content)
    (train, _), _ = start(tmp_path, accept_changed_data=True)
    assert min(held_out) not in train


def test_pools_are_data_too(photos, tmp_path):
    start(tmp_path, noise_pool="noise")
    _save(tmp_path / "noise/1.png", 9)
    with pytest.raises(ValueError, match=r"1 with other content \(noise/1.png\)"):
        start(tmp_path, noise_pool="noise")


def test_a_run_of_an_earlier_version_keeps_its_held_out_images(photos, tmp_path, capfd):
    """It has no fingerprint, held out the last images by name, and did not look into folders."""
    run = tmp_path / "run"
    (run / "checkpoints/ckpt-7.index").touch()
    (run / "config.flags").write_text(FLAGS)
    (train, held_out), _ = start(tmp_path)
    assert held_out == {"photos/38.png", "photos/39.png"}
    assert train == {f"photos/{number:02}.png" for number in range(38)}
    assert "its held-out images are the last 2 by name, from photos/38.png on" in capfd.readouterr().out
    assert start(tmp_path) == ([train, held_out], False)
    assert "earlier version" not in capfd.readouterr().out
    (run / "data.json").unlink()
    with pytest.raises(ValueError, match=r"data.json is missing, so that the images of the run are not known"):
        start(tmp_path)
    (run / "config.flags").write_text(FLAGS)
    _save(photos / "inner/a.png", 1)
    with pytest.raises(ValueError, match=r"have changed: 1 added \(photos/inner/a.png\)"):
        start(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"format": "srgan_tf data 1"}', b"null", b"[" * 100_000,
                                     {"train": []}, {"apart": {}}, {"pools": {"a": 3}}, {"format": 1}, {"more": 1}])
def test_an_odd_fingerprint_is_named(photos, tmp_path, content):
    start(tmp_path)
    path = tmp_path / "run/data.json"
    if isinstance(content, dict):
        content = json.dumps({**json.loads(path.read_text()), **content}).encode()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run/data.json is damaged"):
        start(tmp_path)
