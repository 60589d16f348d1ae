"""The step of a network whose weights come in closed form: RAISR's filters, by least squares.

No gradient is followed. Each step adds its crops to the normal equations of every bucket, A^T A and A^T b: a row of A
is by how much the LR pixels of a filter's window differ from the one in their middle, and b by how much the HR pixel
does. The patches are not kept, and the equations are in the run's checkpoints. They are solved every SOLVE_EVERY steps
and at the end.
"""

import numpy as np
import tensorflow as tf

from srgan_tf.errors import UserError
from srgan_tf.models import RAISR
from srgan_tf.models.blocks import pixel_unshuffle
from srgan_tf.models.luma import luma
from srgan_tf.models.raisr_windows import mirrors
from srgan_tf.training.steps import variables

SOLVE_EVERY = 10
# Weight of the filter of all buckets of a pixel type in that of one, which decides where a bucket has seen few patches:
# a thousand pixels' noise of rounding to 8 bits.
RIDGE = 1e-3


class FittedNetwork:
    """A network without an optimizer.

    Attributes:
        model: the network.
        iterations: steps taken.
    """

    def __init__(self, model: RAISR):
        self.model, self.iterations = model, tf.Variable(0, dtype=tf.int64)


class FitStep:
    """Fits a RAISR.

    Attributes:
        generator: the network, and how many steps it has seen.
        equations: float64 [s^2,buckets,n+1,n+1], sums of the products of each row of A, with b behind it, with itself.
        samples: float64 [s^2,buckets], how many rows there were.
    """

    reads_lessons = False
    average = None

    def __init__(self, model: RAISR, steps: int):
        """Begins with no rows.

        Args:
            model: whose filters and quantization boundaries are found.
            steps: after which the equations are solved for the last time.

        Raises:
            UserError: several devices share the steps.
        """
        if (replicas := tf.distribute.get_strategy().num_replicas_in_sync) > 1:
            raise UserError(f"a RAISR is fitted on one device: give --strategy=one; got {replicas} replicas")
        self.generator, self._steps = FittedNetwork(model), steps
        kinds, buckets, _ = model.bank.kernel.shape
        self._size = (2 * model.filter_reach + 1) ** 2
        # The window of a pixel type need not lie in the middle of the LR pixels that those of all types take together.
        self._inside = model.bank.windows.any(axis=1).astype(np.float32)
        self.equations = tf.Variable(tf.zeros((kinds, buckets, self._size + 1, self._size + 1), tf.float64))
        self.samples = tf.Variable(tf.zeros((kinds, buckets), tf.float64))

    def __call__(self, lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        """Adds the rows of a batch.

        The first batch decides between which strengths and coherences the buckets lie.

        Returns:
            loss: mean squared error of Y by the filters as they were before this step.
            samples_least: rows of the bucket that has the fewest.
        """
        model, iterations = self.generator.model, self.generator.iterations
        low = luma(lr)
        tf.cond(tf.equal(iterations, 0), lambda: self._place_bounds(low), lambda: tf.constant(False))
        inner = slice(model.receptive_radius, -model.receptive_radius)  # what lies beyond a crop's edge is not known
        target = (pixel_unshuffle(luma(hr[..., :3]), model.scale) - low)[:, inner, inner]
        rows = model.differences(low)[:, inner, inner]
        places = model.buckets(low)[:, inner, inner]
        added, counts = self._products(*(tf.reshape(x, (-1, x.shape[-1])) for x in (rows, target, places)))
        loss = self._squared_error(added) / tf.reduce_sum(counts)
        self.equations.assign_add(added)
        self.samples.assign_add(counts)
        iterations.assign_add(1)
        due = (iterations % SOLVE_EVERY == 0) | (iterations == 1) | (iterations == self._steps)
        tf.cond(due, self.solve, lambda: tf.constant(False))
        return {"loss": tf.cast(loss, tf.float32), "samples_least": tf.cast(tf.reduce_min(self.samples), tf.float32)}

    def trackables(self) -> dict[str, list[tf.Variable]]:
        """The variables that a checkpoint must hold, by name."""
        return {"generator": variables(self.generator.model),
                "equations": [self.equations, self.samples, self.generator.iterations]}

    def _place_bounds(self, low: tf.Tensor) -> tf.Tensor:
        model = self.generator.model
        _, strength, coherence = model.features(low)
        # Most of an image is plain, and most of what is to be gained lies along its edges: of three strengths the
        # strongest tenth of the pixels has the third, and the strongest third but those the second.
        shares = {"strengths": 1 - 0.1 ** (np.arange(1, model.strengths) / max(1, model.strengths - 1)),
                  "coherences": np.arange(1, model.coherences) / model.coherences}
        for (name, share), values in zip(shares.items(), (strength, coherence), strict=True):
            ordered = tf.sort(tf.reshape(values, [-1]))
            place = tf.cast(share * tf.cast(tf.size(ordered) - 2, tf.float64), tf.int32)
            # In between: rounding would put a pixel that lies on a boundary, and its mirror image, into two buckets.
            getattr(model.bank, name).assign((tf.gather(ordered, place) + tf.gather(ordered, place + 1)) / 2)
        return tf.constant(True)

    def _products(self, rows: tf.Tensor, target: tf.Tensor, places: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What rows [N,n], targets [N,s^2] and buckets [N,s^2] add to the equations, and to the samples."""
        kinds, buckets = self.samples.shape
        found, counts = [], []
        for kind in range(kinds):
            order = tf.argsort(places[:, kind], stable=True)
            both = tf.concat([rows * self._inside[kind], target[:, kind : kind + 1]], -1)
            both = tf.cast(tf.gather(both, order), tf.float64)
            count = tf.math.bincount(places[:, kind], minlength=buckets, maxlength=buckets)
            ends = tf.concat([[0], tf.cumsum(count)], 0)
            # Bucket by bucket: only the rows of one are multiplied with one another.
            found.append(tf.map_fn(
                lambda bucket, both=both, ends=ends: _gram(both[ends[bucket] : ends[bucket + 1]]),
                tf.range(buckets), fn_output_signature=tf.TensorSpec(self.equations.shape[2:], tf.float64)))
            counts.append(tf.cast(count, tf.float64))
        return tf.stack(found), tf.stack(counts)

    def _squared_error(self, equations: tf.Tensor) -> tf.Tensor:
        """The sum over the rows of equations, by the model's filters."""
        filters = tf.cast(self.generator.model.bank.on_lr_pixels(), tf.float64)
        whole = tf.concat([filters, -tf.ones_like(filters[..., :1])], -1)
        return tf.einsum("kbi,kbij,kbj->", whole, equations, whole)

    def solve(self) -> tf.Tensor:
        """Gives the model the filters that the equations have as their solution."""
        model, size = self.generator.model, self._size
        equations = self._with_mirrors()
        ridge = RIDGE * tf.eye(size, dtype=tf.float64)
        joint = tf.reduce_sum(equations, 1)
        common = tf.linalg.solve(joint[:, :-1, :-1] + ridge, joint[:, :-1, -1:])[:, None]
        filters = tf.linalg.solve(equations[..., :-1, :-1] + ridge, equations[..., :-1, -1:] + RIDGE * common)[..., 0]
        # The middle differs from itself by nothing; it makes each filter's sum 1.
        middle = tf.one_hot(size // 2, size, dtype=tf.float64)
        filters += (1 - tf.reduce_sum(filters, -1, keepdims=True)) * middle
        # Of the filters on HR pixels that are the same on LR pixels, the smallest.
        back = np.linalg.pinv(model.bank.windows)
        model.bank.kernel.assign(tf.cast(tf.matmul(filters, back), tf.float32))
        return tf.constant(True)

    def _with_mirrors(self) -> tf.Tensor:
        """The equations of all rows and of what the eight symmetries of the square make of them.

        A mirrored image has the mirrored patches, in other pixel types and at other angles: the rows need not be taken
        again.
        """
        model, total = self.generator.model, tf.convert_to_tensor(self.equations)
        shape = (*total.shape[:1], model.angles, -1, *total.shape[2:])
        for mirror in mirrors(model.scale, model.filter_reach, model.angles):
            window = np.append(mirror.window, self._size)
            other = tf.reshape(tf.gather(total, mirror.types), shape)
            other = tf.reshape(tf.gather(other, mirror.angles, axis=1), total.shape)
            total += tf.gather(tf.gather(other, window, axis=2), window, axis=3)
        return total


def _gram(rows: tf.Tensor) -> tf.Tensor:
    return tf.matmul(rows, rows, transpose_a=True)
