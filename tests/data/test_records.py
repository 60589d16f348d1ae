"""Records: the same samples as from the source itself, laid out as promised, and one clear line where they are not."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from srgan_tf.config import PrepareConfig
from srgan_tf.data import build_store, crops, open_source, open_sources, prepare
from srgan_tf.imaging import matlab_resize


@pytest.fixture(scope="module")
def images(tmp_path_factory, photo):
    """Nine photographs of different sizes, the third truncated, the sixth smaller than a crop."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(9):
        height, width = (20, 90) if number == 5 else (70 + 9 * number, 130 - 7 * number)
        Image.fromarray(photo[number : number + height, :width]).save(folder / f"{number}.png")
    damaged = folder / "2.png"
    damaged.write_bytes(damaged.read_bytes()[:3000])
    return folder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, images):
    folder = tmp_path_factory.mktemp("records") / "deep" / "records"
    prepare(PrepareConfig(dataset=f"folder:{images}", output=str(folder), shard_images=3))
    return folder


@pytest.fixture
def records(prepared, tmp_path):
    """A copy to damage."""
    return shutil.copytree(prepared, tmp_path / "records")


def samples(source, steps=8):
    store = build_store(source, 4, smallest_hr=32)
    return store, [(lr.numpy(), hr.numpy()) for lr, hr in crops(store, 32, 4, 5, 0, steps)]


@pytest.mark.parametrize("part", ["train", "validation", "all"])
def test_samples_are_those_of_the_source(prepared, images, part):
    """From several shards as from the images: the same names, the same draws, the same bytes."""
    expected, theirs = samples(open_source(f"folder:{images}", 4, part))
    store, ours = samples(open_source(f"records:{prepared}", 4, part))
    assert store.names == expected.names
    assert sorted(store.skipped) == sorted(expected.skipped)
    assert len(store.names) == {"train": 6, "validation": 1, "all": 7}[part]
    for one, other in zip(ours, theirs, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_sets_with_a_validation_part_of_their_own_keep_it_apart(tmp_path):
    prepare(PrepareConfig(dataset="deadleaves:1", output=str(tmp_path / "leaves"), scale=2))
    ours = open_sources(f"records:{tmp_path / 'leaves'}", "samples", 2)[0]
    theirs = open_sources("deadleaves:1", "samples", 2)[0]
    assert [name for name, _ in ours.images] == [name for name, _ in theirs.images]


def test_a_validation_set_can_be_named(tmp_path, images):
    prepare(PrepareConfig(dataset="deadleaves:2", val_dataset=f"folder:{images}", output=str(tmp_path / "both")))
    names = [name for name, _ in open_source(f"records:{tmp_path / 'both'}", 4, "validation").images]
    assert names == [str(images / f"{number}.png") for number in range(9) if number != 2]
    assert open_source(f"records:{tmp_path / 'both'}", 4, "all").count == 2


def test_the_files_are_what_the_index_says(prepared, images):
    """Read without this package: pixels where the index puts them, rows of 64 bytes' multiples, LR by the formula."""
    shards = json.loads((prepared / "train" / "index.json").read_text())
    assert [shard["file"] for shard in shards] == ["00000.pixels", "00001.pixels", "00002.pixels"]
    assert [len(shard["pairs"]) for shard in shards] == [2, 3, 2]
    ((name, reason),) = shards[0]["skipped"]
    assert name == str(images / "2.png")
    assert "truncated" in reason
    for shard in shards:
        content = (prepared / "train" / shard["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == shard["sha256"]
        for name, offset, height, width in shard["pairs"]:
            hr = np.asarray(Image.open(name))[: height * 4, : width * 4]
            lr_row, hr_row = (-(-3 * side // 64) * 64 for side in (width, width * 4))
            lr_found = np.frombuffer(content, np.uint8, height * lr_row, offset).reshape(height, lr_row)
            hr_found = np.frombuffer(content, np.uint8, height * 4 * hr_row, offset + lr_found.size)
            hr_rows = hr_found.reshape(height * 4, hr_row)[:, : width * 12]
            np.testing.assert_array_equal(hr_rows, hr.reshape(len(hr), -1))
            np.testing.assert_array_equal(lr_found[:, : width * 3].reshape(height, width, 3), matlab_resize(hr, 1 / 4))


def test_sizes_are_reductions_of_the_training_images(tmp_path, images):
    out = tmp_path / "records"
    prepare(PrepareConfig(dataset=f"folder:{images}", output=str(out), sizes=(1.0, 0.5), shard_images=2))
    store = build_store(open_source(f"records:{out}", 4, "train"), 4)
    assert [name.rsplit("/", 1)[1] for name in store.names[:4]] == ["0.png", "0.png x0.5", "1.png", "1.png x0.5"]
    whole, half = store.pair(2), store.pair(3)
    reduced = matlab_resize(whole.hr, 0.5)
    np.testing.assert_array_equal(half.hr, reduced[: len(reduced) // 4 * 4, : reduced.shape[1] // 4 * 4])
    np.testing.assert_array_equal(half.lr, matlab_resize(half.hr, 0.25))
    assert len(build_store(open_source(f"records:{out}", 4, "validation"), 4).names) == 1


def test_records_may_be_larger_than_memory(tmp_path, photo):
    """Twice the machine's memory (a sparse file: zeros behind the first image) opens at once and gives its pairs."""
    for number in range(2):
        Image.fromarray(np.tile(photo, (8, 8, 1))).save(tmp_path / f"{number}.png")
    out = tmp_path / "records"
    prepare(PrepareConfig(dataset=f"folder:{tmp_path}", output=str(out)))
    path, index = out / "train" / "00000.pixels", out / "train" / "index.json"
    size, memory = path.stat().st_size, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    count = 2 * memory // size
    (shard,) = json.loads(index.read_text())
    ((name, _, height, width),) = shard["pairs"]
    shard |= {"bytes": count * size, "pairs": [[name, number * size, height, width] for number in range(count)]}
    index.write_text(json.dumps([shard]))
    with path.open("r+b") as file:
        file.truncate(count * size)
    store = build_store(open_source(f"records:{out}", 4, "train"), 4)
    assert store.pixels.shape[0] > 1.9 * memory
    np.testing.assert_array_equal(store.pair(0).hr[:256, :256], photo)
    assert store.pair(count - 1).hr.max() == 0


def _flip(records):
    path = records / "train" / "00001.pixels"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _shorten(records):
    path = records / "train" / "00001.pixels"
    path.write_bytes(path.read_bytes()[:-64])


def _shift(records):
    path = records / "train" / "index.json"
    shards = json.loads(path.read_text())
    shards[1]["pairs"][1][1] += 64
    path.write_text(json.dumps(shards))


def _grow(records):
    path = records / "train" / "index.json"
    shards = json.loads(path.read_text())
    shards[2]["pairs"][-1][2] += 4
    path.write_text(json.dumps(shards))


def _retype(name, value, file="train/index.json"):
    def damage(records):
        content = json.loads((records / file).read_text())
        (content[0] if isinstance(content, list) else content)[name] = value
        (records / file).write_text(json.dumps(content))

    return damage


@pytest.mark.parametrize(("damage", "message"), [
    (_shorten, "train/00001.pixels has .* bytes where the index says .*: delete it"),
    (_shift, "train/index.json is damaged: .* cannot lie at"),
    (_grow, "train/index.json is damaged: the images of 00002.pixels end at"),
    (lambda records: (records / "train/00002.pixels").unlink(), "train/00002.pixels is missing"),
    (lambda records: (records / "train/index.json").unlink(), "train are not finished: the same prepare command"),
    (lambda records: (records / "train/index.json").write_text('[{"file": 3}]'), "train/index.json is damaged"),
    (lambda records: (records / "train/index.json").write_text("[{"), "train/index.json is damaged"),
    (lambda records: (records / "train/index.json").write_text("null"), "index.json is damaged: it is not a list"),
    (lambda records: (records / "train/index.json").write_text("[" * 99_999), "train/index.json is damaged"),
    (_retype("bytes", "12"), 'train/index.json is damaged: "12" where a whole number belongs'),
    (_retype("file", "../../0.pixels"), "train/index.json is damaged: '../../0.pixels' is not a shard"),
    (_retype("sha256", 5), "train/index.json is damaged: 5 where a text belongs"),
    (_retype("pairs", [["0.png", 0, "4", 5]]), 'train/index.json is damaged: "4" where a whole number belongs'),
    (_retype("pairs", [["0.png", 0, True, 5]]), "train/index.json is damaged: true where a whole number belongs"),
    (_retype("pairs", [["0.png", 0, 4.5, 5]]), "train/index.json is damaged: 4.5 where a whole number belongs"),
    (_retype("pairs", 7), "train/index.json is damaged"),
    (_retype("skipped", ["ab", ["a", None]]), "train/index.json is damaged: null where a text belongs"),
    (_retype("scale", "4", "records.json"), "records.json is damaged: scale '4'"),
    (_retype("all", ["train", "../x"], "records.json"), "records.json is damaged: scale 4 and parts"),
    (lambda records: (records / "records.json").unlink(), "holds no records: python -m srgan_tf.prepare"),
    (lambda records: (records / "records.json").write_text("{}"), "is not of the format 'srgan_tf records 1'"),
    (lambda records: (records / "records.json").write_bytes(b"\xff\xfe"), "records.json is damaged"),
])
def test_damage_is_one_line(records, damage, message):
    damage(records)
    with pytest.raises(ValueError, match=message) as error:
        open_source(f"records:{records}", 4, "train")
    assert "\n" not in str(error.value)


def test_records_of_another_scale_or_none(records):
    with pytest.raises(ValueError, match=r"the records in .* are for --scale=4; got --scale=2"):
        open_source(f"records:{records}", 2)
    with pytest.raises(ValueError, match="needs the path of a folder"):
        open_source("records:", 4)
    with pytest.raises(ValueError, match="holds no records"):
        open_source(f"records:{records / 'nowhere'}", 4)


def test_preparing_takes_memory_for_a_few_images_only(tmp_path):
    """Five times as many images, 46 MiB more of them, take hardly more memory."""
    Image.fromarray(np.zeros((800, 800, 3), np.uint8)).save(tmp_path / "0.png")
    peaks = [_peak_memory(tmp_path, count) for count in (6, 30)]
    assert peaks[1] - peaks[0] < 15


def _peak_memory(folder, count: int) -> float:
    """MiB that a process of its own takes to prepare the same image `count` times."""
    (folder / f"{count}").mkdir()
    for number in range(count):
        (folder / f"{count}" / f"{number}.png").hardlink_to(folder / "0.png")
    code = ("import os, resource, sys\nos.cpu_count = lambda: 2\n"
            "from srgan_tf.config import PrepareConfig\nfrom srgan_tf.data import prepare\n"
            "prepare(PrepareConfig(dataset='folder:' + sys.argv[1], output=sys.argv[2], shard_images=40))\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)")
    done = subprocess.run([sys.executable, "-c", code, folder / f"{count}", folder / f"out{count}"], text=True,
                          check=True, capture_output=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    return float(done.stdout.split()[-1])


CUT = """import os, sys
from srgan_tf.data import build_store, crops, open_source
from srgan_tf.data.mapping import check_mapped
batches = iter(crops(build_store(open_source('records:' + sys.argv[1], 4, 'train'), 4, 32), 32, 4, 0, 0, 10**6))
next(batches)
check_mapped()
os.truncate(sys.argv[1] + '/train/00000.pixels', 0)
for _ in range(2000):
    next(batches)
"""


def test_a_shard_that_is_cut_while_it_is_read_is_one_line(records):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", CUT, records], text=True, capture_output=True, env=environment)
    assert done.returncode == 2, done
    assert done.stderr.splitlines()[-1].startswith(f"{records}/train/00000.pixels has 0 bytes where ")
    assert "Traceback" not in done.stderr
