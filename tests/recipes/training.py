"""What the known answers of all recipes begin with."""

import keras
import pytest


def trained(recipe, config):
    """Data and model after the recipe's own training."""
    keras.utils.set_random_seed(config.seed)
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    recipe.train(model, data, config)
    return data, model


# Trains for long, on PyTorch, where nothing is compiled: that others compute the same is what the matrix shows.
on_one_backend = pytest.mark.skipif(keras.config.backend() != "torch", reason="the matrix carries it to other backends")
