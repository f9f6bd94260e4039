"""The learning-rate finder sees the same on every backend."""

import keras
import numpy as np

from backends_matrix.float64 import real_float64
from backends_matrix.portable_random import portable_random
from keras_recipes.data import Batches
from keras_recipes.learning_rate_finder import find_learning_rate
from keras_recipes.optimizers import AdamW

LOSSES = [
    1.9727972533773772, 0.7568052015746237, 3.6271085288855396, 1.925932492899586,
    1.3256000762975657, 3.032933505585284, 0.8081518868556881, 3.0925036936331924,
    3.0981646499371513, 2.2364914217875285, 0.9017138276039596, 4.086072199959016,
]  # fmt: skip


def test_the_curve_is_the_same_on_every_backend(wide_arrays):
    """The float64 level of the matrix, for a search: each backend finds the numbers that stand here, to 1e-9."""
    with portable_random(), real_float64():
        keras.utils.set_random_seed(0)
        x = inputs = keras.Input((4,))
        x = keras.layers.Dropout(0.2, seed=1)(keras.layers.Dense(8, activation="tanh", name="hidden")(x))
        model = keras.Model(inputs, keras.layers.Dense(1, name="last")(x))
        model.compile(AdamW(1e-3), loss="mse")
        rng = np.random.default_rng(0)
        features = rng.normal(size=(48, 4))
        search = find_learning_rate(model, Batches((features, features[:, :1] ** 2), 16), 1e-4, 1.0, steps=12)
    np.testing.assert_allclose(search.losses[0], LOSSES, rtol=1e-9)
