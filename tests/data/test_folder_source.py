"""Which images of a folder are taken, which are held out, and what a source's fingerprint says."""

import numpy as np
import pytest
from PIL import Image

from srgan_tf.data import build_store, open_source, open_sources
from srgan_tf.data.fingerprint import fingerprint
from srgan_tf.data.folder_source import Held
from srgan_tf.imaging import matlab_resize


def save(path, number=0, side=48):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (side // 12, side // 12, 3), np.uint8)
    Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC).save(path)
    return path


def names(source, folder):
    return [name.removeprefix(f"{folder}/") for name, _ in source.images]


def split(folder, **arguments):
    return [names(source, folder) for source in open_sources(f"folder:{folder}", "", 4, **arguments)]


def test_what_is_held_out_depends_on_each_image_alone(tmp_path):
    for number in range(40):
        save(tmp_path / f"{number:02}.png", number)
    train, validation = split(tmp_path)
    assert validation == ["03.png", "39.png"]  # those whose names have the lowest SHA-256
    assert sorted(train + validation) == [f"{number:02}.png" for number in range(40)]
    for name in ("a.png", "zz.png", "inner/05.png", ".thumbnails/a.png", "inner/@eaDir/05.png"):
        save(tmp_path / name)
    more, held_out = split(tmp_path)
    assert held_out == validation
    assert set(more) == {*train, "a.png", "zz.png", "inner/05.png"}
    moved = tmp_path.rename(tmp_path.with_name("elsewhere"))
    assert split(moved) == [more, held_out]


def test_one_image_is_held_out_even_of_few_and_can_be_read(tmp_path):
    for number in range(4):
        save(tmp_path / f"{number}.png")
    train, (held_out,) = split(tmp_path)
    (tmp_path / held_out).write_bytes(b"")
    again, validation = split(tmp_path)
    assert validation[0] == held_out
    assert len(validation) == 2
    assert set(again) == set(train) - {validation[1]}
    store = build_store(open_sources(f"folder:{tmp_path}", "", 4)[1], 4)
    assert [name for name, _ in store.skipped] == [str(tmp_path / held_out)]
    assert len(store.names) == 1


def test_a_split_that_a_run_began_with_stays(tmp_path):
    for number in range(40):
        save(tmp_path / f"{number:02}.png")
    paths = [str(tmp_path / f"{number:02}.png") for number in range(40)]
    held = Held(paths[:-2], paths[-2:], [*paths[-2:], str(tmp_path / "gone.png")])
    save(tmp_path / "gone.png")
    save(tmp_path / "08/37.png")
    train, validation = split(tmp_path, held=held)
    assert validation == ["38.png", "39.png"]
    assert train == [*(f"{number:02}.png" for number in range(38)), "08/37.png"]


def test_folders_below_are_read_and_some_are_not(tmp_path):
    for name in ("2.png", "10.png", "b/1.png", "a/deep/1.png", ".thumbnails/1.png", "run/validation.png", "val/9.png"):
        save(tmp_path / name)
    (tmp_path / "run/config.flags").touch()
    (tmp_path / "a/deep/loop").symlink_to(tmp_path)
    assert names(open_source(f"folder:{tmp_path}", 4), tmp_path) == [
        "2.png", "10.png", "a/deep/1.png", "b/1.png", "val/9.png"]
    train, validation = open_sources(f"folder:{tmp_path}", f"folder:{tmp_path / 'val'}", 4)
    assert names(train, tmp_path) == ["2.png", "10.png", "a/deep/1.png", "b/1.png"]
    assert names(validation, tmp_path) == ["val/9.png"]
    save(tmp_path / "LR_bicubic/X4/2.png")
    with pytest.raises(ValueError, match=r"has the low-resolution images of .*/LR_bicubic below it: name both"):
        open_source(f"folder:{tmp_path}", 4)


def test_commas_in_names(tmp_path):
    save(tmp_path / "Paris, 2024/HR/1.png")
    save(tmp_path / "Paris, 2024/small, x4/1x4.png", side=12)
    assert open_source(f"folder:{tmp_path}/Paris, 2024/HR", 4).count == 1
    both = open_source(f"folder:{tmp_path}/Paris, 2024/HR,{tmp_path}/Paris, 2024/small, x4", 4)
    assert build_store(both, 4).pair(0).lr.shape == (12, 12, 3)


def test_lr_of_another_hr_is_named(tmp_path, photo):
    """Blurred and noisy LR is no reason to warn, exchanged LR is, and so is one that fits nothing."""
    for number in range(4):
        hr = np.roll(photo, 64 * number, number % 2)[:128, :128]
        save(tmp_path / "HR/inner" / f"{number}.png")
        Image.fromarray(hr).save(tmp_path / "HR/inner" / f"{number}.png")
        (tmp_path / "LR/inner").mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).normal(0, 15, (32, 32, 3))
        lr = np.clip(matlab_resize(matlab_resize(hr, 1 / 8), 2) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(lr).save(tmp_path / f"LR/inner/{number}x4.png")
    spec = f"folder:{tmp_path / 'HR'},{tmp_path / 'LR'}"
    assert build_store(open_source(spec, 4), 4).doubtful == []
    (tmp_path / "LR/inner/1x4.png").rename(tmp_path / "LR/inner/x")
    (tmp_path / "LR/inner/2x4.png").rename(tmp_path / "LR/inner/1x4.png")
    (tmp_path / "LR/inner/x").rename(tmp_path / "LR/inner/2x4.png")
    lr, hr = tmp_path / "LR/inner", tmp_path / "HR/inner"
    assert build_store(open_source(spec, 4), 4).doubtful == [
        f"{lr / '1x4.png'} does not look like {hr / '1.png'}, but like {hr / '2.png'}",
        f"{lr / '2x4.png'} does not look like {hr / '2.png'}, but like {hr / '1.png'}"]
    Image.fromarray(255 - np.asarray(Image.open(lr / "3x4.png"))).save(lr / "3x4.png")
    assert f"{lr / '3x4.png'} does not look like {hr / '3.png'}" in build_store(open_source(spec, 4), 4).doubtful


def test_fingerprints_are_of_contents(tmp_path):
    path = save(tmp_path / "1.png")
    before = fingerprint(open_source(f"folder:{tmp_path}", 4))
    assert list(before) == [str(path)]
    size, digest = before[str(path)].split()
    assert int(size) == path.stat().st_size
    assert len(digest) == 64
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    assert fingerprint(open_source(f"folder:{tmp_path}", 4)).keys() == before.keys()
    assert fingerprint(open_source(f"folder:{tmp_path}", 4)) != before
    assert fingerprint(open_source("deadleaves:3", 4)) != fingerprint(open_source("deadleaves:4", 4))
