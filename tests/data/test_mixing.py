"""`--mix`: what is mixed is what two crops give, the others are untouched, and a resumed run sees the same."""

import numpy as np
import pytest

from srgan_tf.data import build_store, crops, open_source
from srgan_tf.data.mixing import parse_mixes
from srgan_tf.errors import UserError

PATCH, SCALE, BATCH = 32, 4, 24


@pytest.fixture(scope="module")
def store():
    return build_store(open_source("samples", SCALE, "validation"), SCALE)


def made(store, mix, first_step=0, steps=2, shard=(0, 1)):
    data = crops(store, PATCH, BATCH, 3, first_step, steps, shard, mixes=parse_mixes(mix))
    lr, hr = zip(*((lr.numpy(), hr.numpy()) for lr, hr in data), strict=True)
    return np.concatenate(lr).astype(int), np.concatenate(hr).astype(int)


def changed(one, other):
    """Which of the crops differ."""
    return (one != other).any((1, 2, 3))


@pytest.mark.parametrize("mix", ["cutmix:0.5", "mixup:0.5", "rgb:0.5"])
def test_lr_and_hr_are_mixed_alike_and_the_others_left_alone(store, mix):
    (lr, hr), (mixed_lr, mixed_hr) = made(store, ""), made(store, mix)
    small, large = changed(lr, mixed_lr), changed(hr, mixed_hr)
    assert not (small & ~large).any()
    assert (small == large).mean() > 0.9  # of a flat or grey crop a change may show in HR alone
    assert 0.2 < large.mean() < 0.8


def test_cutmix_replaces_the_same_rectangle(store):
    (lr, hr), (mixed_lr, mixed_hr) = made(store, ""), made(store, "cutmix:1")
    seen = np.flatnonzero(changed(lr, mixed_lr))
    assert len(seen) > BATCH
    for number in seen:
        where = (lr[number] != mixed_lr[number]).any(-1)
        rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
        box = [slice(line[0], line[-1] + 1) for line in (rows, columns)]
        assert all(part.stop - part.start <= 0.75 * PATCH / SCALE for part in box)
        large = [slice(SCALE * part.start, SCALE * part.stop) for part in box]
        outside = (hr[number] != mixed_hr[number]).any(-1)
        outside[large[0], large[1]] = False
        # Pixels of both crops that are equal by chance may make the LR rectangle look smaller, not larger.
        assert outside.mean() < 0.2


def test_mixup_lies_between(store):
    """One weight explains every pixel: the mixed crop less the first is in proportion to the second less the first."""
    (_, hr), (_, mixed) = made(store, ""), made(store, "mixup:1")
    assert changed(hr, mixed).all()
    assert np.abs(mixed).max() <= 255
    assert mixed.std((1, 2, 3)).mean() < hr.std((1, 2, 3)).mean()


def test_rgb_exchanges_whole_channels(store):
    (lr, hr), (mixed_lr, mixed_hr) = made(store, ""), made(store, "rgb:1")
    orders = set()
    for number in range(2 * BATCH):
        order = tuple(next(k for k in range(3) if (mixed_hr[number, ..., c] == hr[number, ..., k]).all())
                      for c in range(3))
        orders.add(order)
        np.testing.assert_array_equal(mixed_lr[number], lr[number][..., list(order)])
    assert len(orders) >= 5


def test_a_resumed_run_and_machines_see_the_same(store):
    mix = "cutmix:0.3,mixup:0.3,rgb:0.2"
    whole, resumed = made(store, mix), made(store, mix, first_step=1)
    halves = [made(store, mix, shard=(part, 2)) for part in (0, 1)]
    for kind in (0, 1):
        np.testing.assert_array_equal(whole[kind][BATCH:], resumed[kind])
        joined = np.concatenate([half[kind].reshape(2, BATCH // 2, *half[kind].shape[1:]) for half in halves], 1)
        np.testing.assert_array_equal(whole[kind], joined.reshape(whole[kind].shape))


@pytest.mark.parametrize(("text", "said"), [
    ("cutmx:0.1", "Did you mean 'cutmix'"), ("rgb", "above 0 and up to 1, as in rgb:0.3; got 'rgb'"),
    ("rgb:2", "got 'rgb:2'"), ("rgb:0.6,mixup:0.6", "must add up to 1 at most"),
])
def test_mistakes(text, said):
    with pytest.raises(UserError, match=said):
        parse_mixes(text)
