"""`evaluate --clips`: figures of frames and over time, the table and the sheets of slices."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from srgan_tf.evaluation.time_slices import time_slice
from srgan_tf.imaging import matlab_resize, rgb_to_y
from srgan_tf.metrics import psnr, temporal


@pytest.fixture(scope="module")
def clips(tmp_path_factory, photo):
    """Two clips as folders of frames: the photograph moves by a pixel a frame down, or to the right."""
    top = tmp_path_factory.mktemp("clips")
    for name, (down, right) in {"down": (1, 0), "right": (0, 1)}.items():
        (top / name).mkdir()
        for number in range(3):
            part = photo[down * number : down * number + 50, right * number : right * number + 66]
            Image.fromarray(part).save(top / name / f"{number}.png")
    return top


def frames_of(folder):
    return [np.asarray(Image.open(folder / f"{number}.png"))[:48, :64] for number in range(3)]


def test_figures(command, clips, tmp_path):
    done = command("evaluate", f"--clips={clips}", "--model=bicubic", "--output=out")
    assert done.status == 0, done
    found = json.loads((tmp_path / "out/clips.json").read_text())["clips"]
    assert list(found) == ["down", "right", "average"]
    for name in ("down", "right"):
        hr = frames_of(clips / name)
        made = [matlab_resize(matlab_resize(frame, 1 / 4), 4) for frame in hr]
        figures = found[name]["bicubic"]
        assert figures["psnr_y"] == pytest.approx(np.mean([psnr(*pair, crop=4) for pair in zip(made, hr, strict=True)]))
        inner = [[rgb_to_y(frame)[4:-4, 4:-4] for frame in clip] for clip in (made, hr)]
        error = np.diff(inner[0], axis=0) - np.diff(inner[1], axis=0)
        assert figures["flicker"] == pytest.approx(np.abs(error).mean())
    assert found["average"]["bicubic"]["psnr_y"] == pytest.approx(
        np.mean([found[name]["bicubic"]["psnr_y"] for name in ("down", "right")]))
    assert (tmp_path / "out/clips.md").read_text() in done.out
    assert f"| average | bicubic | {found['average']['bicubic']['psnr_y']:.2f} |" in done.out
    sheet = np.asarray(Image.open(tmp_path / "out/slices_right.png"))
    assert sheet.shape == (6 + 2 * (18 + 168 + 6), 64 + 12, 3)
    hr = np.stack(frames_of(clips / "right"))
    np.testing.assert_array_equal(sheet[-174:-6, 6:70], hr[:, 24].repeat(56, axis=0))


def test_gaussian_reduction(command, clips, tmp_path):
    ndimage = pytest.importorskip("scipy.ndimage")
    assert command("evaluate", f"--clips={clips / 'down'}", "--model=bicubic", "--output=out",
                   "--reduction=gaussian").status == 0
    hr = frames_of(clips / "down")
    lr = [ndimage.gaussian_filter(frame.astype(float), (1.5, 1.5, 0), mode="mirror", radius=(4, 4, 0))[::4, ::4]
          for frame in hr]
    expected = np.mean([psnr(matlab_resize((small + 0.5).astype(np.uint8), 4), frame, crop=4)
                        for small, frame in zip(lr, hr, strict=True)])
    found = json.loads((tmp_path / "out/clips.json").read_text())["clips"]["down"]["bicubic"]
    assert found["psnr_y"] == pytest.approx(expected, abs=0.01)


def test_nothing_but_the_figures_is_said(clips, tmp_path):
    """In a process of its own, because frameworks say once what they have to say."""
    done = subprocess.run(
        [sys.executable, "-m", "srgan_tf.evaluate", f"--clips={clips / 'down'}", "--model=mobile_x4_int8",
         "--output=out", "--reduction=gaussian"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_what_is_steady():
    """An error that stays does not flicker; one that comes and goes does, and its slice shows it."""
    hr = [np.full((20, 24, 3), 100, np.uint8)] * 4
    off = [frame + np.uint8(20) for frame in hr]
    blinking = [frame + np.uint8(20 * (number % 2)) for number, frame in enumerate(hr)]
    assert temporal.flicker(off, hr) == 0
    assert temporal.flicker(blinking, hr, crop=2) == pytest.approx(20 * 219 / 255)
    assert len(np.unique(time_slice(off))) == 1
    assert np.unique(time_slice(blinking)).tolist() == [100, 120]
    distance = lambda one, other, crop: float(np.abs(one.astype(float) - other).mean())  # noqa: E731
    assert temporal.tlp(off, hr, distance) == 0
    assert temporal.tlp(blinking, hr, distance) == 20


def test_optical_flow(photo):
    """A clip that moves by two pixels a frame, against one that stands still."""
    pytest.importorskip("cv2")
    still = [photo[64:192, 64:192]] * 3
    moving = [photo[64:192, 64 + 2 * number : 192 + 2 * number] for number in range(3)]
    assert temporal.tof(moving, moving) == 0
    assert temporal.tof(moving, still, crop=16) == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize(("arguments", "message"), [
    (["--clips=nothing"], "no file or folder nothing"),
    (["--clips={clips}", "--benchmark=Set5"], "give --clips, or --benchmark, or --sr_dir with --hr_dir: one of them"),
    (["--benchmark=Set5", "--reduction=gaussian"], "--reduction=gaussian is for --clips"),
])
def test_refusals(refused, clips, arguments, message):
    assert message in refused("evaluate", "--model=bicubic", *(argument.format(clips=clips) for argument in arguments))
