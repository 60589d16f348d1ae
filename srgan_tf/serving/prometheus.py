"""What the server counts, in Prometheus' text format."""

from collections.abc import Mapping

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from srgan_tf.serving.admission import AdmissionControl
from srgan_tf.serving.versions import Model

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST


class Metrics:
    """Counters of one server, apart from the process-wide registry."""

    def __init__(self, models: Mapping[str, Model], admission: AdmissionControl):
        self._registry = CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._registry)
        labels = ("protocol", "code")
        self._requests = Counter("srgan_tf_serving_requests", "Predictions by protocol and status code.", labels,
                                 registry=self._registry)
        self._seconds = Histogram("srgan_tf_serving_request_seconds", "From a request's head to its answer.",
                                  ("protocol",), buckets=SECONDS, registry=self._registry)
        for name, text, value in (
                ("requests_inside", "Predictions that run or wait.", lambda: admission.inside),
                ("held_bytes", "Bytes of requests and answers in memory.", lambda: admission.held)):
            Gauge(f"srgan_tf_serving_{name}", text, registry=self._registry).set_function(value)
        versions = Gauge("srgan_tf_serving_model_version", "The newest version that is served.", ("model",),
                         registry=self._registry)
        for model in models.values():
            versions.labels(model.name).set_function(lambda model=model: model.newest or 0)

    def count(self, protocol: str, code: str, seconds: float) -> None:
        """One prediction: "rest" or "grpc", the name of its status code, and how long it took."""
        self._requests.labels(protocol, code).inc()
        self._seconds.labels(protocol).observe(seconds)

    def text(self) -> bytes:
        """All of it."""
        return prometheus_client.generate_latest(self._registry)
