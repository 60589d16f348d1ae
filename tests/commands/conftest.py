"""Fixtures of the commands' tests."""

import pytest
from PIL import Image

from srgan_tf.inference import Upscaler


@pytest.fixture
def images(tmp_path, photo):
    """Saves an image as IN/name; returns the arrays' maker."""
    (tmp_path / "in").mkdir()

    def save(name: str, pixels=None, mode: str | None = None, **options):
        image = Image.fromarray(photo[:20, :30] if pixels is None else pixels)
        (image.convert(mode) if mode else image).save(tmp_path / "in" / name, **options)
        return tmp_path / "in" / name

    return save


@pytest.fixture
def upscaler():
    return Upscaler("bicubic", scale=2)
