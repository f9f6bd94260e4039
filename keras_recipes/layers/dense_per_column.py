"""A dense layer for each column, all at once."""

from typing import Any

import keras
from keras import ops

from keras_recipes.config import require


@keras.saving.register_keras_serializable(package="keras_recipes")
class DensePerColumn(keras.layers.Layer):
    """A dense layer of its own for each column: what makes an embedding of an encoded number.

    Args:
        units: Integer of at least 1, numbers per column.
        activation: What `keras.activations.get` takes.
        kernel_initializer: What `keras.initializers.get` takes, for a kernel of shape `(inputs, units)` per column.

    Call arguments:
        inputs: Float tensor of shape `(batch, columns, inputs)`.

    Returns:
        Float tensor of shape `(batch, columns, units)`.

    Reference:
        Gorishniy, Rubachev and Babenko, 2022, https://arxiv.org/abs/2203.05556, section 3.4.
    """

    def __init__(self, units, activation=None, kernel_initializer="he_uniform", **kwargs):
        super().__init__(**kwargs)
        require(units >= 1, "units", "an integer of at least 1", units)
        self.units, self.activation = units, keras.activations.get(activation)
        self.kernel_initializer: Any = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        """Make a kernel and a bias per column."""
        _, columns, inputs = input_shape

        def start(shape, dtype=None):
            kernel = self.kernel_initializer((inputs, columns * self.units), dtype)
            return ops.transpose(ops.reshape(kernel, (inputs, columns, self.units)), (1, 0, 2))

        self.kernel = self.add_weight(shape=(columns, inputs, self.units), initializer=start, name="kernel")
        # Flat, as weight decay spares what has one axis.
        self.bias = self.add_weight(shape=(columns * self.units,), initializer="zeros", name="bias")

    def call(self, inputs):
        """Multiply, add, activate."""
        by_column = ops.matmul(ops.transpose(inputs, (1, 0, 2)), self.kernel)  # (columns, batch, units)
        return self.activation(ops.transpose(by_column, (1, 0, 2)) + ops.reshape(self.bias, (-1, self.units)))

    def compute_output_shape(self, input_shape):
        """A number per unit."""
        return (*input_shape[:-1], self.units)

    def get_config(self):
        """Arguments that make a layer like this one."""
        own = {
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
        return {**super().get_config(), **own}
