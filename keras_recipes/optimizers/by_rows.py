"""What optimizers that update the rows of tables share."""

import keras

from keras_recipes.config import require
from keras_recipes.training.row_gradients import RowGradient


class ByRows(keras.optimizers.Optimizer):
    """Updates the looked up rows of tables, and other weights as usual; comes before a Keras optimizer.

    A subclass defines `update_rows`. Clipping, averaging of weights, accumulation of gradients and weight decay, which
    concern all rows, are not offered.
    """

    def apply(self, grads, trainable_variables=None):
        """Make a step; a gradient that is a `RowGradient` updates its rows only.

        Raises:
            ValueError: On several devices of a `tf.distribute` strategy.
        """
        variables = list(self._trainable_variables if trainable_variables is None else trainable_variables)
        self.build(variables)
        strategy = getattr(self, "_distribution_strategy", None)  # of TensorFlow, whose replicas would drift apart
        replicas = strategy.num_replicas_in_sync if strategy else 1
        require(replicas == 1, "optimizer", "used on one device, as it updates rows", f"{replicas} replicas")
        pairs, rate = list(zip(grads, variables, strict=True)), self.learning_rate
        for gradient, variable in pairs:
            if isinstance(gradient, RowGradient) and gradient.ids.shape[0] != 0:  # 0 where nothing was looked up
                self.update_rows(gradient, variable, keras.ops.cast(rate, variable.dtype))
        others = [(gradient, variable) for gradient, variable in pairs if not isinstance(gradient, RowGradient)]
        if others:
            super().apply(*map(list, zip(*others, strict=True)))
        else:
            self.iterations.assign_add(1)

    def update_rows(self, gradient, variable, learning_rate):
        """Update rows of a table.

        Args:
            gradient: `RowGradient`, in which an id may come several times.
            variable: `keras.Variable`, the table.
            learning_rate: Float tensor of shape `()`.
        """
        raise NotImplementedError

    def per_row(self, variable, name, value=0.0):
        """A variable of one number per row of a table, in `counting_dtype`."""
        name = f"{variable.path.replace('/', '_')}_{name}"
        initializer = keras.initializers.Constant(value)
        return self.add_variable((variable.shape[0], 1), initializer, counting_dtype(variable), name=name)


def counting_dtype(variable):
    """The dtype of what is counted for a table: float32 at least, as in bfloat16 no count would go beyond 256."""
    return "float64" if variable.dtype == "float64" else "float32"
