"""Every layer of Keras that draws: its output, projected on a fixed direction, is the same on every backend."""

import keras
import numpy as np
import pytest
from keras import layers

from backends_matrix.bypasses import watch
from backends_matrix.portable_random import portable_random

ROWS = np.random.RandomState(0).standard_normal((2, 4, 3)).astype("float32")  # (batch, time, features)
IMAGES = np.random.RandomState(1).uniform(0, 255, (2, 8, 8, 3)).astype("float32")

ON_ROWS = {
    "Dropout": lambda: layers.Dropout(0.5, seed=1),
    "Dropout with noise shape": lambda: layers.Dropout(0.5, noise_shape=(None, 1, 3), seed=1),
    "SpatialDropout1D": lambda: layers.SpatialDropout1D(0.5, seed=1),
    "AlphaDropout": lambda: layers.AlphaDropout(0.5, seed=1),
    "GaussianDropout": lambda: layers.GaussianDropout(0.5, seed=1),
    "GaussianNoise": lambda: layers.GaussianNoise(0.5, seed=1),
    "SimpleRNN": lambda: layers.SimpleRNN(2, dropout=0.5, recurrent_dropout=0.5, seed=1),
    "GRU": lambda: layers.GRU(2, dropout=0.5, recurrent_dropout=0.5, seed=1),
    "LSTM": lambda: layers.LSTM(2, dropout=0.5, recurrent_dropout=0.5, seed=1),
    "Attention": lambda: SelfAttention(layers.Attention(dropout=0.5, seed=1)),
    "AdditiveAttention": lambda: SelfAttention(layers.AdditiveAttention(dropout=0.5, seed=1)),
    "MultiHeadAttention": lambda: SelfAttention(layers.MultiHeadAttention(1, 2, dropout=0.5, seed=1), apart=True),
    "GroupQueryAttention": lambda: SelfAttention(layers.GroupQueryAttention(2, 2, 1, dropout=0.5, seed=1), apart=True),
}
ON_IMAGES = {
    "SpatialDropout2D": lambda: layers.SpatialDropout2D(0.5, seed=1),
    "RandomFlip": lambda: layers.RandomFlip(seed=1),
    "RandomRotation": lambda: layers.RandomRotation(0.2, seed=1),
    "RandomZoom": lambda: layers.RandomZoom(0.3, seed=1),
    "RandomTranslation": lambda: layers.RandomTranslation(0.3, 0.3, seed=1),
    "RandomCrop": lambda: layers.RandomCrop(5, 5, seed=1),
    "RandomBrightness": lambda: layers.RandomBrightness(0.3, seed=1),
    "RandomContrast": lambda: layers.RandomContrast(0.3, value_range=(0, 255), seed=1),
    "RandomHue": lambda: layers.RandomHue(0.3, seed=1),
    "RandomSaturation": lambda: layers.RandomSaturation(0.3, seed=1),
    "RandomShear": lambda: layers.RandomShear(0.3, 0.3, seed=1),
    "RandomErasing": lambda: layers.RandomErasing((1.0, 1.0), seed=1),
    "RandomPerspective": lambda: layers.RandomPerspective((1.0, 1.0), seed=1),
    "RandomGrayscale": lambda: layers.RandomGrayscale(0.5, seed=1),
    "RandomInvert": lambda: layers.RandomInvert((1.0, 1.0), seed=1),
    "RandomPosterization": lambda: layers.RandomPosterization(4, seed=1),
    "RandomSharpness": lambda: layers.RandomSharpness(0.5, seed=1),
    "RandomColorJitter": lambda: layers.RandomColorJitter(
        brightness_factor=0.2, contrast_factor=0.2, saturation_factor=0.2, hue_factor=0.2, seed=1
    ),
    "RandomColorDegeneration": lambda: layers.RandomColorDegeneration(0.5, seed=1),
    "RandomGaussianBlur": lambda: layers.RandomGaussianBlur((1.0, 1.0), sigma=(0.5, 1.5), seed=1),
    "Solarization": lambda: layers.Solarization(0.5, 0.5, seed=1),
    "MixUp": lambda: layers.MixUp(seed=1),
    "CutMix": lambda: layers.CutMix(seed=1),
}


class SelfAttention(layers.Layer):
    """Attention of a sequence to itself, behind a call with one argument."""

    def __init__(self, attention, apart=False):
        super().__init__()
        self.attention, self.apart = attention, apart

    def call(self, inputs, training=False):
        return self.attention(*([inputs, inputs] if self.apart else [[inputs, inputs]]), training=training)


def projection(layer, inputs):
    """Scalar product of a layer's output with a fixed vector, per entry and largest entry."""
    keras.utils.set_random_seed(7)
    with portable_random(), watch() as found:
        output = keras.ops.convert_to_numpy(layer()(inputs, training=True)).ravel()
    assert not found
    return float(output @ np.cos(1.0 + np.arange(output.size)) / np.abs(inputs).max())


EXPECTED = {
    "Dropout": 0.29180,
    "Dropout with noise shape": 0.39012,
    "SpatialDropout1D": 0.39012,
    "AlphaDropout": -1.55581,
    "GaussianDropout": -1.87687,
    "GaussianNoise": -1.14945,
    "SimpleRNN": -0.27614,
    "GRU": 0.00168,
    "LSTM": 0.07659,
    "Attention": -1.34959,
    "AdditiveAttention": -0.87907,
    "MultiHeadAttention": -0.13969,
    "GroupQueryAttention": -1.35848,
    "SpatialDropout2D": 1.85213,
    "RandomFlip": 2.74968,
    "RandomRotation": -5.64585,
    "RandomZoom": 1.36990,
    "RandomTranslation": 0.86356,
    "RandomCrop": 1.31967,
    "RandomBrightness": 4.02141,
    "RandomContrast": 4.27596,
    "RandomHue": -0.92108,
    "RandomSaturation": -1.78478,
    "RandomShear": 0.32263,
    "RandomErasing": 2.27332,
    "RandomPerspective": -3.16652,
    "RandomGrayscale": 2.42173,
    "RandomInvert": -3.54645,
    "RandomPosterization": 4.19905,
    "RandomSharpness": 2.24453,
    "RandomColorJitter": -2.36866,
    "RandomColorDegeneration": 4.28296,
    "RandomGaussianBlur": 0.38261,
    "Solarization": 0.14915,
    "MixUp": 3.73701,
    "CutMix": 3.55838,
}


@pytest.mark.filterwarnings("ignore:.*Explicitly requested dtype int64:UserWarning")  # Keras' MixUp on JAX
@pytest.mark.parametrize("name", [*ON_ROWS, *ON_IMAGES])
def test_a_layer_draws_the_same_on_every_backend(name):
    layer, inputs = (ON_ROWS[name], ROWS) if name in ON_ROWS else (ON_IMAGES[name], IMAGES)
    assert projection(layer, inputs) == pytest.approx(EXPECTED[name], abs=1e-4)


@pytest.mark.filterwarnings("ignore:Tensor.T is deprecated:UserWarning")  # Keras on torch, in the median
def test_augmix_chooses_with_pythons_random_and_is_reported():
    with portable_random(), watch() as found:
        layers.AugMix(seed=1)(IMAGES[:, :4, :4], training=True)
    assert {bypass.call for bypass in found} == {"random.choice"}
