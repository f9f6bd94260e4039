"""What the known answers of all recipes begin with."""

import keras


def trained(recipe, config):
    """Data and model after the recipe's own training."""
    keras.utils.set_random_seed(config.seed)
    data = recipe.load_data(config)
    model = recipe.build_model(config, data)
    recipe.train(model, data, config)
    return data, model
