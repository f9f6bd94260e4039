"""Adam for tables of which each batch uses a few rows."""

import math

import keras
from keras import ops

from keras_recipes.config import require
from keras_recipes.optimizers.by_rows import ByRows, counting_dtype
from keras_recipes.training.row_gradients import is_table, read_rows, write_rows

COUNTS = ("row", "all")


@keras.saving.register_keras_serializable(package="keras_recipes")
class SparseAdam(ByRows, keras.optimizers.Adam):
    """Lazy Adam: rows that a batch does not look up, and their moments, stay as they are.

    (Adam itself would let the moments of all rows fade in each step, and would move rows that are not looked up
    along what is left of them.) Weights that are no tables are updated by Adam.

    Args:
        learning_rate: Float or schedule.
        beta_1: Float in (0, 1).
        beta_2: Float in (0, 1).
        epsilon: Float above 0.
        bias_correction: String, of which steps the bias of the moments, which start at zero, is corrected by the
            number: "row", of those that have updated the row, so that the first update of each row
            is as long as the learning rate; or "all", as `torch.optim.SparseAdam` does it, where
            the first update of a row that comes late is three times as long.
        name: String.

    Raises:
        ValueError: If `bias_correction` is none of these, or a number is out of range.

    Reference:
        Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980, algorithm 1, for the rows of a batch.
    """

    def __init__(
        self, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7, bias_correction="row", name="sparse_adam"
    ):
        require(bias_correction in COUNTS, "bias_correction", "one of 'row', 'all'", bias_correction)
        for argument, value in (("beta_1", beta_1), ("beta_2", beta_2)):
            require(0 < value < 1, argument, "in (0, 1)", value)
        require(epsilon > 0, "epsilon", "above 0", epsilon)
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name=name)
        self.bias_correction = bias_correction

    def build(self, variables):
        """Make moments, and count the updates of each row."""
        if not self.built:
            super().build(variables)
            if self.bias_correction == "row":
                self.updates = [self.per_row(v, "updates") if is_table(v) else None for v in variables]

    def update_rows(self, gradient, variable, learning_rate):
        """Update rows, their moments, and how often they were updated."""
        ids, gradient = gradient.summed()
        index = self._get_variable_index(variable)
        means, squares = self._momentums[index], self._velocities[index]
        mean = self.beta_1 * read_rows(means, ids) + (1 - self.beta_1) * gradient
        square = self.beta_2 * read_rows(squares, ids) + (1 - self.beta_2) * gradient * gradient
        if self.bias_correction == "row":
            steps = read_rows(self.updates[index], ids) + 1  # (n, 1)
            write_rows(self.updates[index], ids, steps)
        else:
            steps = ops.cast(self.iterations + 1, counting_dtype(variable))
        # 1 - beta**steps; so written it keeps all its digits, of which float32 has lost four where beta is near 1.
        bias_1, bias_2 = (-ops.expm1(steps * math.log(beta)) for beta in (self.beta_1, self.beta_2))
        rate = learning_rate * ops.cast(ops.sqrt(bias_2) / bias_1, variable.dtype)
        rows = read_rows(variable, ids) - rate * mean / (ops.sqrt(square) + self.epsilon)
        for where, what in ((means, mean), (squares, square), (variable, rows)):
            write_rows(where, ids, what)

    def get_config(self):
        """Arguments that make an optimizer like this one."""
        config = super().get_config()
        own = {name: config[name] for name in ("name", "learning_rate", "beta_1", "beta_2", "epsilon")}
        return {**own, "bias_correction": self.bias_correction}
