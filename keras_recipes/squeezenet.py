"""SqueezeNet 1.1: as good as AlexNet with a fiftieth of its weights."""

import h5py
import keras
import numpy as np
from keras import layers

from keras_recipes.fetch import fetch
from keras_recipes.images import readable

SQUEEZENET_URL = (
    "https://github.com/rcmalli/keras-squeezenet/releases/download/v1.0/"
    "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
SQUEEZENET_SHA256 = "17154246284f555591549ac2c83e127abfbf4307dc4b0060fdaa2931d0fa38da"
FIRE_FILTERS = (16, 16, 32, 32, 48, 48, 64, 64)  # of fire2 to fire9, to which they squeeze; they expand to eightfold


def squeezenet(weights=None, name="squeezenet"):
    """SqueezeNet without a head.

    Args:
        weights: String, "imagenet" for those that keras-squeezenet publishes, downloaded once; the path
            of that file; or None for new ones.
        name: String.

    Returns:
        `keras.Model` from images, float `(batch, height, width, 3)`, blue, green and red less the means
        of ImageNet as `keras.applications.vgg16.preprocess_input` makes them, to features,
        `(batch, about height / 16, about width / 16, 512)`.

    Raises:
        ValueError: If the file holds other weights.

    Reference:
        Iandola et al., 2016, https://arxiv.org/abs/1602.07360, section 3, and for 1.1 https://github.com/forresti/SqueezeNet;
        weights: https://github.com/rcmalli/keras-squeezenet.
    """
    images = keras.Input((None, None, 3), name=f"{name}_images")
    x = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(images)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for number, filters in enumerate(FIRE_FILTERS, start=2):
        x = fire(x, filters, f"fire{number}")
        if number in (3, 5):
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{number}")(x)
    model = keras.Model(images, x, name=name)
    if weights:
        path = fetch("weights/squeezenet.h5", SQUEEZENET_URL, SQUEEZENET_SHA256) if weights == "imagenet" else weights
        load_squeezenet(model, path)
    return model


def fire(x, filters, name):
    """To few channels, and from there by two kinds of convolutions to many."""
    x = layers.Conv2D(filters, 1, activation="relu", name=f"{name}_squeeze1x1")(x)
    sides = [
        layers.Conv2D(4 * filters, size, padding="same", activation="relu", name=f"{name}_expand{size}x{size}")(x)
        for size in (1, 3)
    ]
    return layers.Concatenate(name=f"{name}_sides")(sides)


def load_squeezenet(model, path):
    """Put the weights of a file in HDF5, of an array of kernels and one of biases for each layer, into the model."""
    with readable(path), h5py.File(path) as file:
        for layer in (layer for layer in model.layers if layer.weights):
            arrays = []
            file[layer.name.replace("_", "/", 1)].visititems(lambda _, found, a=arrays: a.append(found))
            values = [np.asarray(found) for found in arrays if isinstance(found, h5py.Dataset)]
            layer.set_weights(sorted(values, key=lambda value: -value.ndim))
