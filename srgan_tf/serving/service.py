"""What REST and gRPC have in common: models, admission control, counts, TensorFlow Serving's protos."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from srgan_tf.runtimes.base import ModelInfo
from srgan_tf.serving.admission import AdmissionControl, Hold
from srgan_tf.serving.predict import Limits, served
from srgan_tf.serving.prometheus import Metrics
from srgan_tf.serving.refusals import RefusedError
from srgan_tf.serving.versions import Model, Version
from srgan_tf.tokens import Tokens


class Service(NamedTuple):
    """A server without its protocols.

    Attributes:
        models: what it serves, by name.
        admission: what it takes on.
        metrics: what it counts.
        limits: of one request.
        tokens: of those who may use it.
    """

    models: Mapping[str, Model]
    admission: AdmissionControl
    metrics: Metrics
    limits: Limits
    tokens: Tokens

    def find(self, name: str) -> Model:
        """The model of that name.

        Raises:
            RefusedError: NOT_FOUND.
        """
        if name not in self.models:
            raise RefusedError("NOT_FOUND", f"Servable not found for request: any version of {name!r}; this server has "
                               f"{', '.join(map(repr, self.models))}")
        return self.models[name]

    @property
    def ready(self) -> bool:
        """Whether every model has a version, and the server does not stop."""
        return not self.admission.closed and all(model.newest is not None for model in self.models.values())

    async def compute(self, work: Callable[[Version, Limits], Any], held: Hold, name: str, number: int | None,
                      label: str, patience: float = math.inf) -> Any:
        """Returns `work(version, limits)` of the version asked for (see Model.take), which stays loaded to its end.

        What is `held` counts as held to the end of the work, also where its client goes away before. `patience` is how
        many seconds the client waits, where it says so.

        Raises:
            RefusedError: there is no such version or no room, or by `work`.
        """
        model = self.find(name)
        version = model.take(number, label)
        limits = self.limits._replace(deadline=time.monotonic() + min(patience, self.admission.timeout))
        held.enter()

        def done() -> None:
            model.give_back(version)
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
        model = self.find(name)
        version = model.take(number, label)
        try:
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for key in served(version, self.limits):
                signature = version.signatures[key]
                signatures.signature_def[key].CopyFrom(signature)
            return version.number, signatures, version.info
        finally:
            model.give_back(version)

    def status(self, name: str, number: int | None, label: str) -> Any:
        """The GetModelStatusResponse of one version, or of all that were seen, the newest first."""
        model = self.models.get(name)
        if model and label:
            number = model.newest if label == "latest" else model.labels.get(label, -1)
        states = dict(model.states) if model else {}
        if not model or (number is not None and number not in states):
            which = f"version {label or number} of " if label or number is not None else ""
            raise RefusedError("NOT_FOUND", f"Could not find {which}model {name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in sorted(states, reverse=True) if number is None else [number]:
            state, code, message = states[version]
            status = response.model_version_status.add(version=version, state=state)
            status.status.error_code, status.status.error_message = _code_number(status.status, code), message
        return response


def _code_number(status: Any, code: str) -> int:
    return status.DESCRIPTOR.fields_by_name["error_code"].enum_type.values_by_name[code].number
