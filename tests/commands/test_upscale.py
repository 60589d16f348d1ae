"""`upscale` as people use it: every kind of image, every kind of mistake, and nothing lost."""

import io
import resource
import shutil

import numpy as np
import pytest
from imaging.samples import SRGB, exif_of
from inference.lifelike import lifelike
from PIL import ExifTags, Image

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import export_tflite
from srgan_tf.imaging import matlab_resize, read_image, to_levels, to_uint8, write_image
from srgan_tf.inference import Upscaler
from srgan_tf.models import GENERATORS, save_model

BICUBIC = "--model=bicubic"


@pytest.fixture
def images(tmp_path, photo):
    """Saves an image as IN/name; returns the arrays' maker."""
    (tmp_path / "in").mkdir()

    def save(name: str, pixels=None, mode: str | None = None, **options):
        image = Image.fromarray(photo[:20, :30] if pixels is None else pixels)
        (image.convert(mode) if mode else image).save(tmp_path / "in" / name, **options)
        return tmp_path / "in" / name

    return save


def opened(path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
    return image


def left(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


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


def test_sub_folders(command, images, tmp_path):
    (tmp_path / "in/sub").mkdir(parents=True)
    images("a.png")
    images("sub/a.png")
    assert command("upscale", "in", BICUBIC, "--scale=2").status == 0
    assert left(tmp_path / "upscaled") == ["a_x2.png"]
    assert command("upscale", "in", BICUBIC, "--scale=2", "--recursive", "-o", "all", "--suffix=").status == 0
    assert left(tmp_path / "all") == ["a.png", "sub/a.png"]
    assert opened(tmp_path / "all/sub/a.png").size == (60, 40)


def test_one_image_to_a_file(command, images, tmp_path):
    """An ending of an image means a file, unless a folder has that name."""
    images("a.png")
    assert command("upscale", "in/a.png", BICUBIC, "-o", "new/large.webp").status == 0
    assert opened(tmp_path / "new/large.webp").size == (120, 80)
    (tmp_path / "folder.png").mkdir()
    assert command("upscale", "in", BICUBIC, "--scale=2", "--output=folder.png").status == 0
    assert left(tmp_path / "folder.png") == ["a_x2.png"]
    assert left(tmp_path / "new") == ["large.webp"]


def test_names_have_the_scale_that_the_model_turns_out_to_have(command, refused, images, tmp_path):
    """It is not known before a file is opened; what it would replace is still refused."""
    images("a.png")
    images("a_x2.png")
    save_model(GENERATORS["espcn"](scale=2), tmp_path / "small.keras")
    assert command("upscale", "in/a.png", "--model=small.keras").status == 0
    assert left(tmp_path / "upscaled") == ["a_x2.png"]
    line = refused("upscale", "in", "--model=small.keras", "--output=in", "--overwrite")
    assert "in/a_x2.png, which is also an input, would be overwritten by the output of in/a.png" in line


@pytest.mark.parametrize("model", ["edsr_x4", "realesrgan-x4plus"])
def test_clashes_are_found_before_the_model(refused, images, monkeypatch, model):
    images("a.png")
    images("a_x4.png")
    monkeypatch.setenv("SRGAN_TF_OFFLINE", "1")
    assert "in/a_x4.png, which is also an input" in refused("upscale", "in", f"--model={model}", "--output=in")


def test_existing_files_are_kept_unless_asked(command, images, tmp_path):
    images("a.png")
    (tmp_path / "upscaled").mkdir()
    (tmp_path / "upscaled/a_x4.png").write_text("mine")
    done = command("upscale", "in", BICUBIC)
    assert done.status == 0
    assert "upscaled/a_x4.png: exists, kept" in done.out
    assert (tmp_path / "upscaled/a_x4.png").read_text() == "mine"
    assert command("upscale", "in", BICUBIC, "--overwrite").status == 0
    assert opened(tmp_path / "upscaled/a_x4.png").size == (120, 80)


def test_bad_files_do_not_stop_the_rest(command, images, tmp_path, photo):
    for name in ("a.png", "z.png"):
        images(name)
    whole = images("truncated.png", photo).read_bytes()
    (tmp_path / "in/truncated.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in/text.png").write_text("this is no image")
    (tmp_path / "in/empty.png").touch()
    frames = [Image.fromarray(photo[:8, :8]), Image.fromarray(photo[8:16, :8])]
    frames[0].save(tmp_path / "in/moving.gif", save_all=True, append_images=frames[1:])
    done = command("upscale", "in", BICUBIC)
    assert done.status == 2
    assert left(tmp_path / "upscaled") == ["a_x4.png", "z_x4.png"]
    assert "2 upscaled, 0 kept, 4 failed" in done.out
    lines = done.err.splitlines()
    assert len(lines) == 4
    for name, reason in (("empty.png", "empty"), ("moving.gif", "2 frames"), ("text.png", "not an image"),
                         ("truncated.png", "truncated")):
        assert sum(line.startswith(f"failed: in/{name}: ") and reason in line for line in lines) == 1, lines


def test_two_images_with_one_result(refused, images, tmp_path):
    images("a.png")
    images("a.webp")
    assert "2 images would be written to upscaled/a_x4.png" in refused("upscale", "in", BICUBIC)
    assert not (tmp_path / "upscaled").exists()


def test_an_image_is_never_replaced_by_its_result(refused, images, tmp_path):
    original = images("a.png").read_bytes()
    assert "own output" in refused("upscale", "in", BICUBIC, "--output=in", "--suffix=", "--overwrite")
    assert (tmp_path / "in/a.png").read_bytes() == original


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
    assert "30x20 would become 0 megapixels; the limit is --max_megapixels=0.009" in done.err
    assert left(tmp_path / "upscaled") == []
    assert command("upscale", "in", BICUBIC, "--max_megapixels=0.0096").status == 0


@pytest.mark.parametrize(("arguments", "message"), [
    ([], "nothing to upscale"),
    (["in", "--outptu=x"], "Did you mean: output"),
    (["in", "nowhere*"], "no file, folder or match: nowhere*"),
    (["empty"], "empty: no image in this folder"),
    (["empty", "--recursive"], "empty: no image in this folder or its sub-folders"),
    (["in", "--format=gif"], "--format must be one of .png"),
    (["in", "--output=in/a.png"], "in/a.png would be overwritten by its own output"),
    (["in", "--output=in/a.png/b"], "Not a directory: in/a.png/b"),
    (["in", "text.tflite", "-o", "new.png"], "--output=new.png is one file, and 2 images are to be upscaled"),
    (["in", "-o", "new.png", "--format=jpg"], "--output=new.png and --format=jpg are two formats"),
    (["in", "--output=/proc/nowhere"], "/proc/nowhere"),
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
    export_tflite(lifelike("edsr"), tmp_path, "small", ExportConfig(model="-", output="-", tile="24"))
    done = command("upscale", "in", "--model=small.tflite")
    assert (done.status, done.err) == (0, "")
    assert opened(tmp_path / "upscaled/a_x4.png").size == (120, 80)


def test_a_damaged_model(refused, images, tmp_path, model_file):
    images("a.png")
    content = model_file.read_bytes()
    (tmp_path / "half.keras").write_bytes(content[: len(content) // 2])
    assert "half.keras" in refused("upscale", "in", "--model=half.keras")


@pytest.fixture
def small_disk():
    """Makes every write beyond 20,000 bytes of one file fail, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_no_half_file(command, images, tmp_path, photo, small_disk):
    encoded = io.BytesIO()
    Image.fromarray(photo[:100, :100]).resize((50, 50)).save(encoded, "JPEG")
    (tmp_path / "in/large.jpg").write_bytes(encoded.getvalue())
    images("small.png", photo[:4, :4])
    (tmp_path / "upscaled").mkdir()
    (tmp_path / "upscaled/large.png").write_text("mine")
    done = command("upscale", "in", BICUBIC, "--format=png", "--overwrite", "--scale=8", "--suffix=")
    assert done.status == 2
    assert [line for line in done.err.splitlines() if line] == ["failed: upscaled/large.png: File too large"]
    assert left(tmp_path / "upscaled") == ["large.png", "small.png"]
    assert (tmp_path / "upscaled/large.png").read_text() == "mine"
    assert opened(tmp_path / "upscaled/small.png").size == (32, 32)


@pytest.mark.parametrize("name", ["a.png"])
def test_a_folder_in_the_place_of_a_result(command, images, tmp_path, name):
    images(name)
    images("b.png")
    (tmp_path / "upscaled" / name).mkdir(parents=True)
    done = command("upscale", "in", BICUBIC, "--overwrite", "--suffix=")
    assert done.status == 2
    assert f"failed: upscaled/{name}: Is a directory" in done.err
    assert left(tmp_path / "upscaled") == ["b.png"]
