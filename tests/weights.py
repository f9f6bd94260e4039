"""How many numbers a model has to learn."""

import math


def count(weights):
    """Numbers in a list of Keras variables, such as `model.trainable_weights`."""
    return sum(math.prod(weight.shape) for weight in weights)
