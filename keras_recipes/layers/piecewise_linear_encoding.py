"""Numbers as how far they fill the bins of their column."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recipes")
class PiecewiseLinearEncoding(keras.layers.Layer):
    """For each bin of a column: 0 below it, 1 above it, and in between the share of it that lies below the number.

    The first bin goes on below its edge, and the last one above its own.

    Args:
        edges: List with a list of growing floats for each column, the edges of its bins, at least two.

    Call arguments:
        inputs: Float tensor of shape `(batch, columns)`.

    Returns:
        Float tensor of shape `(batch, columns, bins)`; a column with fewer bins than another one has zeros at its end.

    Reference:
        Gorishniy, Rubachev and Babenko, 2022, https://arxiv.org/abs/2203.05556, section 3.2.
    """

    def __init__(self, edges, **kwargs):
        super().__init__(**kwargs)
        self.edges = [[float(edge) for edge in column] for column in edges]
        bins = max(len(column) - 1 for column in self.edges)
        # Of each bin: where it begins, 1 / width, and between which values its share lies.
        self.begins, self.per_width, self.lowest, self.highest = np.zeros((4, len(self.edges), bins))
        for row, column in enumerate(self.edges):
            there = len(column) - 1
            self.begins[row, :there] = column[:-1]
            self.per_width[row, :there] = 1 / np.diff(column)
            self.highest[row, :there] = 1
            self.lowest[row, 0], self.highest[row, there - 1] = -1e9, 1e9

    def call(self, inputs):
        """Encode."""
        begins, per_width, lowest, highest = (
            ops.array(array, inputs.dtype) for array in (self.begins, self.per_width, self.lowest, self.highest)
        )
        shares = (inputs[:, :, None] - begins) * per_width  # (batch, columns, bins)
        return ops.minimum(ops.maximum(shares, lowest), highest)

    def compute_output_shape(self, input_shape):
        """A number for each bin."""
        return (*input_shape, self.begins.shape[1])

    def get_config(self):
        """Arguments that make a layer like this one."""
        return {**super().get_config(), "edges": self.edges}
