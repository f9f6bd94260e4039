"""Constraints that optimizers put on weights after each step."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_recipes")
class Clip(keras.constraints.Constraint):
    """Keep each weight within a distance of 0.

    Args:
        limit: Float above 0, the largest absolute value.

    Reference:
        Arjovsky, Chintala and Bottou, 2017, https://arxiv.org/abs/1701.07875, algorithm 1.
    """

    def __init__(self, limit):
        self.limit = limit

    def __call__(self, weights):
        """The weights, float tensor of any shape, clipped."""
        return ops.clip(weights, -self.limit, self.limit)

    def get_config(self):
        """The limit, as a dict."""
        return {"limit": self.limit}
