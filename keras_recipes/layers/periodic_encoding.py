"""Numbers as sines and cosines of frequencies that are learned."""

import math

import keras
from keras import ops

from keras_recipes.config import require


@keras.saving.register_keras_serializable(package="keras_recipes")
class PeriodicEncoding(keras.layers.Layer):
    """Sines and cosines of each number, of frequencies that each column learns for itself.

    Args:
        num_frequencies: Integer of at least 1, per column.
        sigma: Float above 0, standard deviation of the frequencies at the start: what matters most about them.
        seed: Integer, of these.

    Call arguments:
        inputs: Float tensor of shape `(batch, columns)`.

    Returns:
        Float tensor of shape `(batch, columns, 2 * num_frequencies)`.

    Reference:
        Gorishniy, Rubachev and Babenko, 2022, https://arxiv.org/abs/2203.05556, section 3.3.
    """

    def __init__(self, num_frequencies, sigma=0.1, seed=None, **kwargs):
        super().__init__(**kwargs)
        require(num_frequencies >= 1, "num_frequencies", "an integer of at least 1", num_frequencies)
        require(sigma > 0, "sigma", "above 0", sigma)
        self.num_frequencies, self.sigma, self.seed = num_frequencies, sigma, seed

    def build(self, input_shape):
        """Draw the frequencies."""
        start = keras.initializers.RandomNormal(0.0, self.sigma, seed=self.seed)
        shape = (input_shape[-1], self.num_frequencies)
        self.frequencies = self.add_weight(shape=shape, initializer=start, name="frequencies")

    def call(self, inputs):
        """Encode."""
        angles = 2 * math.pi * inputs[:, :, None] * self.frequencies  # (batch, columns, num_frequencies)
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)

    def compute_output_shape(self, input_shape):
        """Two numbers for each frequency."""
        return (*input_shape, 2 * self.num_frequencies)

    def get_config(self):
        """Arguments that make a layer like this one."""
        own = {"num_frequencies": self.num_frequencies, "sigma": self.sigma, "seed": self.seed}
        return {**super().get_config(), **own}
