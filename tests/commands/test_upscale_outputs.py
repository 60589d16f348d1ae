"""Which files the results of `upscale` become, and what happens to those that are there."""

import io
import resource
import shutil
from pathlib import Path

import pytest
from commands.results import left, opened
from PIL import Image

from srgan_tf.models import GENERATORS, save_model

BICUBIC = "--model=bicubic"


def test_sub_folders(command, images, tmp_path):
    (tmp_path / "in/sub").mkdir(parents=True)
    images("a.png")
    images("sub/a.png")
    for empty in ("no_images", ".hidden"):
        (tmp_path / "in" / empty).mkdir()
    images(".hidden/a.png")
    for _ in range(2):  # the second time with results there
        done = command("upscale", "in", BICUBIC, "--scale=2", "--output=in/new")
        assert (done.status, done.err) == (0, "in: images in sub-folders are left out (sub); --recursive takes them "
                                              "too\n")
        assert left(tmp_path / "in/new") == ["a_x2.png"]
    shutil.rmtree(tmp_path / "in/new")
    done = command("upscale", "in", BICUBIC, "--scale=2", "--recursive", "-o", "all", "--suffix=")
    assert (done.status, done.err) == (0, "")
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


def test_a_slash_makes_it_a_folder_whatever_its_name(command, images, tmp_path):
    images("a.png")
    for output, folder in (("new.xyz/", "new.xyz"), ("new.xyz", "new.xyz"), ("large.png/", "large.png"),
                           ("results.v2", "results.v2"), ("photos.2024", "photos.2024")):
        assert command("upscale", "in/a.png", BICUBIC, "-o", output, "--overwrite").status == 0, output
        assert left(tmp_path / folder) == ["a_x4.png"]
    images("b.png")
    assert command("upscale", "in/a.png", "in/b.png", BICUBIC, "-o", "several.xyz").status == 0
    assert left(tmp_path / "several.xyz") == ["a_x4.png", "b_x4.png"]


@pytest.mark.parametrize("name", ["out.xyz", "out.pgn", "out.heic", "out.jpgg", "out.jp2"])
def test_an_ending_that_is_not_written_makes_no_folder(refused, images, tmp_path, name):
    images("a.png")
    line = refused("upscale", "in/a.png", BICUBIC, f"--output={name}")
    assert f"--output={name}: no image is written as {Path(name).suffix}: use one of .png, .jpg" in line
    assert f"or write {name}/ for a folder of this name" in line
    assert left(tmp_path) == ["in/a.png"]


def test_a_file_that_is_named_and_exists_is_no_success(command, refused, images, tmp_path):
    """The folder's results are kept and the run continues; the one file that was asked for was not made."""
    images("a.png")
    (tmp_path / "large.png").write_text("mine")
    assert refused("upscale", "in/a.png", BICUBIC, "-o", "large.png") == (
        "failed: --output=large.png exists: give --overwrite to replace it, or another name")
    assert (tmp_path / "large.png").read_text() == "mine"
    assert command("upscale", "in/a.png", BICUBIC, "-o", "large.png", "--overwrite").status == 0
    assert opened(tmp_path / "large.png").size == (120, 80)


def test_names_have_the_scale_that_the_model_turns_out_to_have(command, images, tmp_path):
    """Foreign weights say theirs when they are opened; what would be replaced is still refused."""
    images("a.png")
    original = images("a_x2.png").read_bytes()
    weights = Path(__file__).parents[1] / "references/weights/srvgg_pnnx_x2.param"
    done = command("upscale", "in", f"--model={weights}", "--output=in", "--overwrite")
    assert done.status == 2
    assert done.err.splitlines() == ["failed: in/a_x2.png, which is also an input, would be overwritten by the output "
                                     "of in/a.png: choose another --output or --suffix"]
    assert "1 upscaled, 0 kept, 1 failed" in done.out
    assert left(tmp_path) == ["in/a.png", "in/a_x2.png", "in/a_x2_x2.png"]
    assert (tmp_path / "in/a_x2.png").read_bytes() == original


@pytest.mark.parametrize("model", ["edsr_x4", "realesrgan-x4plus", "run", "run/best.keras"])
def test_the_model_is_not_opened_where_nothing_is_left_to_do(command, refused, images, tmp_path, monkeypatch, model):
    images("a.png")
    images("a_x4.png")
    monkeypatch.setenv("SRGAN_TF_OFFLINE", "1")
    monkeypatch.setattr("srgan_tf.flags.resolve_model", None)
    (tmp_path / "run").mkdir()
    save_model(GENERATORS["espcn"](scale=4), tmp_path / "run/best.keras")
    line = refused("upscale", "in/a.png", "in/a_x4.png", f"--model={model}", "--output=in/a.png/b")
    assert line == "failed: in/a.png/b: Not a directory (2 images)"
    done = command("upscale", "in/a.png", f"--model={model}", "--output=in")
    assert (done.status, done.out, done.err) == (0, "in/a_x4.png: exists, kept (--overwrite replaces it)\n", "")


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


def test_an_image_is_never_replaced_by_its_own_result(refused, images, tmp_path):
    original = images("a.png").read_bytes()
    assert "own output" in refused("upscale", "in", BICUBIC, "--output=in", "--suffix=", "--overwrite")
    assert (tmp_path / "in/a.png").read_bytes() == original


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


def test_pages_of_one_file_have_results_of_their_own(command, tmp_path):
    pages = [Image.new("RGB", (8, 6), color) for color in ("red", "blue")]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    for page in (1, 2):
        done = command("upscale", "pages.tif", "--model=bicubic", f"--page={page}", "--output=out")
        assert done.status == 0, done.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["pages_page1_x4.png", "pages_page2_x4.png"]
    assert command("upscale", "pages.tif", "--model=bicubic", "--page=9", "--output=out").status == 2
