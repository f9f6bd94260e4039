"""A price on activity, which makes codes sparse."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recipes")
class ActivityPenalty(keras.layers.Layer):
    """Let the inputs pass, and add the sum of their absolute values, averaged over the batch, to the losses.

    Args:
        weight: Float of at least 0, by which the sum is multiplied.

    Call arguments:
        inputs: Float tensor of shape `(batch, ...)`.

    Returns:
        `inputs`.

    Reference:
        Glorot, Bordes and Bengio, 2011, "Deep Sparse Rectifier Neural
        Networks", https://proceedings.mlr.press/v15/glorot11a.html, section 3.
    """

    def __init__(self, weight, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, inputs):
        """Add the penalty to the losses."""
        # In mixed precision, too, the penalty is of full precision: TensorFlow can't add losses of two types.
        size = ops.abs(ops.cast(inputs, self.variable_dtype))
        self.add_loss(self.weight * ops.mean(ops.sum(ops.reshape(size, (ops.shape(size)[0], -1)), axis=1)))
        return inputs

    def get_config(self):
        """Arguments that make a layer like this one."""
        return {**super().get_config(), "weight": self.weight}
