"""What the tests of training share."""

import functools

import pytest

from srgan_tf.data import catalog


@pytest.fixture(scope="package", autouse=True)
def leaves_are_drawn_once():
    """A dead-leaves image takes 0.2 s to draw, and nearly every run here wants the first ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "dead_leaves", functools.cache(catalog.dead_leaves))
        yield
