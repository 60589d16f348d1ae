"""Those who only connect: times of heads, caps, a place for the health, and no descriptors left."""

import asyncio
import contextlib
import os
import resource
import socket

import uvicorn

from srgan_tf.serving.connections import RESERVE, Clients, Connection, client_of
from srgan_tf.serving.server import _Faults, _Rest

HEAD = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def application(scope, receive, send):
    if scope["path"] == "/slow":
        await asyncio.sleep(10)
    elif scope["path"] == "/large":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(200):
            await send({"type": "http.response.body", "body": bytes(1 << 18), "more_body": True})
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def listening(most=100, most_each=100, head_timeout=20.0, write_timeout=20.0):
    """Yields the Clients and a function that connects and sends."""
    clients, streams = Clients(most, most_each, head_timeout, write_timeout), []
    server = _Rest(uvicorn.Config(application, http=Connection.of(clients), log_level="error", lifespan="off",
                                  ws="none", timeout_graceful_shutdown=0))
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)

    async def connect(sent: bytes) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        streams.append(writer)
        writer.write(sent)
        await asyncio.sleep(0.005)
        return reader

    connect.address = listener.getsockname()
    try:
        yield clients, connect
    finally:
        for writer in streams:
            writer.close()
        server.should_exit = True
        await task


async def status(reader: asyncio.StreamReader) -> int:
    """Of the answer; 0: the connection was closed."""
    try:
        line = await asyncio.wait_for(reader.readline(), 5)
    except ConnectionError:
        return 0
    return int(line.split()[1]) if line else 0


def in_a_loop(test):
    def run(**fixtures):
        asyncio.run(asyncio.wait_for(test(**fixtures), 20))
    run.__name__ = test.__name__
    return run


@in_a_loop
async def test_heads_have_a_time():
    async with listening(head_timeout=0.3) as (clients, connect):
        silent, half = await connect(b""), await connect(HEAD[:20])
        second = await connect(HEAD % b"/" + HEAD[:20])  # half a head after a whole one
        assert await status(second) == 200
        for reader in (silent, half, second):
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 3)
        assert not clients._everyone()


@in_a_loop
async def test_half_sent_requests_make_room():
    async with listening(most=8) as (clients, connect):
        body = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
        half = [await connect(sent) for sent in (body, HEAD[:20]) * 20]
        assert [await status(await connect(HEAD % path)) for path in (b"/", b"/other")] == [200, 200]
        assert len(clients._everyone()) <= 8 + RESERVE
        await status(half[1])


@in_a_loop
async def test_where_all_places_have_requests_the_health_is_answered():
    async with listening(most_each=3) as (clients, connect):
        busy = [await connect(HEAD % b"/slow") for _ in range(3)]
        for _ in range(2 * RESERVE):
            await connect(HEAD[:20])
        answers = [await status(await connect(HEAD % path)) for path in (b"/healthz", b"/", b"/healthz")]
        assert answers == [200, 503, 200]
        assert len(clients._everyone()) <= 3 + RESERVE
        assert not busy[0].at_eof()


@in_a_loop
async def test_answers_that_nobody_reads():
    async with listening(write_timeout=0.3) as (clients, connect):
        await connect(HEAD % b"/large")
        while clients._everyone():
            await asyncio.sleep(0.02)


def test_whose_connection_it_is():
    assert client_of(("2001:db8:1:2:3::4", 5)) == client_of(("2001:db8:1:2:ffff::", 6))
    assert client_of(("2001:db8:1:2::", 5)) != client_of(("2001:db8:1:3::", 6))
    assert client_of(("10.0.0.1", 5)) != client_of(("10.0.0.2", 5))
    assert client_of(("::ffff:10.0.0.1", 5)) != client_of(("::ffff:10.0.0.2", 5))


def test_no_descriptors_left(caplog):
    @in_a_loop
    async def run():
        lines = []
        async with listening() as (clients, connect):
            asyncio.get_running_loop().set_exception_handler(_Faults(lines.append, clients.make_room))
            before, sockets = resource.getrlimit(resource.RLIMIT_NOFILE), []
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 6, before[1]))
            try:
                with contextlib.suppress(OSError):
                    while True:
                        sockets.append(socket.create_connection(connect.address, timeout=1))
                await asyncio.sleep(0.2)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
                for one in sockets:
                    one.close()
        assert len(lines) == 1
        assert lines[0].startswith("connections cannot be taken: Too many open files")

    run()
    assert not caplog.records
