"""`upscale` as people use it: every kind of image, every kind of mistake, and nothing lost."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from commands.results import left, opened
from imaging.samples import SRGB, exif_of
from PIL import ExifTags, Image

from srgan_tf.imaging import matlab_resize, read_image, to_levels, to_uint8, write_image
from srgan_tf.inference import Upscaler

BICUBIC = "--model=bicubic"


def test_a_model_upscales_files_folders_and_patterns(command, images, tmp_path, photo, model_file):
    images("a.png")
    images("b.jpg", photo[:9, :7])
    (tmp_path / "more").mkdir()
    shutil.copy(images("c.png", photo[:1, :1]), tmp_path / "more" / "c.png")
    (tmp_path / "in" / "c.png").unlink()
    done = command("upscale", "in/a.png", "in/*.jpg", "more", f"--model={model_file}", "--output=deep/out", "--timing")
    assert done.status == 0, done.err
    assert left(tmp_path / "deep/out") == ["a_x4.png", "b_x4.jpg", "c_x4.png"]
    expected = Upscaler(model_file)(photo[:20, :30])
    np.testing.assert_array_equal(np.asarray(opened(tmp_path / "deep/out/a_x4.png")), expected)
    assert opened(tmp_path / "deep/out/b_x4.jpg").size == (28, 36)
    assert opened(tmp_path / "deep/out/c_x4.png").size == (4, 4)
    assert "deep/out/a_x4.png: 30x20 -> 120x80" in done.out
    assert "3 upscaled, 0 kept, 0 failed" in done.out
    assert "upscale " in done.out.splitlines()[-1]


def test_a_network_that_averages_over_the_whole_image_says_so(command, images):
    images("a.png")
    model = Path(__file__).parents[1] / "references/weights/plksr_realplksr_x4.pth"  # with group normalisation
    done = command("upscale", "in/a.png", f"--model={model}")
    assert done.status == 0, done.err
    said, = (line for line in done.err.splitlines() if "averages over the whole image" in line)
    assert "megapixels are upscaled at once, larger ones in tiles of 384, which changes results a little" in said
    assert "averages" not in command("upscale", "in/a.png", f"--model={model}", "--tile=0", "--output=o").err


def test_bad_files_do_not_stop_the_rest(command, images, tmp_path, photo):
    for name in ("a.png", "z.png"):
        images(name)
    whole = images("truncated.png", photo).read_bytes()
    (tmp_path / "in/truncated.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in/text.png").write_text("this is no image")
    (tmp_path / "in/empty.png").touch()
    frames = [Image.fromarray(photo[:8, :8]), Image.fromarray(photo[8:16, :8])]
    frames[0].save(tmp_path / "in/moving.tif", save_all=True, append_images=frames[1:])
    done = command("upscale", "in", BICUBIC)
    assert done.status == 2
    assert left(tmp_path / "upscaled") == ["a_x4.png", "z_x4.png"]
    assert "2 upscaled, 0 kept, 4 failed" in done.out
    lines = done.err.splitlines()
    assert len(lines) == 4
    for name, reason in (("empty.png", "empty"), ("moving.tif", "2 pages"), ("text.png", "not an image"),
                         ("truncated.png", "truncated")):
        assert sum(line.startswith(f"failed: in/{name}: ") and reason in line for line in lines) == 1, lines


def test_one_image_in_question_stops_nothing(command, images, tmp_path, photo):
    """Names that are too long, twins, transparency in JPEG: each is one line, and what can be had is had."""
    for name in ("a.png", "a.webp", "b.jpg", f"{'x' * 250}.png"):
        images(name)
    images("clear.png", np.dstack([photo[:20, :30], photo[:20, :30, 0]]))
    images("opaque.png", mode="RGBA")
    done = command("upscale", "in", BICUBIC, "--format=jpg")
    assert done.status == 2
    assert left(tmp_path / "upscaled") == ["a_png_x4.jpg", "a_webp_x4.jpg", "b_x4.jpg", "opaque_x4.jpg"]
    twins, clear, long = done.err.splitlines()
    assert "in/a.png and in/a.webp would have one result" in twins
    assert "upscaled/clear_x4.jpg: JPEG has no transparency" in clear
    assert long.endswith("x_x4.jpg: File name too long")
    assert "4 upscaled, 0 kept, 2 failed" in done.out


@pytest.mark.parametrize(("arguments", "name", "scale", "size"), [
    (["--scale=2"], "a_x2.png", Fraction(2), (60, 40)),
    (["--scale=1.5", "--tile=40"], "a_x1.5.png", Fraction(3, 2), (45, 30)),
    (["--width=70", "--tile=40"], "a_70x47.png", Fraction(7, 3), (70, 47)),
    (["--width=33", "--height=78", "--suffix=_{width}", "--tile=36"], "a_33.png", None, (33, 78)),
    (["--max_side=100", "--bit_depth=16"], "a_100x67.png", Fraction(10, 3), (100, 67)),
])
def test_the_size_that_is_asked_for(command, images, tmp_path, photo, model_file, arguments, name, scale, size):
    """What the model makes, in floating point, reduced as MATLAB does; tiles change nothing."""
    images("a.png")
    done = command("upscale", "in", f"--model={model_file}", *arguments)
    assert done.status == 0, done.err
    assert "MATLAB's bicubic reduction does the rest" in done.err
    assert f"30x20 -> {size[0]}x{size[1]} in" in done.out
    whole = np.clip(Upscaler(model_file)(photo[:20, :30], dtype=np.float32), 0, 1)
    smaller = (matlab_resize(whole, output_size=size[::-1]) if scale is None else
               matlab_resize(whole, scale / 4))
    found = read_image(tmp_path / "upscaled" / name, keep_depth=True).pixels
    expected = to_levels(smaller, found.dtype)
    assert found.dtype == (np.uint16 if "--bit_depth=16" in arguments else np.uint8)
    assert found.shape == expected.shape == (*size[::-1], 3)
    np.testing.assert_allclose(found, expected.astype(int), atol=1, rtol=0)  # a tie may fall either way
    assert (found == expected).mean() > 0.99


def test_sixteen_times_is_the_model_twice(command, images, tmp_path, photo, model_file):
    images("a.png", photo[:9, :7])
    assert command("upscale", "in", f"--model={model_file}", "--scale=16").status == 0
    upscaler = Upscaler(model_file)
    once = np.clip(upscaler(photo[:9, :7], dtype=np.float32), 0, 1)
    np.testing.assert_array_equal(np.asarray(opened(tmp_path / "upscaled/a_x16.png")), upscaler(once, dtype=np.uint8))


def test_what_is_asked_of_the_files(command, images, tmp_path, photo):
    images("a.png", photo[:64, :64])
    images("b.jpg", photo[:64, :64], quality=95)
    images("deep.png", photo[:20, :30, 0].astype(np.uint16) * 257)
    for output, arguments in {"low": ["--format=jpg", "--quality=30"], "high": ["--format=jpg"],
                              "lossy": ["--format=webp", "--quality=30"], "whole": ["--format=webp"],
                              "png": ["--lossless"], "8": ["--bit_depth=8"], "16": ["--bit_depth=16"]}.items():
        done = command("upscale", "in", BICUBIC, "--scale=2", "--suffix=", "-o", output, *arguments)
        assert done.status == 0, done.err
        assert ("in/b.jpg is written as PNG: JPEG " in done.err) == (output in ("png", "16"))
        assert ("deep.jpg: not kept: more than 8 bits (JPEG holds no more)" in done.out) == (output in ("low", "high"))
    size = {name: (tmp_path / name).stat().st_size for name in ("low/a.jpg", "high/a.jpg", "lossy/a.webp",
                                                                "whole/a.webp")}
    assert size["low/a.jpg"] < size["high/a.jpg"] / 2
    assert size["lossy/a.webp"] < size["whole/a.webp"] / 2
    assert left(tmp_path / "png") == ["a.png", "b.png", "deep.png"]
    assert opened(tmp_path / "8/deep.png").mode == "L"
    assert left(tmp_path / "16") == ["a.png", "b.png", "deep.png"]
    fine, plain = (read_image(tmp_path / folder / "a.png", keep_depth=True).pixels for folder in ("16", "8"))
    np.testing.assert_allclose(fine / 257, plain, atol=1.1)  # bicubic rounds 8 bits after each axis, as MATLAB does
    assert len(np.unique(fine)) > 300


def test_profile_and_exif_are_kept_and_the_image_upright(command, images, tmp_path, photo):
    for name in ("a.jpg", "a.webp", "b.png"):
        images(name, exif=exif_of(6), icc_profile=SRGB)
    assert command("upscale", "in", BICUBIC).status == 0
    for name in ("a_x4.jpg", "a_x4.png", "b_x4.png"):
        image = opened(tmp_path / "upscaled" / name)
        assert image.size == (80, 120)  # turned by a quarter
        assert image.info["icc_profile"] == SRGB
        exif = image.getexif()
        assert exif[ExifTags.Base.Artist] == "A. Photographer"
        assert exif[ExifTags.Base.Orientation] == 1
        assert exif[ExifTags.Base.Software].startswith("srgan_tf ")
        assert exif[ExifTags.Base.Software].endswith(" (bicubic)")
    upright = matlab_resize(np.rot90(photo[:20, :30], -1), 4)
    np.testing.assert_array_equal(np.asarray(opened(tmp_path / "upscaled/b_x4.png")), upright)


def test_kinds_of_images(command, images, tmp_path, photo):
    grey = photo[:20, :30, 1]
    alpha = np.dstack([photo[:20, :30], photo[50:70, :30, 0]])
    images("grey.png", grey)
    images("grey_alpha.png", np.dstack([grey, alpha[..., 3]]))
    images("palette.png", mode="P")
    images("deep.png", grey.astype(np.uint16) * 257)
    images("cmyk.jpg", mode="CMYK", quality=95)
    images("alpha.png", alpha)
    done = command("upscale", "in", BICUBIC)
    assert done.status == 0, done.err
    modes = {path.name.replace("_x4", ""): opened(path).mode for path in (tmp_path / "upscaled").iterdir()}
    assert modes == {"grey.png": "L", "grey_alpha.png": "LA", "palette.png": "RGB", "deep.png": "I;16",
                     "cmyk.jpg": "RGB", "alpha.png": "RGBA"}
    np.testing.assert_array_equal(np.asarray(opened(tmp_path / "upscaled/grey_x4.png")), matlab_resize(grey, 4))
    deep = to_levels(matlab_resize(grey / 255, 4), np.uint16)
    np.testing.assert_allclose(np.asarray(opened(tmp_path / "upscaled/deep_x4.png")), deep, atol=1)
    upscaled = np.asarray(opened(tmp_path / "upscaled/alpha_x4.png"))
    np.testing.assert_array_equal(upscaled[..., 3], to_uint8(matlab_resize(alpha[..., 3] / 255, 4)))
    for name in ("palette.png", "cmyk.jpg"):
        upscaled = np.asarray(opened(tmp_path / "upscaled" / name.replace(".", "_x4."))).astype(int)
        difference = upscaled - matlab_resize(photo[:20, :30], 4)
        assert np.abs(difference).mean() < 20, name


def test_16_bits_come_out_as_16_bits(command, tmp_path):
    """More levels than 8 bits have, in every form, where the format has room for them; 8 bits stay 8 bits."""
    y, x = np.mgrid[:12, :17]
    deep = (30_000 + 23 * x + 7 * y)[..., None] + np.array([0, 400, 800, 1200])
    (tmp_path / "in").mkdir()
    deep[..., 3] = np.minimum(deep[..., 3] + 1900 * x, 65535)
    for channels, name in enumerate(("grey", "grey_alpha", "rgb", "rgba"), 1):
        pixels = deep[..., [0, 3]] if channels == 2 else deep[..., :channels]
        for suffix in ("png", "tif"):
            write_image(tmp_path / f"in/{name}_{suffix}.{suffix}", pixels.astype(np.uint16))
    for arguments in (["in"], ["in", "--format=tif"], ["in/rgb_png.png", "--format=jpg", "--output=small"]):
        done = command("upscale", *arguments, BICUBIC, "--suffix=")
        assert done.status == 0, done.err
    exact = matlab_resize(deep / 65535, 4)
    for path in (tmp_path / "upscaled").iterdir():
        found = read_image(path, keep_depth=True)
        channels = ["grey", "grey_alpha", "rgb", "rgba"].index(path.stem[:-4]) + 1
        assert found.channels.shape == (48, 68, channels)
        assert found.pixels.dtype == np.uint16
        assert len(np.unique(found.channels[..., 0])) > 256
        if channels % 2:
            np.testing.assert_allclose(found.channels, 65535 * exact[..., :channels], atol=1)
        else:
            np.testing.assert_allclose(found.channels[..., -1], np.clip(65535 * exact[..., 3], 0, 65535), atol=1)
            assert np.abs(found.channels[..., 0] - 65535.0 * exact[..., 0]).max() < 700  # a ramp, whatever its alpha
    assert len([*(tmp_path / "upscaled").iterdir()]) == 16
    assert opened(tmp_path / "small/rgb_png.jpg").mode == "RGB"


def test_a_very_wide_image(command, images, tmp_path, model_file, photo):
    images("wide.png", np.tile(photo[:2, :250], (1, 120, 1)))
    done = command("upscale", "in", f"--model={model_file}", "--tile=64", "--overlap=8")
    assert done.status == 0, done.err
    assert opened(tmp_path / "upscaled/wide_x4.png").size == (120_000, 8)


def test_too_many_pixels(command, images, tmp_path):
    images("a.png")
    done = command("upscale", "in", BICUBIC, "--max_megapixels=0.009")
    assert done.status == 2
    assert "30x20 would become 0.0096 megapixels; the limit is --max_megapixels=0.009" in done.err
    assert left(tmp_path / "upscaled") == []
    assert command("upscale", "in", BICUBIC, "--max_megapixels=0.0096").status == 0


@pytest.mark.parametrize(("arguments", "message"), [
    ([], "nothing to upscale"),
    (["in", "--outptu=x"], "unknown flag --outptu; did you mean --output? (--help explains all flags)"),
    (["in", "nowhere*"], "no file matches the pattern nowhere*"),
    (["empty"], "empty: no image in this folder"),
    (["empty", "--recursive"], "empty: no image in this folder or its sub-folders"),
    (["in", "-x"], "unknown flag -x (--help explains all flags)"),
    (["in", "--model"], "--model needs a value, as in --model=VALUE"),
    (["in", "--format=gif"], "--format must be one of .png"),
    (["in", "--output=in/a.png"], "in/a.png would be overwritten by its own output"),
    (["in", "--output=in/a.png/b"], "in/a.png/b: Not a directory"),
    (["in", "text.tflite", "-o", "new.png"], "--output=new.png is one file, and 2 images are to be upscaled"),
    (["in", "-o", "new.png", "--format=jpg"], "--output=new.png and --format=jpg are two formats"),
    (["in", "--output=/proc/nowhere"], "/proc/nowhere"),
    (["in", "--scale=2", "--height=50", "--width=3"], "--scale and --width and --height contradict each other"),
    (["in", "--max_side=20", "--width=3"], "--max_side and --width contradict each other: give one of them"),
    (["in", "--quality=80", "--lossless"], "--quality and --lossless contradict each other"),
    (["in", "--denoise=1.5"], "--denoise must be within 0..1; got 1.5"),
    (["in", "--denoise=0.5", "--model=edsr_x4"], "--denoise lies between the shipped models photo_gentle_x4 and "
     "photo_x4: give neither another --model nor --server with it"),
    (["in", "--sharpness=0.5", "--server=http://127.0.0.1:1/v1/models/a"], "--sharpness lies between"),
    (["in", "--denoise=0.5", "--sharpness=0.5"], "--sharpness and --denoise contradict each other"),
    (["in", "--quality=101"], "--quality must be within 1..100, or 0 for the format's own; got 101"),
    (["in", "--suffix=/../../out"], "--suffix is a part of a file's name, without folders; got '/../../out'"),
    (["in", "--suffix=_{size}"], "--suffix may hold {scale}, {width} and {height}; got {size}"),
    (["in", "--crf=20"], "--crf is for clips, and there is none among the images"),
    (["in", "--crf=0"], "--crf is for clips, and there is none among the images"),
    (["in", "--start=1"], "--start is for clips, and there is none among the images"),
    (["in", "--scale=0.5"], "--scale must be within 1..64, or 0 for the model's own; got 0.5"),
    (["in", "--width=-3"], "--width must be at least 0; got -3"),
    (["in", "--quality=80"], "--quality=80: PNG is always lossless; JPEG and WebP have a quality"),
    (["in", "--format=webp", "--bit_depth=16"], "--bit_depth=16: WEBP holds 8 bits; PNG and TIFF hold 16"),
    (["in", "-o", "a.jpg", "--lossless"], "--lossless: JPEG is never lossless; PNG, WebP, TIFF and BMP are"),
    (["in", "--tile=32"], "--tile must be greater than twice --overlap=16; got 32"),
    (["in", "--model=nowhere.keras"], "nowhere.keras"),
    (["in", "--model=nowhere.tflite"], "nowhere.tflite"),
    (["in", "--model=empty"], "empty"),
    (["in", "--model=in/a.png"], "in/a.png is not a .keras model file"),
    (["in", "--model=text.tflite"], "text.tflite is not a .tflite file"),
])
def test_mistakes_are_one_line(refused, images, tmp_path, arguments, message):
    original = images("a.png").read_bytes()
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tflite").write_text("not a model")
    assert message in refused("upscale", BICUBIC, *arguments)
    assert (tmp_path / "in/a.png").read_bytes() == original
    assert left(tmp_path) == ["in/a.png", "text.tflite"]


def test_litert_says_nothing_of_its_own(command, images, tmp_path):
    images("a.png")
    done = command("upscale", "in", "--model=mobile_x4_float16")
    assert (done.status, done.err) == (0, "")
    assert opened(tmp_path / "upscaled/a_x4.png").size == (120, 80)


def test_a_damaged_model(refused, images, tmp_path, model_file):
    images("a.png")
    content = model_file.read_bytes()
    (tmp_path / "half.keras").write_bytes(content[: len(content) // 2])
    assert "half.keras" in refused("upscale", "in", "--model=half.keras")
