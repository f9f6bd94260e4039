"""Adagrad for tables of which each batch uses a few rows."""

import keras
from keras import ops

from keras_recipes.optimizers.by_rows import ByRows
from keras_recipes.training.row_gradients import read_rows, write_rows


@keras.saving.register_keras_serializable(package="keras_recipes")
class SparseAdagrad(ByRows, keras.optimizers.Adagrad):
    """Adagrad, which needs nothing of rows that a batch does not look up: the numbers are those of `Adagrad`.

    Weights that are no tables are updated by Adagrad.

    Args:
        learning_rate: Float or schedule.
        initial_accumulator_value: Float of at least 0, what sums of squared gradients start with.
        epsilon: Float above 0.
        row_wise: Boolean, whether one sum is kept for each row, of the mean of its
            squared gradients, instead of one for each number.
        name: String.

    Reference:
        Duchi, Hazan and Singer, 2011, https://jmlr.org/papers/v12/duchi11a.html, section 1.3;
        `row_wise`: Gupta, Wadhwa, Shah and Wang, 2014, "Training Recommender Systems at Scale".
    """

    def __init__(
        self, learning_rate=1e-2, initial_accumulator_value=0.1, epsilon=1e-7, row_wise=False, name="sparse_adagrad"
    ):
        super().__init__(learning_rate, initial_accumulator_value, epsilon, name=name)
        self.row_wise = row_wise

    def build(self, variables):
        """Make the sums."""
        if not self.built:
            super().build(variables)
            if self.row_wise:
                self.row_sums = self.per_row(variables, "sum", self.initial_accumulator_value)

    def update_rows(self, ids, gradient, variable, learning_rate):
        """Update rows, and the sums of their squared gradients."""
        index, square = self._get_variable_index(variable), gradient * gradient
        sums = self.row_sums[index] if self.row_wise else self._accumulators[index]
        total = read_rows(sums, ids) + (ops.mean(square, axis=1, keepdims=True) if self.row_wise else square)
        rows = read_rows(variable, ids) - learning_rate * gradient / ops.sqrt(total + self.epsilon)
        write_rows(sums, ids, total)
        write_rows(variable, ids, rows)

    def get_config(self):
        """Arguments that make an optimizer like this one."""
        config = super().get_config()
        own = {name: config[name] for name in ("name", "learning_rate", "initial_accumulator_value", "epsilon")}
        return {**own, "row_wise": self.row_wise}
