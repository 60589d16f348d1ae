"""Where a run computes: one device, all GPUs of a machine, several machines, a TPU.

A strategy must be opened before anything else touches TensorFlow; models and optimizers are built in its scope.
"""

import json
import os
from collections.abc import Callable

import tensorflow as tf

from srgan_tf.errors import UserError
from srgan_tf.settings import lookup

TF_CONFIG = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'


def one() -> tf.distribute.Strategy:
    """The default device: the first GPU, or the CPU."""
    return tf.distribute.get_strategy()


def mirrored() -> tf.distribute.Strategy:
    """A replica on each GPU of this machine; without GPUs, on each logical CPU."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def multi_worker() -> tf.distribute.Strategy:
    """A replica on each GPU, or CPU, of each machine that the environment variable TF_CONFIG names."""
    if not _workers():
        raise UserError("--strategy=multi_worker needs the environment variable TF_CONFIG, as in " + TF_CONFIG)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as error:
        raise ConnectionError(f"the other workers cannot be reached: {error.message}") from error


def tpu() -> tf.distribute.Strategy:
    """The TPU of this machine, or the one that TPU_NAME or KUBE_GOOGLE_CLOUD_TPU_ENDPOINTS names."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise UserError(f"--strategy=tpu found no TPU ({' '.join(str(error).split())[:160]})") from error


def auto() -> tf.distribute.Strategy:
    """Several machines if TF_CONFIG names them, all GPUs if there are several, else one device."""
    if _workers():
        return multi_worker()
    return mirrored() if len(tf.config.list_physical_devices("GPU")) > 1 else one()


STRATEGIES: dict[str, Callable[[], tf.distribute.Strategy]] = {
    "auto": auto, "one": one, "mirrored": mirrored, "multi_worker": multi_worker, "tpu": tpu}


def open_strategy(name: str, batch_size: int) -> tf.distribute.Strategy:
    """Opens one of the STRATEGIES.

    Args:
        name: of the strategy.
        batch_size: of all replicas together.

    Raises:
        ValueError: it cannot be had here, or the batch cannot be divided among its replicas.
        ConnectionError: other workers cannot be reached.
    """
    strategy = lookup(STRATEGIES, name, "strategy")()
    if batch_size % strategy.num_replicas_in_sync:
        raise UserError(f"--batch_size must be a multiple of the {strategy.num_replicas_in_sync} replicas of "
                        f"--strategy={name}; got {batch_size}")
    return strategy


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run folder: one of the job does."""
    resolver = strategy.cluster_resolver
    return resolver is None or not _workers() or resolver.task_id in (None, 0)


def _workers() -> list[str]:
    """The addresses in TF_CONFIG's cluster."""
    text = os.environ.get("TF_CONFIG", "").strip() or "{}"
    try:
        return list(json.loads(text).get("cluster", {}).get("worker", []))
    except (ValueError, AttributeError) as error:
        raise UserError(f"TF_CONFIG is not what TensorFlow expects ({error}); got {text[:80]!r}") from error


def agreement() -> Callable[[bool], bool]:
    """A function that tells whether any machine of the job says yes; each must call it equally often."""
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return bool

    def sum_over_replicas(flag: tf.Tensor) -> tf.Tensor:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(flag))

    @tf.function
    def total(flag: tf.Tensor) -> tf.Tensor:
        return strategy.run(sum_over_replicas, (flag,))

    return lambda flag: float(strategy.experimental_local_results(total(tf.constant(float(flag))))[0]) > 0
