"""`upscale` of animated GIF, WebP and PNG: frames, delays, repeats and transparency."""

import numpy as np
import pytest
from PIL import Image

from srgan_tf.inference import Upscaler
from srgan_tf.inference.animations import upscale_animation
from srgan_tf.video.animation_files import Animation, read_animation, read_animation_frames, write_animation

BICUBIC = ("--model=bicubic", "--scale=2")
DELAYS = (100, 50, 200, 30)


@pytest.fixture
def upscaler():
    return Upscaler("bicubic", scale=2)


def frame(number: int, hole: bool) -> np.ndarray:
    """A plain colour, with a hole that moves."""
    pixels = np.full((24, 32, 4), (200 - 20 * number, 30 * number, 100, 255), np.uint8)
    if hole:
        pixels[8:16, 4 + 4 * number : 16 + 4 * number] = 0
    return pixels


def make(path, hole=False, loop=None, frames=4, **options):
    images = [Image.fromarray(frame(number, hole)) for number in range(frames)]
    options |= {} if loop is None else {"loop": loop}
    options |= {".webp": {"lossless": True}, ".gif": {"disposal": 2} if hole else {}, ".png": {}}[path.suffix]
    images[0].save(path, save_all=True, append_images=images[1:], duration=list(DELAYS[:frames]), **options)
    return path


@pytest.mark.parametrize("loop", [None, 0, 3])
@pytest.mark.parametrize("hole", [False, True])
@pytest.mark.parametrize("source", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("target", [".gif", ".webp", ".png"])
def test_all_is_kept(tmp_path, upscaler, source, target, hole, loop):
    """From each format to each; GIF says how often it is repeated, the others how often it is played."""
    before = read_animation(make(tmp_path / f"a{source}", hole, loop))
    assert before.repeats == ((4 if loop else loop) if source == ".gif" and loop is not None else
                              1 if source == ".gif" else loop or 0)
    assert upscale_animation(upscaler, tmp_path / f"a{source}", tmp_path / f"out{target}") == 4
    after = read_animation(tmp_path / f"out{target}")
    assert (after.width, after.height, after.delays, after.repeats, after.transparent) == (
        64, 48, DELAYS, before.repeats, hole)
    for number, pixels in enumerate(read_animation_frames(tmp_path / f"out{target}")):
        expected = upscaler(frame(number, hole)) if hole else upscaler(frame(number, hole)[..., :3])
        seen = expected[..., 3] >= 128 if hole else np.ones((48, 64), bool)
        np.testing.assert_array_equal(pixels[..., :3][seen], expected[..., :3][seen])
        if hole:
            difference = np.abs(pixels[..., 3].astype(int) - (255 * seen if target == ".gif" else expected[..., 3]))
            assert difference.max() == 0


def test_the_command(command, tmp_path):
    """Its own format where nothing is said; a page is a still image."""
    make(tmp_path / "a.gif", hole=True)
    make(tmp_path / "b.webp")
    make(tmp_path / "c.png")
    make(tmp_path / "d.gif", frames=1)
    done = command("upscale", "a.gif", "b.webp", "c.png", "d.gif", *BICUBIC)
    assert done.status == 0, done
    assert "upscaled/a_x2.gif: 32x24 -> 64x48, 4 frames in" in done.out
    assert "4 upscaled, 0 kept, 0 failed" in done.out
    assert {path.name for path in (tmp_path / "upscaled").iterdir()} == {
        "a_x2.gif", "b_x2.webp", "c_x2.png", "d_x2.png"}
    assert command("upscale", "a.gif", *BICUBIC, "--page=2", "-o", "second.png").status == 0
    assert not getattr(Image.open(tmp_path / "second.png"), "is_animated", False)
    assert command("upscale", "a.gif", *BICUBIC, "-o", "a.webp").status == 0
    assert read_animation(tmp_path / "a.webp").delays == DELAYS


def test_a_poster_stays_one(tmp_path, upscaler):
    """The image of an animated PNG that readers without animation show."""
    images = [Image.fromarray(frame(number, False)) for number in range(3)]
    images[0].save(tmp_path / "a.png", save_all=True, append_images=images[1:], default_image=True, duration=[40, 70])
    assert read_animation(tmp_path / "a.png").poster
    upscale_animation(upscaler, tmp_path / "a.png", tmp_path / "out.png")
    upscale_animation(upscaler, tmp_path / "a.png", tmp_path / "out.gif")
    with Image.open(tmp_path / "out.png") as image:
        assert image.info["default_image"]
        assert image.convert("RGB").getpixel((0, 0)) == (200, 0, 100)
    assert read_animation(tmp_path / "out.png").delays == read_animation(tmp_path / "out.gif").delays == (40, 70)
    first = next(read_animation_frames(tmp_path / "out.gif"))
    assert tuple(first[0, 0]) == (180, 30, 100)


@pytest.mark.parametrize("ending", [".gif", ".png"])
def test_frames_are_written_as_they_come(tmp_path, ending):
    """Memory does not depend on their number."""
    sizes = []

    def frames():
        for number in range(9):
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
            yield np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)

    write_animation(tmp_path / f"a{ending}", frames(), Animation(64, 64, (40,) * 9, 0, False))
    # One frame waits for the next to differ, and a last buffer is not written yet.
    assert sizes[-1] > sum(path.stat().st_size for path in tmp_path.iterdir()) / 2
    assert len(list(read_animation_frames(tmp_path / f"a{ending}"))) == 9


@pytest.mark.parametrize("ending", [".gif", ".png"])
def test_frames_without_a_visible_pixel_and_with_a_black_rim(tmp_path, ending):
    """What is black and opaque is no background."""
    empty, rim = np.zeros((12, 16, 4), np.uint8), np.full((12, 16, 4), (0, 0, 0, 255), np.uint8)
    rim[4:8, 4:8] = (200, 100, 50, 255)
    rim[5, 5] = 0
    written = [empty, rim, empty, frame(0, True)[:12, :16], rim]
    path = tmp_path / f"a{ending}"
    write_animation(path, iter(written), Animation(16, 12, (40,) * 5, 0, True))
    for pixels, expected in zip(read_animation_frames(path), written, strict=True):
        np.testing.assert_array_equal(pixels, expected)


def test_long_delays(command, tmp_path):
    """Of more than 65 s PNG counts no thousandths; GIF knows 655.35 s at most, also where equal frames are joined."""
    first, second = (Image.fromarray(frame(number, False)) for number in range(2))
    first.save(tmp_path / "a.png", save_all=True, append_images=[first, second], duration=[400_000, 400_000, 7],
               blend=[0, 1, 0])
    first.save(tmp_path / "b.webp", save_all=True, append_images=[second], duration=[100_001, 700_000])
    done = command("upscale", "a.png", "b.webp", *BICUBIC, "--format=gif")
    assert done.status == 2
    assert "a frame of b.webp is shown for 700 s; .gif holds at most 655.35 s" in done.err
    assert read_animation(tmp_path / "upscaled/a_x2.gif").delays == (400_000, 400_000, 0)
    assert command("upscale", "b.webp", *BICUBIC, "-o", "b.png").status == 0
    np.testing.assert_allclose(read_animation(tmp_path / "b.png").delays, (100_001, 700_000), atol=1)


@pytest.mark.parametrize(("source", "loop", "target", "repeats"), [
    (".gif", 65_535, ".webp", 65_535), (".gif", 65_535, ".gif", 65_536), (".png", 70_000, ".gif", 65_536)])
def test_more_repeats_than_a_format_counts(tmp_path, upscaler, source, loop, target, repeats):
    make(tmp_path / f"a{source}", loop=loop, frames=2)
    upscale_animation(upscaler, tmp_path / f"a{source}", tmp_path / f"out{target}")
    assert read_animation(tmp_path / f"out{target}").repeats == repeats


def test_frames_that_repeat_are_computed_once(tmp_path, upscaler):
    calls = []

    def counted(pixels):
        calls.append(1)
        return upscaler(pixels)

    counted.scale = 2
    same = Image.fromarray(frame(0, False)[..., :3])
    other = Image.fromarray(frame(1, False)[..., :3])
    # Frames that differ in how they are blended are not joined by Pillow.
    same.save(tmp_path / "a.png", save_all=True, append_images=[same, other, other], duration=40, blend=[0, 1, 0, 1])
    assert upscale_animation(counted, tmp_path / "a.png", tmp_path / "out.png") == 4
    assert len(calls) == 2


@pytest.mark.parametrize(("arguments", "reason"), [
    (("--width=99",), "animated images have the model's scale"),
    (("--quality=50",), "animated WebP is lossless"),
    (("--max_megapixels=0.0005",), "the limit is --max_megapixels=0.0005"),
    (("-o", "a.jpg"), "--output=a.jpg: a.gif can become .gif, .webp, .png"),
])
def test_mistakes(command, tmp_path, arguments, reason):
    make(tmp_path / "a.gif")
    done = command("upscale", "a.gif", "--model=runs/not_there", *arguments)
    assert done.status == 2
    assert reason in done.err


def test_damage_is_one_line(command, tmp_path):
    content = make(tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) * 3 // 4])
    done = command("upscale", "a.png", *BICUBIC)
    assert done.status == 2
    assert "a.png: frame" in done.err
    assert "Traceback" not in done.err
    assert not list(tmp_path.glob("upscaled/*"))
