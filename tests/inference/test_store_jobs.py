"""`upscale --beam` of images in a store, here a folder; the protocols of real ones are for tools/check_stores.py."""

from pathlib import Path

import pytest
from PIL import Image

from srgan_tf.inference import store_jobs

DIRECT = "--beam=--runner=DirectRunner"
MODEL = "--model=bicubic"


@pytest.fixture(autouse=True)
def places(bucket):
    (bucket / "in/sub").mkdir(parents=True)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_store_holds_what_a_folder_would(command, bucket, photo, tmp_path, monkeypatch):
    for name in ("in/a.png", "in/b.jpg", "in/c.png", "in/c.webp", "in/sub/a.png"):
        Image.fromarray(photo[: 20 + len(name), :30]).save(bucket / name)
    (bucket / "in/bad.png").write_text("no image")
    (bucket / "in/notes.txt").write_text("no image")
    (tmp_path / "copy").mkdir()
    (bucket / "in").rename(tmp_path / "copy/in")
    here = command("upscale", "copy/in", "--recursive", MODEL, "--output=here")
    (tmp_path / "copy/in").rename(bucket / "in")
    there = command("upscale", "s3://b/in/", "--recursive", MODEL, "--output=s3://b/out/", DIRECT)
    assert here.status == there.status == 2, there
    assert files(bucket / "out") == files(tmp_path / "here")
    assert list(files(bucket / "out")) == [
        "a_x4.png", "b_x4.jpg", "c_png_x4.png", "c_webp_x4.png", "sub/a_x4.png"]
    assert "failed: s3://b/in/bad.png: " in there.err
    assert there.out.splitlines()[-1] == "5 upscaled, 0 kept, 1 failed"

    (bucket / "in/bad.png").unlink()
    (bucket / "out/a_x4.png").unlink()
    made = []
    real = store_jobs.upscale_job
    monkeypatch.setattr(store_jobs, "upscale_job", lambda *given: made.append(given[1].source.name) or real(*given))
    again = command("upscale", "s3://b/in", "--recursive", MODEL, "--output=s3://b/out", DIRECT)
    assert (again.status, made) == (0, ["a.png"])
    assert again.out == "s3://b/out/a_x4.png: written\n1 upscaled, 4 kept, 0 failed\n"
    assert files(bucket / "out") == files(tmp_path / "here")


def test_a_result_that_is_cut_off_does_not_appear(command, bucket, photo, monkeypatch):
    Image.fromarray(photo[:9, :9]).save(bucket / "in/a.png")
    real = store_jobs.Store.put

    def cut(self, source, url):
        if url.endswith(".png"):
            monkeypatch.setattr("srgan_tf.workers.shutil.copyfileobj", lambda one, other, _: other.write(one.read(9)))
        real(self, source, url)

    with monkeypatch.context() as patch:
        patch.setattr(store_jobs.Store, "put", cut)
        done = command("upscale", "s3://b/in/a.png", MODEL, "--output=s3://b/out", DIRECT)
    assert done.status == 2
    assert not (bucket / "out/a_x4.png").exists()


@pytest.mark.parametrize(("arguments", "message"), [
    (["s3://b/a.png", "--output=s3://b/out"], "s3://b/a.png is read and written with --beam alone (docs/scale.md)"),
    (["s3://b/a.png", DIRECT], "must all lie in stores, or none; got s3://b/a.png and upscaled"),
    (["a.png", "--output=gs://b/out", DIRECT], "must all lie in stores, or none; got gs://b/out and a.png"),
    (["s3://b/a.png", "--output=s3://b/out.png", DIRECT], "--output=s3://b/out.png must be a folder in a store"),
    (["hdfs://b", "--output=hdfs://out", "--recursive", DIRECT], "--recursive does not work for hdfs://"),
])
def test_mistakes_are_one_line(refused, arguments, message):
    assert message in refused("upscale", MODEL, *arguments)


@pytest.mark.parametrize(("names", "inputs", "message"), [
    ([], ["s3://b/in"], "no file, folder or match: s3://b/in"),
    (["in/a.png", "in/sub/a.png"], ["s3://b/in/a.png", "s3://b/in/sub/a.png"], "have one result: upscale them apart"),
])
def test_what_is_found_in_a_store(refused, bucket, photo, names, inputs, message):
    for name in names:
        Image.fromarray(photo[:9, :9]).save(bucket / name)
    assert message in refused("upscale", MODEL, *inputs, "--output=s3://b/out", DIRECT)
