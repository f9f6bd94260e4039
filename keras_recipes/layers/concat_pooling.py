"""The largest and the mean activation of each channel, side by side."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recipes")
class GlobalConcatPooling2D(keras.layers.Layer):
    """The largest and the mean activation of each channel, over images of any size.

    Call arguments:
        inputs: Float tensor of shape `(batch, height, width, channels)`.

    Returns:
        Float tensor of shape `(batch, 2 * channels)`, maxima first.

    Reference:
        fastai's `AdaptiveConcatPool2d`, https://docs.fast.ai/layers.html.
    """

    def call(self, inputs):
        """Pool."""
        return ops.concatenate([ops.max(inputs, axis=(1, 2)), ops.mean(inputs, axis=(1, 2))], axis=-1)

    def compute_output_shape(self, input_shape):
        """(batch, 2 * channels)."""
        return (input_shape[0], 2 * input_shape[-1])
