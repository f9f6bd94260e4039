"""An embedding that trains alike on every backend."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recipes")
class Embedding(keras.layers.Embedding):
    """`keras.layers.Embedding` with the same gradient on every backend.

    TensorFlow hands the gradient of a table over row by row, and Keras' Adam,
    RMSprop and Adagrad square each row before they add up those that occur
    twice in a batch. Here the gradient is that of the whole table, as on JAX
    and PyTorch.

    Arguments, call arguments, shapes and errors are those of `keras.layers.Embedding`.
    """

    def call(self, inputs):
        """Look up `inputs`, integers of any shape; returns their shape plus `(output_dim,)`."""
        table = ops.multiply(self.embeddings, 1.0)  # hides the variable: TensorFlow can't pick rows of its gradient
        return ops.take(table, ops.cast(inputs, "int32"), axis=0)
