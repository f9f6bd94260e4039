"""A small classifier that tells two sets of images apart: the eye that judges translated images."""

import keras
import numpy as np
from keras import layers

from keras_recipes.data import Batches
from keras_recipes.training import fit


def train_domain_classifier(first, second, steps=100, batch_size=64, seed=0):
    """Learn to tell two sets of images apart.

    Args:
        first: Float array of shape `(n, height, width, channels)`.
        second: Likewise, of the same shape.
        steps: Integer of at least 1, steps of training, at least.
        batch_size: Integer of at least 1, examples per step.
        seed: Integer, of weights and order.

    Returns:
        `keras.Model` from images to logits, `(batch, 1)`, above 0 for those of the second set.
    """
    keras.utils.set_random_seed(seed)
    x = images = keras.Input(first.shape[1:], name="domain_images")
    for i, filters in enumerate((16, 32)):
        x = layers.Conv2D(filters, 3, 2, "same", activation="relu", name=f"domain_conv{i}")(x)
    x = layers.GlobalAveragePooling2D(name="domain_mean")(x)  # (batch, 32)
    model = keras.Model(images, layers.Dense(1, name="domain_logit")(x), name="domain_classifier")
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    domains = np.repeat(np.float32([0, 1]), [len(first), len(second)])[:, None]
    batches = Batches((np.concatenate([first, second]), domains), batch_size, seed)
    fit(model, batches, -(-steps // len(batches)))
    return model


def share_of_second(classifier, images):
    """The share, a float, of the images that a domain classifier takes for some of the second set."""
    return float(np.mean(classifier.predict(images, batch_size=500, verbose=0) > 0))
