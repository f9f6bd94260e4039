"""Adagrad for tables of which each batch uses a few rows."""

import keras
from keras import ops

from keras_recipes.config import require
from keras_recipes.optimizers.by_rows import ByRows
from keras_recipes.training.row_gradients import is_table, read_rows, write_rows


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

    Raises:
        ValueError: If a number is out of range.

    Reference:
        Duchi, Hazan and Singer, 2011, https://jmlr.org/papers/v12/duchi11a.html, section 1.3;
        `row_wise`: Gupta, Wadhwa, Shah and Wang, 2014, "Training Recommender Systems at Scale".
    """

    def __init__(
        self, learning_rate=1e-2, initial_accumulator_value=0.1, epsilon=1e-7, row_wise=False, name="sparse_adagrad"
    ):
        require(initial_accumulator_value >= 0, "initial_accumulator_value", "at least 0", initial_accumulator_value)
        require(epsilon > 0, "epsilon", "above 0", epsilon)
        super().__init__(learning_rate, initial_accumulator_value, epsilon, name=name)
        self.row_wise = row_wise

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros"):
        """What is kept of a weight: something of its shape, or one number for each row."""
        if self.row_wise and name == "accumulator" and is_table(reference_variable):
            return self.per_row(reference_variable, name, self.initial_accumulator_value)
        return super().add_variable_from_reference(reference_variable, name, initializer)

    def update_rows(self, gradient, variable, learning_rate):
        """Update rows, and the sums of their squared gradients."""
        ids, gradient = gradient.summed()
        sums, square = self._accumulators[self._get_variable_index(variable)], gradient * gradient
        square = ops.mean(square, axis=1, keepdims=True) if self.row_wise else square
        total = read_rows(sums, ids) + ops.cast(square, sums.dtype)
        step = learning_rate * gradient / ops.cast(ops.sqrt(total + self.epsilon), variable.dtype)
        rows = read_rows(variable, ids) - step
        write_rows(sums, ids, total)
        write_rows(variable, ids, rows)

    def get_config(self):
        """Arguments that make an optimizer like this one."""
        config = super().get_config()
        own = {name: config[name] for name in ("name", "learning_rate", "initial_accumulator_value", "epsilon")}
        return {**own, "row_wise": self.row_wise}
