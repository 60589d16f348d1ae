"""Several steps as one call into one graph, on every replica of a strategy."""

from functools import partial

import keras
import tensorflow as tf

from srgan_tf.config import TrainConfig
from srgan_tf.data import Store, crops
from srgan_tf.data.clip_pipeline import clip_crops
from srgan_tf.data.mixing import parse_mixes
from srgan_tf.data.synthesis import Synthesis
from srgan_tf.models.esrgan_plus import NoiseInput
from srgan_tf.training.clip_assembly import clip_degradation
from srgan_tf.training.ema import Average
from srgan_tf.training.steps import PixelStep


class Engine:
    """A step, compiled.

    Called with a block of batches it takes a step for each; nothing waits for the result. The graph is traced once for
    each size of block.

    Attributes:
        names: of the scalars that a step returns, in the order of the columns; known after the first call.
    """

    def __init__(self, step: PixelStep, average: Average, jit_compile: bool = False):
        """Prepares the graph for the strategy in whose scope this is called.

        Args:
            step: what a replica does with its share of a batch.
            average: follows the generator after each step.
            jit_compile: compile the replica's part with XLA.
        """
        self.names: list[str] = []
        self._step, self._average = step, average
        step.average = average.generator
        self._strategy = tf.distribute.get_strategy()
        follow_replicas(step.generator.model)
        self._replica = tf.function(self._from_bytes, jit_compile=True) if jit_compile else self._from_bytes
        self._graph = tf.function(self._steps)

    def __call__(self, lr: tf.Tensor, hr: tf.Tensor) -> tf.Tensor:
        """Takes the steps.

        Args:
            lr: uint8 [K,B,H,W,3], K batches; with several replicas, a value for each.
            hr: uint8 [K,B,sH,sW,3].

        Returns:
            float32 [K,S], the scalars of each step, averaged over the replicas.

        Raises:
            MemoryError: the batch does not fit.
        """
        try:
            return self._graph(lr, hr)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError("not enough memory for a step: lower --batch_size or --patch_size") from error

    @property
    def traces(self) -> int:
        """How often the graph has been traced."""
        return self._graph.experimental_get_tracing_count()

    def _steps(self, lr: tf.Tensor, hr: tf.Tensor) -> tf.Tensor:
        count = self._strategy.experimental_local_results(lr)[0].shape[0]
        rows = tf.TensorArray(tf.float32, count)
        for index in tf.range(count):
            rows = rows.write(index, self._one_step(lr, hr, index))
        return rows.stack()

    def _one_step(self, lr: tf.Tensor, hr: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        values = self._strategy.run(self._replica, (lr, hr, index))
        self._average.update(self._step.generator.iterations)
        self.names[:] = values
        mean = tf.distribute.ReduceOp.MEAN
        return tf.stack([self._strategy.reduce(mean, value, None) for value in values.values()])

    def _from_bytes(self, lr: tf.Tensor, hr: tf.Tensor, index: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._step(tf.cast(lr[index], tf.float32) / 255, tf.cast(hr[index], tf.float32) / 255)


def follow_replicas(network: keras.layers.Layer) -> None:
    """Gives each replica noise of its own."""
    for layer in network._flatten_layers():
        if isinstance(layer, NoiseInput):
            layer.noise.replica = _replica_number


def _replica_number() -> tf.Tensor | None:
    """Which of several replicas of the job computes this; None: there is one."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context and context.num_replicas_in_sync > 1 else None


def blocks(config: TrainConfig, store: Store, first_step: int, synthesis: Synthesis | None = None, taught: bool = False
           ) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """The batches from `first_step` on, --steps_per_call of them at a time, for the strategy in scope.

    Returns:
        A dataset of (lr uint8 [K,B,P/s,P/s,3], hr uint8 [K,B,P,P,3 or 6]), or what gives each replica its share of
        B; of clips [K,B,T,...].
    """

    def of_one_machine(context: tf.distribute.InputContext) -> tf.data.Dataset:
        shard = context.input_pipeline_id, context.num_input_pipelines
        if store.moving:
            batches = clip_crops(store, config.frames, config.patch_size, config.batch_size, config.seed, first_step,
                                 config.steps, shard, clip_degradation(config, store))
        else:
            batches = crops(store, config.patch_size, config.batch_size, config.seed, first_step, config.steps,
                            shard=shard, synthesis=synthesis, taught=taught, mixes=parse_mixes(config.mix))
        replicas = context.num_replicas_in_sync // context.num_input_pipelines
        together = batches.batch(config.steps_per_call)
        return (together if replicas == 1 else together.flat_map(partial(_share_out, replicas))).prefetch(2)

    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1:
        return of_one_machine(tf.distribute.InputContext())
    return strategy.distribute_datasets_from_function(of_one_machine)


def _share_out(replicas: int, *block: tf.Tensor) -> tf.data.Dataset:
    """[K,B,...] -> one [K,B/R,...] after another."""
    return tf.data.Dataset.from_tensor_slices(tuple(tf.stack(tf.split(part, replicas, 1)) for part in block))
