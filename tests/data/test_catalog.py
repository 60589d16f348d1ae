import shutil

import numpy as np
import pytest
from PIL import Image

from srgan_tf.data import Pair, build_store, open_source, open_sources
from srgan_tf.data.deadleaves import dead_leaves
from srgan_tf.imaging import matlab_resize


@pytest.fixture
def folder(tmp_path, photo):
    """HR images of different sizes, one truncated, and their LR images."""
    for name in ("HR", "LR"):
        (tmp_path / name).mkdir()
    for number, height in enumerate((64, 66, 80, 96)):
        hr = photo[:height, :70]
        Image.fromarray(hr).save(tmp_path / "HR" / f"{number}.png")
        lr = matlab_resize(hr[: height // 4 * 4, :68], 1 / 4)
        Image.fromarray(lr).save(tmp_path / "LR" / f"{number}x4.png")
    return tmp_path


def test_folder_makes_matlab_lr(folder, photo):
    store = build_store(open_source(f"folder:{folder / 'HR'}", 4), 4)
    assert len(store.names) == 4
    lr, hr, _ = store.pair(1)
    np.testing.assert_array_equal(hr, photo[:64, :68])
    np.testing.assert_array_equal(lr, matlab_resize(hr, 1 / 4))


def test_two_folders_are_matched_by_name(folder):
    made = build_store(open_source(f"folder:{folder / 'HR'}", 4), 4)
    read = build_store(open_source(f"folder:{folder / 'HR'},{folder / 'LR'}", 4), 4)
    for index in range(4):
        for one, other in zip(made.pair(index), read.pair(index), strict=True):
            np.testing.assert_array_equal(one, other)


def test_two_folders_that_do_not_fit(folder):
    (folder / "LR" / "2x4.png").unlink()
    with pytest.raises(ValueError, match=r"2.png: no image of that name in .*LR"):
        open_source(f"folder:{folder / 'HR'},{folder / 'LR'}", 4)
    Image.new("RGB", (5, 5)).save(folder / "LR" / "2x4.png")
    store = build_store(open_source(f"folder:{folder / 'HR'},{folder / 'LR'}", 4), 4)
    assert [name for name, _ in store.skipped] == [str(folder / "HR" / "2.png")]
    assert "HR must be 4 times as large as LR; LR is 5x5, HR is 70x80" in store.skipped[0][1]


def test_broken_and_small_images_are_skipped_and_named(folder):
    path = folder / "HR" / "0.png"
    path.write_bytes(path.read_bytes()[:500])
    (folder / "HR" / "text.png").write_text("not an image")
    store = build_store(open_source(f"folder:{folder / 'HR'}", 4), 4, smallest_hr=68)
    reasons = dict(store.skipped)
    assert sorted(path.rsplit("/", 1)[1] for path in reasons) == ["0.png", "1.png", "text.png"]
    assert "68x64 is smaller than a crop of 68" in reasons[str(folder / "HR" / "1.png")]
    assert len(store.names) == 2


def test_nothing_usable(folder):
    with pytest.raises(ValueError, match=r"no usable image in folder:.* \(4 skipped\): .*0.png: .*crop of 500"):
        build_store(open_source(f"folder:{folder / 'HR'}", 4), 4, smallest_hr=500)


def test_a_folder_may_be_called_div2k(tmp_path, folder):
    shutil.copytree(folder / "HR", tmp_path / "div2k/HR")
    assert open_source(f"folder:{tmp_path}/div2k/HR", 4).count == open_source(f"folder:{folder}/HR", 4).count


def test_held_out_images_are_not_trained_on(folder):
    train, validation = open_sources(f"folder:{folder / 'HR'}", "", 4)
    names = [[name for name, _ in source.images] for source in (train, validation)]
    assert len(names[0]) == 3
    assert len(names[1]) == 1
    assert not set(names[0]) & set(names[1])
    assert open_sources(f"folder:{folder / 'HR'}", "samples", 4)[0].count == 4


@pytest.mark.parametrize(("spec", "message"), [
    ("folders:x", "unknown dataset 'folders'.*Did you mean 'folder'"),
    ("folder:", "needs the path"),
    ("samples:x", "takes no path"),
    ("div2k/bicubic_x2", "is for --scale=2; got --scale=4"),
    ("deadleaves:x", "needs a positive number"),
    ("deadleaves:0", "needs a positive number"),
])
def test_specifications_that_mean_nothing(spec, message):
    with pytest.raises(ValueError, match=message):
        open_source(spec, 4)


def test_a_folder_without_its_kind(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match=r"unknown dataset 'HR'; for the images in this folder write folder:HR$"):
        open_source("HR", 4)


def test_samples_are_photographs():
    train, validation = open_sources("samples", "", 2)
    store = build_store(validation, 2)
    assert store.skipped == []
    assert store.pair(0).hr.shape == (512, 512, 3)
    assert build_store(train, 2).skipped == []


def test_dead_leaves_are_seeded_and_full_of_edges():
    one, again, other = dead_leaves(128, 1), dead_leaves(128, 1), dead_leaves(128, 2)
    np.testing.assert_array_equal(one, again)
    assert (one != other).mean() > 0.9
    assert one.shape == (128, 128, 3)
    # The spectrum of photographs and of dead leaves falls as 1/f^2 in power, that of noise is flat.
    power = np.abs(np.fft.rfft2(one.mean(axis=2) - one.mean())) ** 2
    radius = np.hypot(np.fft.fftfreq(128)[:, None] * 128, np.arange(65))
    near, far = (power[(radius >= low) & (radius < 2 * low)].mean() for low in (4, 16))
    assert 4**1.3 < near / far < 4**3.2


def test_div2k_reads_what_tensorflow_datasets_prepared(tmp_path, monkeypatch, photo):
    tfds = pytest.importorskip("tensorflow_datasets")
    hr = photo[:64, :48]
    lr = matlab_resize(hr, 1 / 4)
    _prepare_div2k(tfds, tmp_path, monkeypatch, lr, hr)
    store = build_store(open_source("div2k/bicubic_x4", 4, "train"), 4)
    assert len(store.names) == 3
    np.testing.assert_array_equal(store.pair(2).lr, lr)
    np.testing.assert_array_equal(store.pair(2).hr, hr)
    assert open_source("div2k/bicubic_x4", 4, "validation").count == 2


def _prepare_div2k(tfds, folder, monkeypatch, lr, hr):
    """Writes a small DIV2K with TensorFlow Datasets' own builder; only its download is replaced."""
    for part, count in (("train", 3), ("valid", 2)):
        for kind, image in (("lr", lr), ("hr", hr)):
            inner = f"DIV2K_{part}_HR" if kind == "hr" else f"DIV2K_{part}_LR_bicubic"
            (folder / f"{part}_{kind}_url" / inner).mkdir(parents=True)
            for number in range(count):
                name = f"{number:04}{'x4' if kind == 'lr' else ''}.png"
                Image.fromarray(image).save(folder / f"{part}_{kind}_url" / inner / name)

    def extracted(manager, urls):
        return {key: type(manager.download_dir)(folder / key) for key in urls}

    monkeypatch.setenv("TFDS_DATA_DIR", str(folder / "data"))
    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", extracted)
    tfds.builder("div2k/bicubic_x4", data_dir=folder / "data").download_and_prepare()


def test_div2k_without_network_says_what_to_do(tmp_path, monkeypatch, caplog):
    tfds = pytest.importorskip("tensorflow_datasets")

    def unreachable(manager, urls):
        raise ConnectionError("Failed to establish a new connection")

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", unreachable)
    for _ in range(2):  # the second time in the folder that the first has left
        with pytest.raises(ValueError, match=r"cannot provide div2k/bicubic_x4 \(.*--dataset=folder:HR"):
            open_source("div2k/bicubic_x4", 4, "train")
    assert not [message for message in caplog.messages if "dataset_info" in message]


def test_pairs_are_named_tuples():
    assert Pair._fields == ("lr", "hr", "taught")
