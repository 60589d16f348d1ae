"""The server as a whole: ports, the look at the disk for new versions, and the stop."""

import asyncio
import contextlib
import ctypes
import errno
import gc
import signal
import socket
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from starlette.middleware.cors import CORSMiddleware

from srgan_tf.config import ServeConfig
from srgan_tf.errors import UserError
from srgan_tf.serving.admission import AdmissionControl
from srgan_tf.serving.bearer import Bearer
from srgan_tf.serving.connections import Clients, Connection
from srgan_tf.serving.guard import Guard
from srgan_tf.serving.model_entries import ModelEntry
from srgan_tf.serving.predict import Limits
from srgan_tf.serving.prometheus import Metrics
from srgan_tf.serving.rest import application, public_paths
from srgan_tf.serving.rpc import grpc_server, predict_proto
from srgan_tf.serving.service import Service
from srgan_tf.serving.versions import Model
from srgan_tf.tokens import Tokens

MEBIBYTE = 1 << 20
BACKLOG = 256
FAULT_SECONDS = 60.0
USED_UP = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
TRIM_SECONDS, TRIM_BYTES, TRIMS = 2.0, 64 * MEBIBYTE, 5
STOP_MARGIN = 2.0


def serve(config: ServeConfig, entries: Sequence[ModelEntry], tokens: Tokens, report: Callable[[str], None]) -> bool:
    """Serves until SIGTERM or SIGINT.

    Args:
        config: the flags.
        entries: the models.
        tokens: of those who may use them.
        report: called with lines for the operator.

    Returns:
        Whether all that ran was finished within --stop_timeout; threads that still compute would outlive an ordinary
        exit.

    Raises:
        ValueError: no version of a model can be loaded, or a port cannot be had.
    """
    limits = Limits(int(config.max_request_megabytes * MEBIBYTE), config.max_megapixels, config.allow_untiled)
    trusted = Limits(limits.request_bytes)
    models = {entry.name: _loaded(Model(entry, lambda version, request: predict_proto(version, request, trusted),
                                        report, config.trust_model, config.max_running)) for entry in entries}
    admission = AdmissionControl(config.max_running, config.max_waiting, int(config.max_held_megabytes * MEBIBYTE),
                config.request_timeout)
    service = Service(models, admission, Metrics(models, admission), limits, tokens)
    ended = asyncio.run(_serve(config, service, report))
    for model in models.values():
        model.close()
    if not ended:
        report("stopped; what still computed after --stop_timeout was given up")
        return False
    report("stopped")
    return True


def _loaded(model: Model) -> Model:
    """A model with at least one version."""
    model.poll()
    if model.newest is None:
        reasons = "; ".join(f"version {n}: {state.message}" for n, state in sorted(model.states.items()))
        raise UserError(f"{model.base_path}: no version can be loaded: {reasons or 'its policy names none of them'}")
    return model


async def _serve(config: ServeConfig, service: Service, report: Callable[[str], None]) -> bool:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    rest, rpc, tasks = None, None, []
    if config.rest_api_port:
        clients = Clients(config.max_connections, config.max_connections_per_client, config.head_timeout,
                          config.request_timeout)
        asyncio.get_running_loop().set_exception_handler(_Faults(report, clients.make_room))
        api = Bearer(application(service), service.tokens, public_paths())
        if config.allowed_origins:  # whose pages ask before they send JSON, and want to read the answer
            api = CORSMiddleware(api, config.allowed_origins, allow_methods=["GET", "POST"], allow_headers=["*"])
        guarded = Guard(api, {config.host, *config.allowed_hosts}, config.allowed_origins)
        rest = _Rest(uvicorn.Config(
            guarded, http=Connection.of(clients), log_level="error", access_log=False, lifespan="off", ws="none",
            backlog=BACKLOG, timeout_graceful_shutdown=config.stop_timeout))
        listening = _listen(config.host, config.rest_api_port)
        tasks.append(asyncio.create_task(rest.serve([listening])))
        report(f"REST and the page on http://{config.host}:{config.rest_api_port}")
    if config.port:
        rpc = grpc_server(service, config)
        _add_port(rpc, config.host, config.port)
        await rpc.start()
        report(f"gRPC on {config.host}:{config.port}")
    polling = asyncio.create_task(_poll([*service.models.values()], config.file_system_poll_wait_seconds))
    trimming = asyncio.create_task(_trim(service.admission))
    await stop.wait()

    report("stopping: what runs is finished, what is new is refused")
    polling.cancel()
    trimming.cancel()
    service.admission.closed = True
    if rest:
        rest.should_exit = True
    if rpc:
        tasks.append(asyncio.create_task(rpc.stop(config.stop_timeout)))
    ended = await service.admission.drain(config.stop_timeout)
    if tasks:
        await asyncio.wait(tasks, timeout=STOP_MARGIN)
    return ended


class _Faults:
    """What the event loop does with errors that have no other place to go: a line a minute where files are used up."""

    def __init__(self, report: Callable[[str], None], make_room: Callable[[], None]):
        self._report, self._make_room, self._next = report, make_room, 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in USED_UP:
            loop.default_exception_handler(context)
            return
        self._make_room()
        if loop.time() >= self._next:
            self._next = loop.time() + FAULT_SECONDS
            self._report(f"connections cannot be taken: {error.strerror} (ulimit -n allows more)")


async def _poll(models: Sequence[Model], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        for model in models:
            await asyncio.to_thread(model.poll)


async def _trim(admission: AdmissionControl) -> None:
    """Gives memory back to the system after large requests: cycles of objects, and what malloc keeps between blocks."""
    try:
        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library than glibc
        return
    times = 0
    while True:
        await asyncio.sleep(TRIM_SECONDS)
        if admission.released > TRIM_BYTES:
            admission.released, times = 0, TRIMS  # gRPC gives some back later, and when a connection ends
        if times:
            times -= 1
            gc.collect()  # calls of gRPC that ended with an error are in cycles, with their messages
            await asyncio.to_thread(malloc_trim, 0)


class _Rest(uvicorn.Server):
    """uvicorn, which leaves the signals to `_serve`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise UserError(f"--rest_api_port={port} cannot be used on --host={host}: {error.strerror or error}") from error


def _add_port(server: object, host: str, port: int) -> None:
    try:
        bound = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError:
        bound = 0
    if not bound:
        raise UserError(f"--port={port} cannot be used on --host={host}: it is in use, or no address of this machine")
