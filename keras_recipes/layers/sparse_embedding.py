"""An embedding whose training costs as much as a batch, however large the table."""

import keras
from keras import ops

from keras_recipes.config import require
from keras_recipes.training.row_gradients import is_open, look_up


@keras.saving.register_keras_serializable(package="keras_recipes")
class SparseEmbedding(keras.layers.Layer):
    """An embedding that is trained by rows: by a `RowSparseModel` or a `StepModel`, with `SparseAdam` or the like.

    Rows that a batch does not hold stay as they are, with all that the optimizer keeps of them. Only lookups count:
    what a loss computes from `embeddings` otherwise, such as a penalty, or scores with tied weights, has no gradient.
    For these, and for the gradient of the whole table, take `Embedding`.

    Args:
        input_dim: Integer of at least 1, rows of the table.
        output_dim: Integer of at least 1, numbers per row.
        embeddings_initializer: What `keras.initializers.get` takes.
        **kwargs: Options of every Keras layer.

    Call arguments:
        inputs: Integer tensor of any shape, in [0, input_dim); JAX does not check that it is.
        training: Boolean.

    Returns:
        Float tensor of the shape of `inputs` plus `(output_dim,)`.

    Raises:
        ValueError: If a size is below 1, or, in training, if the model computes the gradient of the whole table.
    """

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", **kwargs):
        super().__init__(**kwargs)
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            require(isinstance(value, int) and value >= 1, name, "an integer of at least 1", value)
        self.input_dim, self.output_dim = input_dim, output_dim
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape):
        """Make the table."""
        # Without autocast, which in mixed precision would cast all rows in each step.
        options = {"initializer": self.embeddings_initializer, "name": "embeddings", "autocast": False}
        self.embeddings = self.add_weight(shape=(self.input_dim, self.output_dim), **options)
        self.embeddings.by_rows = True  # for `value_and_grad` and optimizers

    def call(self, inputs, training=False):
        """Look up `inputs`."""
        if training and self.trainable and self.embeddings.trainable:
            expected = f"a StepModel or a RowSparseModel, whose training looks at the rows of {self.name!r} alone"
            require(is_open(), "model", expected, "one that computes gradients of whole tables")
        return ops.cast(look_up(self.embeddings, ops.cast(inputs, "int32")), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """The shape of the ids, and a row."""
        return (*input_shape, self.output_dim)

    def get_config(self):
        """Arguments that make a layer like this one."""
        initializer = keras.initializers.serialize(self.embeddings_initializer)
        sizes = {"input_dim": self.input_dim, "output_dim": self.output_dim}
        return {**super().get_config(), **sizes, "embeddings_initializer": initializer}
