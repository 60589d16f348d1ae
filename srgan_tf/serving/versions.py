"""The versions of a model on disk and in memory: loaded beside one another, switched, and closed when unused.

A version is loaded by TensorFlow's v1 loader and run by bare sessions, as tensorflow_model_server does: any SavedModel
works, by the names in its signatures, and closing the sessions gives their memory back. A session computes one call at
a time: TensorFlow 2.21 gives wrong answers or crashes where calls meet (docs/tensorflow_onednn_report.md).
"""

import contextlib
import gc
import itertools
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from srgan_tf.memory import available_memory
from srgan_tf.runtimes.saved_model import read_info
from srgan_tf.runtimes.saved_model_check import check_saved_model
from srgan_tf.serving.model_entries import ModelEntry
from srgan_tf.serving.refusals import RefusedError
from srgan_tf.text import whole_number

WARM_UP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
WARM_UP_RECORDS = 1000
# A session takes so many times the size of its SavedModel: the graph, its constants, and oneDNN's order of them.
SESSION_SHARE = 4


class State(NamedTuple):
    """What became of a version: a state of tensorflow_serving's ModelVersionStatus, an error code and its message."""

    state: str
    code: str = "OK"
    message: str = ""


class Version:
    """A loaded SavedModel.

    Attributes:
        number: of the version.
        signatures: SignatureDef protos by name.
        info: what the SavedModel says of itself, or None where it says nothing.
        sessions: how many calls it computes side by side.
    """

    def __init__(self, number: int, folder: Path, sessions: int = 1):
        """Loads FOLDER into a session, and into others, up to `sessions`, while memory allows.

        Any error of TensorFlow's may be raised by the first.
        """
        self.number = number
        self.users, self.retired, self.closed = 0, False, False  # under the Model's lock
        self._all, self._idle = [], queue.SimpleQueue()
        self.info = read_info(folder)
        try:
            self.signatures = self._add(folder)
            cost = SESSION_SHARE * sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            while len(self._all) < sessions and cost < available_memory() / 4:
                self._add(folder)
        except BaseException:
            self.close()
            raise
        self.sessions = len(self._all)

    def _add(self, folder: Path) -> dict[str, Any]:
        """Loads a session; returns the signatures."""
        session = tf.compat.v1.Session(graph=tf.Graph(), config=tf.compat.v1.ConfigProto(
            gpu_options=tf.compat.v1.GPUOptions(allow_growth=True)))
        self._all.append(session)
        with session.graph.as_default():
            loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
        session.graph.finalize()
        self._idle.put(session)
        return dict(loaded.signature_def)

    def run(self, fetches: Mapping[str, str], feeds: Mapping[str, np.ndarray],
            deadline: float = math.inf) -> dict[str, np.ndarray]:
        """Computes tensors in the next idle session: name -> tensor name, tensor name -> value.

        Sessions are taken in rotation, so that as many calls as there are sessions warm each of them up. A call stops
        soon after its deadline, in seconds of time.monotonic(), with a DeadlineExceededError.
        """
        session = self._idle.get()
        try:
            return session.run(dict(fetches), dict(feeds), _until(deadline))
        finally:
            self._idle.put(session)

    def close(self) -> None:
        """Gives the memory back."""
        for session in self._all:
            session.close()


class Model:
    """A base path whose numbered folders are versions.

    The versions of its policy are served, as are those with labels. `poll` brings memory in line with the disk.
    """

    def __init__(self, entry: ModelEntry, warm_up: Callable[[Version, Any], None],
                 report: Callable[[str], None], trust: bool = False, sessions: int = 1):
        """Describes a model; nothing is loaded yet.

        Args:
            entry: its name, base path, labels and policy.
            warm_up: called with a version and each PredictRequest of its warm-up file.
            report: called with lines for the operator.
            trust: whether versions may hold operations that touch files, hosts or Python.
            sessions: calls of a version that may be computed side by side.
        """
        self.trust, self.sessions = trust, sessions
        self.name, self.base_path, self.labels, self.policy = entry
        self.states: dict[int, State] = {}
        self._warm_up, self._report = warm_up, report
        self._lock, self._loaded = threading.Lock(), {}
        self._broken: dict[int, Any] = {}

    def poll(self) -> None:
        """Looks at the disk once: loads what is new there, then retires what is no longer wanted.

        A version that cannot be loaded is reported and tried again only when its files change; until then the next
        lower one that can be loaded is served in its place, where the policy does not name the versions.
        """
        found = _versions(self.base_path)
        if not found:
            return  # an unmounted or emptied folder is no reason to stop serving
        wanted = {number for number in self.labels.values() if number in found and self._ensure(number, found[number])}
        loadable = (n for n in self.policy.candidates(found) if self._ensure(n, found[n]))
        kept = set(itertools.islice(loadable, self.policy.count))
        if not kept:
            return
        with self._lock:
            unwanted = [version for number, version in self._loaded.items() if number not in wanted | kept]
            for version in unwanted:
                del self._loaded[version.number]
                version.retired = True
                self.states[version.number] = State("UNLOADING")
        for version in unwanted:
            self._close_if_unused(version)

    def _ensure(self, number: int, folder: Path) -> bool:
        """Whether a version is loaded, after an attempt where there is reason for one."""
        if number in self._loaded:
            return True
        version, files, before = None, None, self.states.get(number)
        try:
            files = sorted((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in folder.rglob("*")
                           if file.is_file())
            if self._broken.get(number) == files:
                return False
            self.states[number] = State("LOADING")
            if not self.trust:
                check_saved_model(folder)
            version = Version(number, folder, self.sessions)
            for request in _warm_up_requests(folder):
                for _ in range(version.sessions):
                    self._warm_up(version, request)
        except Exception as error:  # protobuf, TensorFlow and Python errors alike, from a damaged folder
            if version:
                version.close()
            message = " ".join(str(error).split())[:300] or type(error).__name__
            self._broken[number], self.states[number] = files, State("END", "UNKNOWN", message)
            if files or self.states[number] != before:  # a folder that cannot be read is looked at again and again
                self._report(f"version {number} of {self.name} cannot be loaded: {message}")
            return False
        with self._lock:
            self._loaded[number], self.states[number] = version, State("AVAILABLE")
        self._broken.pop(number, None)
        turns = "" if version.sessions == self.sessions else f", {version.sessions} at a time for want of memory"
        self._report(f"version {number} of {self.name} is served{turns}")
        return True

    @property
    def newest(self) -> int | None:
        """The greatest loaded version."""
        with self._lock:
            return max(self._loaded, default=None)

    def take(self, number: int | None = None, label: str = "") -> Version:
        """A version for one request, which must `give_back` it. It stays loaded in between.

        Args:
            number: of the version; None: the greatest.
            label: instead of the number; "latest" is the greatest.

        Raises:
            RefusedError: NOT_FOUND.
        """
        with self._lock:
            wanted = self.labels.get(label) if label and label != "latest" else number
            latest = number is None and label in ("", "latest")
            version = self._loaded.get(max(self._loaded, default=None) if latest else wanted)
            if version is None:
                which = f"label {label}" if label else f"version {number}" if number is not None else "any version"
                raise RefusedError("NOT_FOUND", f"Servable not found for request: {which} of {self.name!r}; this "
                                   f"server has versions {sorted(self._loaded)} of it")
            version.users += 1
            return version

    def give_back(self, version: Version) -> None:
        """Ends a use of a version; the last one of a retired version closes it."""
        with self._lock:
            version.users -= 1
        self._close_if_unused(version)

    def _close_if_unused(self, version: Version) -> None:
        with self._lock:
            if not version.retired or version.users or version.closed:
                return
            version.closed = True
            if version.number not in self._loaded:  # else it is back from the disk already
                self.states[version.number] = State("END")
        version.close()
        gc.collect()  # the graph's Python objects refer to one another
        self._report(f"version {version.number} of {self.name} is unloaded")

    def close(self) -> None:
        """Closes every version that no request uses."""
        with self._lock:
            unused = [version for version in self._loaded.values() if not version.users]
            self._loaded.clear()
        for version in unused:
            version.close()


def _until(deadline: float) -> tf.compat.v1.RunOptions | None:
    """Options of a call. After its time TensorFlow begins no operation and no iteration, so no tile of an export."""
    if deadline == math.inf:
        return None
    milliseconds = math.ceil(1000 * (deadline - time.monotonic()))
    return tf.compat.v1.RunOptions(timeout_in_ms=max(1, milliseconds))  # 0 is no limit


def _versions(base_path: Path) -> dict[int, Path]:
    """The folders of SavedModels by number; a folder without its saved_model.pb is still being copied."""
    with contextlib.suppress(OSError):
        found = {whole_number(child.name): child for child in sorted(base_path.iterdir())
                 if (child / "saved_model.pb").is_file()}
        return {number: child for number, child in found.items() if number is not None}
    return {}


def _warm_up_requests(folder: Path) -> list[Any]:
    """The PredictRequests of a version's warm-up file, if it has one."""
    file = folder / WARM_UP_FILE
    if not file.is_file():
        return []
    requests = []
    for record in tf.data.TFRecordDataset(str(file)).take(WARM_UP_RECORDS).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        if log.HasField("predict_log"):
            requests.append(log.predict_log.request)
    return requests
