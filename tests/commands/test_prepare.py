"""`prepare` as people use it: killed, resumed, continued wrongly, out of disk, and by Beam."""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from srgan_tf.atomic import locked
from srgan_tf.data import build_store, open_source, preview
from srgan_tf.data.contact_sheet import lay_out


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, photo) -> list[str]:
    """Twelve photographs to train on in six shards, one to validate on."""
    folder = tmp_path_factory.mktemp("given") / "photos"  # which image is held out depends on the folder's name
    folder.mkdir()
    for number in range(13):
        Image.fromarray(np.roll(photo, 20 * number, 0)[:200, : 256 - 8 * number]).save(folder / f"{number}.png")
    return [f"--dataset=folder:{folder}", "--shard_images=2", "--scale=2", "--output=records"]


def contents(folder) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def start(folder, arguments) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-m", "srgan_tf.prepare", *arguments], cwd=folder, env=environment,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, arguments):
    """What an uninterrupted preparation leaves."""
    folder = tmp_path_factory.mktemp("whole")
    assert start(folder, arguments).wait(60) == 0
    return contents(folder / "records")


def test_what_it_leaves(command, whole, arguments):
    assert sorted(whole) == ["records.json", *(f"train/0000{number}.pixels" for number in range(6)), "train/index.json",
                             "validation/00000.pixels", "validation/index.json"]
    done = command("prepare", *arguments)
    assert done.status == 0, done.err
    assert "records/train: 12 images in 6 shards, 1.9 MiB" in done.out
    assert "--dataset=records:records --scale=2" in done.out


def test_killed_anywhere_and_started_again_it_ends_with_the_same_bytes(tmp_path, whole, arguments):
    """As seen from outside: just begun, the first shard half written, some noted, the last one not yet."""
    endings = []
    for number, moment in enumerate(["records.json", "train/.*.tmp*", "train/00001.json", "train/00005.pixels"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = start(folder, arguments)
        _wait_for(lambda: any((folder / "records").glob(moment)), process)  # noqa: B023
        process.kill()
        endings.append(process.wait(10))
        finished = {path: path.stat().st_mtime_ns for path in (folder / "records/train").glob("*.pixels")
                    if path.with_suffix(".json").is_file()}
        assert start(folder, arguments).wait(60) == 0
        assert contents(folder / "records") == whole
        assert {path: path.stat().st_mtime_ns for path in finished} == finished  # not written again
    assert endings.count(-signal.SIGKILL) >= 3  # a slow look may come after the end


def _wait_for(there, process):
    deadline = time.monotonic() + 30
    while not there() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def test_a_flipped_byte_is_found_and_repaired(command, refused, tmp_path, whole, arguments):
    command("prepare", *arguments)
    assert "7 shards, every checksum is right" in command("prepare", "--output=records", "--verify").out
    path = tmp_path / "records/train/00003.pixels"
    content = bytearray(path.read_bytes())
    content[12345] ^= 1
    path.write_bytes(content)
    line = refused("prepare", "--output=records", "--verify").splitlines()[-1]
    assert "records/train/00003.pixels: not the bytes that were written" in line
    path.unlink()
    assert command("prepare", *arguments).status == 0
    assert contents(tmp_path / "records") == whole


def test_skipped_images_are_named(command, tmp_path, photo):
    (tmp_path / "photos").mkdir()
    for number in range(4):
        Image.fromarray(photo[:64, :64]).save(tmp_path / f"photos/{number}.png")
    path = tmp_path / "photos/1.png"
    path.write_bytes(path.read_bytes()[:2000])
    done = command("prepare", "--dataset=folder:photos", "--output=records")
    assert done.status == 0
    assert "records/train: 2 images in 1 shard, " in done.out
    assert "skipped photos/1.png: the file ends early, in row" in done.out


def test_a_full_disk_is_one_line_and_loses_nothing(command, tmp_path, whole, arguments):
    assert command("prepare", *arguments).status == 0
    for path in sorted((tmp_path / "records").rglob("*.pixels"))[2:]:
        path.unlink()
    kept = contents(tmp_path / "records")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))  # half a shard
    try:
        done = command("prepare", *arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.status == 2
    assert "File too large" in done.err.splitlines()[-1]
    assert "records/train/00002.pixels" in done.err.splitlines()[-1]
    assert contents(tmp_path / "records") == kept
    assert command("prepare", *arguments).status == 0
    assert contents(tmp_path / "records") == whole


def test_training_reads_records(command, arguments):
    assert command("prepare", *arguments).status == 0
    done = command("train", "--model=edsr", "--model_args=features:4,blocks:1", "--patch_size=32", "--batch_size=2",
                   "--val_images=1", "--steps=1", "--scale=2", "--dataset=records:records")
    assert done.status == 0, done.err
    assert "training on records:records: 12 images, 2 MiB" in done.out
    assert "validation on records:records: 1 image, " in done.out


@pytest.mark.parametrize("workers", ["", "--direct_num_workers=2 --direct_running_mode=multi_threading"])
def test_beam_writes_the_same_bytes(command, tmp_path, whole, arguments, workers):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install '.[beam]'")
    done = command("prepare", *arguments, f"--beam=--runner=DirectRunner {workers}")
    assert done.status == 0, done.err
    assert re.search("7 of 7 shards to write from .*, by Beam", done.out)
    assert contents(tmp_path / "records") == whole


def test_beam_that_is_not_installed_is_named(refused, monkeypatch, arguments):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert "pip install 'srgan_tf[beam]'" in refused("prepare", *arguments, "--beam=--runner=DirectRunner")


@pytest.mark.parametrize(("changes", "message"), [
    (["--output="], "--output is required"),
    (["--dataset="], "--dataset is required"),
    (["--dataset=folder:empty"], "empty: no image in this folder"),
    (["--dataset=folder:nowhere"], "folder:nowhere: no such folder"),
    (["--dataset=folder:broken"], "no usable image for"),
    (["--dataset=foldr:x"], "Did you mean 'folder'."),
    (["--output=other"], "--output=/.*/other is not empty and holds no records"),
    (["--output=/proc/nowhere"], "/proc/nowhere"),
    (["--scale=4", "--output=there"], "scale=4 contradicts the records in .*there, which have --scale=2"),
    (["--dataset=samples", "--output=there"], "--dataset=samples contradicts .*, which have --dataset=folder:"),
    (["--sizes=1,0.5", "--output=there"], "--sizes=1,0.5 contradicts .* --sizes=1: keep it"),
    (["--sizes=2"], "--sizes must be numbers greater than 0 and at most 1; got '2'"),
    (["--sizes=0"], "--sizes must be greater than 0"),
    (["--shard_images=0"], "--shard_images must be at least 1"),
    (["--verify", "--output=other"], "other holds no records"),
    (["--verify", "--preview"], "--verify, --preview and --collect_noise are three different things"),
    (["--preview", "--output=sheet.png", "--degradation=real_esrgn"], "Did you mean 'real_esrgan'"),
    (["--collect_noise", "--output=other"], "--output=other is not empty"),
    (["--collect_noise", "--noise_patch=100", "--noise_variance=0.01"], "no smooth patch in the 13 images"),
])
def test_mistakes_are_one_line(command, refused, tmp_path, arguments, changes, message):
    for name in ("empty", "broken", "other"):
        (tmp_path / name).mkdir()
    for number in range(2):
        (tmp_path / "broken" / f"{number}.png").write_text("not an image")
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    if "--output=there" in changes:
        assert command("prepare", *arguments, "--output=there").status == 0
    assert re.search(message, refused("prepare", *arguments, *changes))
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_a_folder_that_changed_is_refused(command, refused, tmp_path, photo):
    (tmp_path / "photos").mkdir()
    for number in range(3):
        Image.fromarray(photo[:64, :64]).save(tmp_path / f"photos/{number}.png")
    assert command("prepare", "--dataset=folder:photos", "--output=records").status == 0
    (tmp_path / "photos/0.png").rename(tmp_path / "photos/00.png")
    assert "was made from other images" in refused("prepare", "--dataset=folder:photos", "--output=records")
    assert "photos/0.png" in build_store(open_source("records:records", 4), 4).names


def test_records_of_an_earlier_version_keep_their_split(command, tmp_path, photo):
    """The last images by name; their settings do not say how they were split."""
    (tmp_path / "photos").mkdir()
    for number in range(6):
        Image.fromarray(photo[:64, : 64 + number]).save(tmp_path / f"photos/{number}.png")
    arguments = ["prepare", "--dataset=folder:photos", "--output=records"]
    command(*arguments)
    assert "photos/5.png" not in [name for name, _ in open_source("records:records", 4, "validation").images]
    shutil.rmtree(tmp_path / "records")
    (tmp_path / "records").mkdir()
    settings = {"dataset": "folder:photos", "val_dataset": "", "scale": 4, "sizes": "1",
                "format": "srgan_tf records 1", "all": ["train", "validation"]}
    (tmp_path / "records/records.json").write_text(json.dumps(settings | {"shard_pictures": 32}))
    assert command(*arguments).status == 0
    assert [name for name, _ in open_source("records:records", 4, "validation").images] == ["photos/5.png"]
    assert json.loads((tmp_path / "records/records.json").read_text()) == settings | {"shard_images": 32}


def test_a_second_preparation_of_a_folder_is_refused(refused, tmp_path, arguments):
    (tmp_path / "records").mkdir()
    with locked(tmp_path / "records", "--output"):
        assert "records is being written to by process" in refused("prepare", *arguments)
        assert "records is being" in refused("prepare", arguments[0], "--collect_noise", "--output=records")
    assert not list((tmp_path / "records").iterdir())


def test_the_preview_shows_several_draws(command, tmp_path, arguments, monkeypatch):
    firsts, captions = [], []
    monkeypatch.setattr(preview, "IMAGES", 1)
    monkeypatch.setattr(preview, "lay_out", lambda rows, side: captions.append(rows[0][0][1]) or lay_out(rows, side))
    for flags, lines in (([], 9), (["--sharpen_targets", "--degradation=first_order", "--seed=1"], 4)):
        done = command("prepare", "--preview", arguments[0], *flags)
        assert done.status == 0, done.err
        assert "degradations.png" in done.out
        sheet = np.asarray(Image.open(tmp_path / "degradations.png"))
        cells = [sheet[8:248, 8 + 248 * column : 248 + 248 * column] for column in range(5)]
        assert len({cell.tobytes() for cell in cells}) == 5
        text = (sheet[248 : 248 + 13 * lines, 256:496] < 128).all(-1).any(1)  # under the first draw
        assert (np.diff(text.astype(int)) == 1).sum() >= lines - 1
        firsts.append(cells[1])
    assert (firsts[0] != firsts[1]).any()
    assert [lines[1] for lines in captions] == [f"{what}, 160x200, mirrored at its edges"
                                                for what in ("HR", "sharpened HR")]


def test_noise_is_collected_where_images_are_smooth_and_trained_with(command, tmp_path, photo):
    """Two flat squares of known noise in a photograph; the rest of it is no noise."""
    (tmp_path / "photos").mkdir()
    rng, image = np.random.default_rng(0), photo.copy()
    for top, left, level in ((64, 0, 100), (128, 192, 30)):
        image[top : top + 64, left : left + 64] = rng.normal(level, 3, (64, 64, 3)).round()
    for number in range(2):
        Image.fromarray(image).save(tmp_path / f"photos/{number}.png")
    done = command("prepare", "--collect_noise", "--dataset=folder:photos", "--noise_patch=64", "--noise_mean=50",
                   "--output=noise")
    assert done.status == 0, done.err
    assert "noise: 2 patches out of 2 of 2 images" in done.out
    for path in (tmp_path / "noise").iterdir():
        np.testing.assert_array_equal(np.asarray(Image.open(path)), image[64:128, :64])
    (tmp_path / "kernels").mkdir()
    np.save(tmp_path / "kernels/box.npy", np.ones((4, 4)))
    realsr = ["--degradation=realsr", "--noise_pool=noise", "--kernel_pool=kernels"]
    done = command("train", "--model=edsr", "--model_args=features:4,blocks:1", "--patch_size=32", "--batch_size=2",
                   "--val_images=1", "--steps=1", "--dataset=folder:photos", *realsr)
    assert done.status == 0, done.err
    done = command("prepare", "--preview", "--dataset=folder:photos", *realsr)
    assert done.status == 0, done.err
