"""`train --check`: each kind of bad image is found by what was done to it, and good ones are left alone."""

import io

import numpy as np
import pytest
from PIL import Image

from srgan_tf.config import TrainConfig
from srgan_tf.data import open_source
from srgan_tf.data.contact_sheet import GAP
from srgan_tf.data.inspection import BLOCKY, DUPLICATE, SOFT, blockiness, check, difference_hash, sharpness
from srgan_tf.imaging import matlab_resize


@pytest.fixture(scope="module")
def tiles():
    """Nine pieces of two photographs."""
    photographs = [load().hr for _, load in open_source("samples", 4, "validation").images]
    pieces = [image[top : top + 128, left : left + 160] for image in photographs for top in (20, 150, 270)
              for left in (0, 160, 320)]
    return [np.ascontiguousarray(piece) for piece in pieces if piece.shape[:2] == (128, 160)][::2][:9]


def compressed(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file))


def test_blocks_are_told_from_detail_and_upscaling(tiles):
    assert max(blockiness(tile) for tile in tiles) < BLOCKY
    assert np.median([blockiness(compressed(tile, 30)) for tile in tiles]) > BLOCKY
    # Upscaled by two every second difference is larger, not every eighth.
    assert np.median([blockiness(matlab_resize(matlab_resize(tile, 0.5), 2)) for tile in tiles]) < BLOCKY


def test_blocks_are_found_wherever_their_grid_lies(tiles):
    image = compressed(tiles[0], 20)
    assert blockiness(image[3:, 5:]) == pytest.approx(blockiness(image), rel=0.1)


def test_upscaled_images_are_soft(tiles):
    assert np.median([sharpness(tile) for tile in tiles]) > SOFT
    assert np.median([sharpness(matlab_resize(matlab_resize(tile, 0.5), 2)) for tile in tiles]) < SOFT
    assert sharpness(np.full((64, 64, 3), 90, np.uint8)) == 1


def test_near_duplicates_share_a_hash(tiles):
    hashes = [difference_hash(tile) for tile in tiles]
    smaller = difference_hash(compressed(matlab_resize(tiles[0], 0.5), 60))
    assert (hashes[0] != smaller).sum() <= DUPLICATE
    assert min((hashes[0] != other).sum() for other in hashes[1:]) > 2 * DUPLICATE
    assert not difference_hash(np.zeros((40, 40, 3), np.uint8)).size


def test_what_is_wrong_is_listed_and_shown(command, tmp_path, tiles):
    for place in ("hr", "val"):
        (tmp_path / place).mkdir()
    for name, tile in zip("abcde", tiles[2:7], strict=True):
        Image.fromarray(tile).save(tmp_path / "hr" / f"{name}.png")
    Image.fromarray(tiles[8]).save(tmp_path / "val" / "v.png")
    Image.fromarray(tiles[8]).save(tmp_path / "hr" / "seen.jpg", quality=90)
    Image.fromarray(tiles[4]).save(tmp_path / "hr" / "twin.jpg", quality=90)
    Image.fromarray(tiles[7][:40]).save(tmp_path / "hr" / "small.png")
    Image.fromarray(tiles[7]).save(tmp_path / "hr" / "blocks.jpg", quality=10)
    (tmp_path / "hr" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = command("train", "--dataset=folder:hr", "--val_dataset=folder:val", "--patch_size=96", "--check")
    assert done.status == 0, done.err
    assert "folder:hr: 9 images" in done.out
    listed = {line.split()[0]: line for line in done.out.splitlines() if line.startswith(" ") and "/" in line}
    for name, words in (("broken.png", ""), ("small.png", "160x40"), ("twin.jpg", "like hr/c.png"),
                        ("seen.jpg", "like val/v.png"), ("blocks.jpg", "JPEG blocks")):
        assert words in listed[f"hr/{name}:"]
    assert not any(listed.get(f"hr/{name}.png:") for name in "abcde")
    assert "dataset_check.png shows those that can be shown" in done.out
    assert Image.open(tmp_path / "dataset_check.png").width > 3 * (240 + GAP)
    assert not (tmp_path / "runs").exists()


def test_what_cannot_be_shown_is_not_called_good(command, tmp_path, tiles):
    """And the sheet of an earlier check goes."""
    (tmp_path / "hr").mkdir()
    for name, tile in zip("abc", tiles[2:5], strict=True):
        Image.fromarray(tile).save(tmp_path / "hr" / f"{name}.png")
    (tmp_path / "dataset_check.png").write_bytes(b"of an earlier check")
    done = command("train", "--dataset=folder:hr", "--patch_size=96", "--check")
    assert "nothing looks doubtful" in done.out
    assert not (tmp_path / "dataset_check.png").exists()
    (tmp_path / "hr" / "d.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = command("train", "--dataset=folder:hr", "--patch_size=96", "--check")
    assert "hr/d.png" in done.out
    assert "doubtful" not in done.out


def test_lr_of_another_hr_is_named(tmp_path, tiles):
    for place in ("hr", "lr"):
        (tmp_path / place).mkdir()
    for number, tile in enumerate(tiles[:6]):
        Image.fromarray(tile).save(tmp_path / "hr" / f"{number}.png")
        lr = matlab_resize(tiles[(number + 1) % 6] if number in (4, 5) else tile, 1 / 4)
        Image.fromarray(lr).save(tmp_path / "lr" / f"{number}.png")
    config = TrainConfig(dataset=f"folder:{tmp_path / 'hr'},{tmp_path / 'lr'}", patch_size=32)
    report = check(config, tmp_path / "sheet.png")
    found = {finding.name for finding in report.findings if finding.problem == "mismatch"}
    assert found <= {str(tmp_path / "lr" / f"{number}.png") for number in (4, 5)}
    assert found
