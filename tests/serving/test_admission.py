"""Admission control: what is over a bound is refused at once, what waits is served in turn or dropped."""

import asyncio
import gc
import threading
import time
import weakref

import numpy as np
import pytest

from srgan_tf.serving.admission import AdmissionControl
from srgan_tf.serving.refusals import RefusedError


def in_a_loop(test):
    def run():
        asyncio.run(asyncio.wait_for(test(), 20))
    run.__name__ = test.__name__
    return run


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


@in_a_loop
async def test_over_the_bound_is_refused_at_once():
    admission, go, done = AdmissionControl(1, 2, 1000, 10), threading.Event(), []
    tasks = [asyncio.ensure_future(admission.run(lambda n=n: (go.wait(), n)[1], lambda n=n: done.append(n)))
             for n in range(3)]
    await until(lambda: admission.inside == 3)
    start = time.perf_counter()
    with pytest.raises(RefusedError, match="3 requests run or wait") as refused:
        await admission.run(lambda: 4, lambda: done.append(4))
    assert refused.value.code == "RESOURCE_EXHAUSTED"
    assert time.perf_counter() - start < 1
    assert done == [4]  # even what is refused gives its version back
    go.set()
    assert await asyncio.gather(*tasks) == [0, 1, 2]
    await until(lambda: admission.inside == 0)
    assert sorted(done) == [0, 1, 2, 4]
    assert await admission.run(lambda: 5, lambda: None) == 5


@in_a_loop
async def test_time_over_and_clients_gone():
    admission, go, ran, done = AdmissionControl(1, 3, 1000, 0.2), threading.Event(), [], []
    running = asyncio.ensure_future(admission.run(go.wait, lambda: done.append("running")))
    late = asyncio.ensure_future(admission.run(lambda: ran.append("late"), lambda: done.append("late")))
    gone = asyncio.ensure_future(admission.run(lambda: ran.append("gone"), lambda: done.append("gone")))
    await until(lambda: admission.inside == 3)
    gone.cancel()
    for task in (running, late):
        with pytest.raises(RefusedError, match="no answer within") as refused:
            await task
        assert refused.value.code == "DEADLINE_EXCEEDED"
    await until(lambda: admission.inside == 1)  # the one that computes still has its place and its version
    assert sorted(done) == ["gone", "late"]
    go.set()
    await until(lambda: admission.inside == 0)
    assert (sorted(done), ran) == (["gone", "late", "running"], [])


@in_a_loop
async def test_memory():
    admission = AdmissionControl(1, 1, 1000, 10)
    with admission.hold() as first, admission.hold() as second:
        first.take(600)
        with pytest.raises(RefusedError, match="would exceed") as refused:
            second.take(500)
        assert (refused.value.code, admission.held) == ("RESOURCE_EXHAUSTED", 600)
        with pytest.raises(RefusedError) as refused:
            second.take(1001)  # never fits: no use in another attempt
        assert refused.value.code == "OUT_OF_RANGE"
    assert admission.held == 0


@in_a_loop
async def test_memory_is_held_while_anything_uses_it():
    admission = AdmissionControl(1, 1, 1000, 10)
    with admission.hold() as held:
        held.take(600)
        held.enter()  # the work in a thread
    assert admission.held == 600  # the client is gone, the work is not
    held.take(-100)
    assert admission.held == 500
    held.leave()
    assert admission.held == 0


@in_a_loop
async def test_work_that_waits_is_forgotten_with_what_it_refers_to():
    admission, go = AdmissionControl(1, 1, 1000, 10), threading.Event()
    running = asyncio.ensure_future(admission.run(go.wait, lambda: None))

    def give_up():
        body = np.zeros(1)
        return weakref.ref(body), asyncio.ensure_future(admission.run(lambda body=body: body, lambda: None))

    body, waiting = give_up()
    await until(lambda: admission.inside == 2)
    waiting.cancel()
    await until(lambda: admission.inside == 1)
    del waiting
    gc.collect()
    assert body() is None
    go.set()
    assert await running


@in_a_loop
async def test_a_refusal_does_not_keep_the_request():
    admission, bodies = AdmissionControl(1, 1, 1000, 10), []

    def work():
        body = np.zeros(1)
        bodies.append(weakref.ref(body))
        try:
            raise ValueError(body)
        except ValueError as error:
            raise RefusedError("INTERNAL", "no") from error

    with pytest.raises(RefusedError, match="no") as refused:
        await admission.run(work, lambda: None)
    assert (refused.value.code, bodies[0]()) == ("INTERNAL", None)


@in_a_loop
async def test_drain():
    admission, go = AdmissionControl(1, 1, 1000, 10), threading.Event()
    task = asyncio.ensure_future(admission.run(go.wait, lambda: None))
    await until(lambda: admission.inside == 1)
    assert not await admission.drain(0.1)
    with pytest.raises(RefusedError, match="stopping") as refused:
        await admission.run(lambda: 1, lambda: None)
    assert refused.value.code == "UNAVAILABLE"
    with admission.hold() as held:
        held.take(10)  # the answer of what still runs
    go.set()
    assert await admission.drain(10)
    assert await task


@in_a_loop
async def test_an_error_of_the_work():
    done = []
    with pytest.raises(ZeroDivisionError):
        await AdmissionControl(1, 1, 1000, 10).run(lambda: 1 / 0, lambda: done.append(1))
    assert done == [1]
