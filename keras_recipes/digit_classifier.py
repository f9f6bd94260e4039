"""A small classifier of handwritten digits, trained once and frozen: the eye that judges generated images.

`python -m keras_recipes.digit_classifier` trains it on MNIST and writes the weights that
lie beside this file, the same for every backend.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers
from safetensors.numpy import load_file, save

from keras_recipes.config import require
from keras_recipes.data import Batches
from keras_recipes.files import write_file
from keras_recipes.image_datasets import load_mnist
from keras_recipes.training import fit

DIGIT_WEIGHTS = "digit_classifier.safetensors"  # beside this file, and beside a copy of it


def build_digit_classifier():
    """An untrained classifier.

    Returns:
        `keras.Model` from images, float tensor of shape `(batch, 28, 28, 1)` in
        [0, 1], to a list of features, `(batch, 64)`, and logits, `(batch, 10)`.
    """
    x = images = keras.Input((28, 28, 1), name="images")
    for i, filters in enumerate((16, 32, 32)):  # (batch, 14, 14, 16), (batch, 7, 7, 32), (batch, 4, 4, 32)
        x = layers.Conv2D(filters, 3, 2, "same", activation="relu", name=f"digit_conv{i}")(x)
    x = layers.Dropout(0.3, seed=0, name="digit_dropout")(layers.Flatten(name="digit_flatten")(x))
    features = layers.Dense(64, activation="relu", name="digit_features")(x)
    logits = layers.Dense(10, name="digit_logits")(features)
    return keras.Model(images, [features, logits], name="digit_classifier")


def load_digit_classifier():
    """The classifier with its weights; raises FileNotFoundError if they are not beside this file."""
    classifier = build_digit_classifier()
    arrays = load_file(Path(__file__).with_name(DIGIT_WEIGHTS))
    for weight in classifier.trainable_weights:
        weight.assign(arrays[weight.path].astype("float32"))
    return classifier


def see(classifier, images):
    """What the classifier makes of images.

    Args:
        classifier: `keras.Model` from `load_digit_classifier`.
        images: Float array of shape `(n, height, width, channels)` in [0, 1], of
            any size and number of channels; made grey and 28 × 28 by repeating
            and averaging pixels. What does not look like drawn digits is
            seen less sharply.

    Returns:
        Tuple of float64 arrays: features, `(n, 64)`, and logits, `(n, 10)`.

    Raises:
        ValueError: If the images have another rank.
    """
    images = np.asarray(images, "float32")
    require(images.ndim == 4, "images", "of shape (n, height, width, channels)", images.shape)
    grey = images.mean(axis=3)
    for axis in (1, 2):
        size = grey.shape[axis]
        if size != 28:
            pixels = np.repeat(grey, 28, axis=axis)  # each of 28 new ones covers `size` of these
            shape = (*pixels.shape[:axis], 28, size, *pixels.shape[axis + 1 :])
            grey = pixels.reshape(shape).mean(axis=axis + 1)
    found = classifier.predict(grey[..., None], batch_size=500, verbose=0)
    return tuple(np.asarray(part, "float64") for part in found)


def train_digit_classifier(train, epochs, seed=0):
    """Train a classifier; images are shifted by up to two pixels, so that it looks at shapes.

    Args:
        train: Pair of images, float32 of shape `(n, 28, 28, 1)` in [0, 1], and
            labels, int32 of shape `(n,)`.
        epochs: Integer of at least 1, passes over the images.
        seed: Integer, of weights, shifts and order.

    Returns:
        The trained `keras.Model`, as `build_digit_classifier` builds it.
    """
    keras.utils.set_random_seed(seed)
    classifier, rng = build_digit_classifier(), np.random.default_rng(seed)
    trained = keras.Model(classifier.input, classifier.output[1], name="digit_training")
    steps = -(-len(train[0]) // 128) * epochs
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    trained.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for epoch in range(epochs):
        shifts = rng.integers(-2, 3, size=(len(train[0]), 2))
        moved = np.stack([np.roll(image, shift, axis=(0, 1)) for image, shift in zip(train[0], shifts, strict=True)])
        fit(trained, Batches((moved, train[1]), 128, seed + epoch), 1)
    return classifier


def write_digit_classifier():
    """Train on MNIST, print the accuracy on its test images, and write the weights beside this file."""
    train, (images, labels) = load_mnist()
    classifier = train_digit_classifier(train, epochs=12)
    arrays = {weight.path: np.array(weight.numpy(), "float16") for weight in classifier.trainable_weights}
    write_file(Path(__file__).with_name(DIGIT_WEIGHTS), save(arrays))
    print(f"accuracy {np.mean(see(load_digit_classifier(), images)[1].argmax(axis=1) == labels):.4f}")


if __name__ == "__main__":
    write_digit_classifier()
