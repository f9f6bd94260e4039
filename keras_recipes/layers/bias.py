"""A single trainable number."""

import keras


@keras.saving.register_keras_serializable(package="keras_recipes")
class Bias(keras.layers.Layer):
    """Add one trainable number, such as the mean of all ratings, to the inputs.

    Args:
        initial_value: Float, where training starts.

    Call arguments:
        inputs: Float tensor of any shape.

    Returns:
        Float tensor of the same shape.
    """

    def __init__(self, initial_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.initial_value = float(initial_value)

    def build(self, input_shape):
        """Create the number."""
        initializer = keras.initializers.Constant(self.initial_value)
        self.bias = self.add_weight(shape=(), initializer=initializer, name="bias")

    def call(self, inputs):
        """Add it."""
        return inputs + self.bias

    def get_config(self):
        """Arguments that make a layer like this one."""
        return {**super().get_config(), "initial_value": self.initial_value}
