"""Gradient descent for tables of which each batch uses a few rows."""

import keras

from keras_recipes.optimizers.by_rows import ByRows
from keras_recipes.training.row_gradients import add_rows


@keras.saving.register_keras_serializable(package="keras_recipes")
class SparseSGD(ByRows, keras.optimizers.SGD):
    """Stochastic gradient descent without momentum: the numbers are those of `SGD`.

    Args:
        learning_rate: Float or schedule.
        name: String.

    Reference:
        Robbins and Monro, 1951, https://doi.org/10.1214/aoms/1177729586.
    """

    def __init__(self, learning_rate=1e-2, name="sparse_sgd"):
        super().__init__(learning_rate, name=name)

    def update_rows(self, gradient, variable, learning_rate):
        """Update rows; one that comes several times needs no sum, as each step from it is a share of the whole one."""
        add_rows(variable, gradient.ids, -learning_rate * gradient.rows)

    def get_config(self):
        """Arguments that make an optimizer like this one."""
        config = super().get_config()
        return {"name": config["name"], "learning_rate": config["learning_rate"]}
