"""AdamW without a learning rate schedule (Defazio and others, "The Road Less Scheduled", arXiv 2405.15682)."""

import keras
from keras import KerasTensor, ops


class ScheduleFreeAdamW(keras.optimizers.Optimizer):
    """Algorithm 1 of the paper, as its authors' package `schedulefree` 1.4 computes it.

    Three sequences: gradients are taken at y, which the network holds while it trains; they move z; x is the average
    of z, which is what training is for. Kept are y, in the network, and z - y, whose start is zero; x follows from
    both. The rate is constant after the warm-up, so training may stop at any step.
    """

    def __init__(self, learning_rate: float = 0.0025, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
                 weight_decay: float = 0, warmup_steps: int = 0, **kwargs):
        """Takes what Adam takes, without a schedule.

        Args:
            learning_rate: after the warm-up; a number.
            beta_1: share of x in y, above 0 and below 1.
            beta_2: decay of the gradient's square.
            epsilon: added to its root.
            weight_decay: decoupled, at y; times the learning rate at each step.
            warmup_steps: over which the rate rises from nearly 0.
            **kwargs: of the base class.
        """
        super().__init__(learning_rate=learning_rate, **kwargs)  # whose weight decay would act on y alone
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.decoupled_decay, self.warmup_steps = weight_decay, warmup_steps

    def build(self, variables: list) -> None:
        """Makes z - y and the average of the gradient's square for each variable."""
        if self.built:
            return
        super().build(variables)
        self._offsets, self._squares = self.add_optimizer_variables(variables, ["offset", "square"])

    def update_step(self, gradient: KerasTensor, variable: keras.Variable, learning_rate: KerasTensor) -> None:
        """One step of one variable."""
        index, count = self._get_variable_index(variable), ops.cast(self.iterations + 1, variable.dtype)
        offset, square = self._offsets[index], self._squares[index]
        rise, share = self._warmup(count)
        rate, gradient = rise * ops.cast(learning_rate, variable.dtype), ops.cast(gradient, variable.dtype)
        y, x, z = variable, self.averaged(variable, offset), variable + offset
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.beta_2))
        root = ops.sqrt(square / (1 - ops.power(ops.cast(self.beta_2, variable.dtype), count)))
        z = z - rate * (gradient / (root + self.epsilon) + self.decoupled_decay * y)
        x = x + share * (z - x)
        new_y = self.beta_1 * x + (1 - self.beta_1) * z
        self.assign(offset, z - new_y)
        self.assign(variable, new_y)

    def averaged(self, variable: keras.Variable, offset: keras.Variable) -> KerasTensor:
        """x, from y and z - y: y is beta_1 x + (1 - beta_1) z."""
        return variable + offset * (1 - 1 / self.beta_1)

    def sequences(self) -> list[tuple]:
        """The pair (y, z - y) of each variable that the optimizer was built on, in their order."""
        return list(zip(self._trainable_variables, self._offsets, strict=True))

    def _warmup(self, count: KerasTensor) -> tuple:
        """What the rate is multiplied by at this step, and this step's share of x: weights are squares of the rate."""
        if not self.warmup_steps:
            return 1.0, 1 / count
        risen, length = ops.minimum(count, self.warmup_steps), self.warmup_steps
        total = risen * (risen + 1) * (2 * risen + 1) / (6 * length**2) + ops.maximum(count - length, 0)
        return risen / length, ops.square(risen / length) / total

    def get_config(self) -> dict:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon,
                "weight_decay": self.decoupled_decay, "warmup_steps": self.warmup_steps}
