"""Pixels as a pretrained network wants them."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recipes")
class PixelScaling(keras.layers.Layer):
    """Multiply the channels of each pixel by a matrix, and add numbers to them.

    Args:
        matrix: Nested list or float array of shape `(3, 3)`, from channels of images to those of the network.
        offset: List or float array of shape `(3,)`.

    Call arguments:
        inputs: Float tensor of shape `(batch, height, width, 3)`.

    Returns:
        Float tensor of the same shape.
    """

    def __init__(self, matrix, offset, **kwargs):
        super().__init__(**kwargs)
        self.matrix, self.offset = np.asarray(matrix, "float32").tolist(), np.asarray(offset, "float32").tolist()

    def call(self, inputs):
        """Scale."""
        return ops.matmul(inputs, ops.array(self.matrix, inputs.dtype)) + ops.array(self.offset, inputs.dtype)

    def compute_output_shape(self, input_shape):
        """As that of the inputs."""
        return input_shape

    def get_config(self):
        """Arguments that make a layer like this one."""
        return {**super().get_config(), "matrix": self.matrix, "offset": self.offset}
