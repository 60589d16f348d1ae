"""What REST and gRPC have in common: a model, admission control, counts, TensorFlow Serving's protos."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from srgan_tf.runtimes.base import ModelInfo
from srgan_tf.serving.admission import AdmissionControl, Hold
from srgan_tf.serving.predict import Limits, served
from srgan_tf.serving.prometheus import Metrics
from srgan_tf.serving.refusals import RefusedError
from srgan_tf.serving.versions import Model, Version


class Service(NamedTuple):
    """A server without its protocols.

    Attributes:
        model: what it serves.
        admission: what it takes on.
        metrics: what it counts.
        limits: of one request.
    """

    model: Model
    admission: AdmissionControl
    metrics: Metrics
    limits: Limits

    async def compute(self, work: Callable[[Version, Limits], Any], held: Hold, name: str, number: int | None,
                      label: str, patience: float = math.inf) -> Any:
        """Returns `work(version, limits)` of the version asked for (see Model.take), which stays loaded to its end.

        What is `held` counts as held to the end of the work, also where its client goes away before. `patience` is how
        many seconds the client waits, where it says so.

        Raises:
            RefusedError: there is no such version or no room, or by `work`.
        """
        version = self.model.take(name, number, label)
        limits = self.limits._replace(deadline=time.monotonic() + min(patience, self.admission.timeout))
        held.enter()

        def done() -> None:
            self.model.give_back(version)
            held.leave()

        return await self.admission.run(lambda: work(version, limits), done)

    @contextlib.contextmanager
    def counted(self, protocol: str) -> Iterator[None]:
        """Counts a prediction and the time that it takes."""
        start, code = time.perf_counter(), "OK"
        try:
            yield
        except RefusedError as error:
            code = error.code
            raise
        except BaseException as error:
            code = "INTERNAL" if isinstance(error, Exception) else "CANCELLED"
            raise
        finally:
            self.metrics.count(protocol, code, time.perf_counter() - start)

    def metadata(self, name: str, number: int | None, label: str) -> tuple[int, Any, ModelInfo | None]:
        """The number of a version, its SignatureDefMap, and what the model says of itself."""
        version = self.model.take(name, number, label)
        try:
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for key in served(version, self.limits):
                signature = version.signatures[key]
                signatures.signature_def[key].CopyFrom(signature)
            return version.number, signatures, version.info
        finally:
            self.model.give_back(version)

    def status(self, name: str, number: int | None, label: str) -> Any:
        """The GetModelStatusResponse of one version, or of all that were seen, the newest first."""
        if label and label != "latest":
            number = self.model.labels.get(label, -1)
        elif label:
            number = self.model.newest
        states = dict(self.model.states)
        if name != self.model.name or (number is not None and number not in states):
            which = "" if number is None else f"version {label or number} of "
            raise RefusedError("NOT_FOUND", f"Could not find {which}model {name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in sorted(states, reverse=True) if number is None else [number]:
            state, code, message = states[version]
            status = response.model_version_status.add(version=version, state=state)
            status.status.error_code, status.status.error_message = _code_number(status.status, code), message
        return response


def _code_number(status: Any, code: str) -> int:
    return status.DESCRIPTOR.fields_by_name["error_code"].enum_type.values_by_name[code].number
