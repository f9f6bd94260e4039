"""Encodings of numbers against NumPy."""

import keras
import numpy as np
import pytest

from keras_recipes.layers import DensePerColumn, PeriodicEncoding, PiecewiseLinearEncoding
from keras_recipes.optimizers import AdamW

NUMBERS = np.random.default_rng(0).normal(size=(7, 2)).astype("float32")


def array(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def test_bins_are_filled_from_the_left():
    layer = PiecewiseLinearEncoding([[0, 1, 3, 4], [-1, 1]])
    found = array(layer(np.array([[0.5, 0.0], [2.0, 1.0], [4.5, 3.0], [-1.0, -2.0]], "float32")))
    expected = [
        [[0.5, 0, 0], [0.5, 0, 0]],
        [[1, 0.5, 0], [1, 0, 0]],
        [[1, 1, 1.5], [2, 0, 0]],  # beyond the last edge the last bin goes on
        [[-1, 0, 0], [-0.5, 0, 0]],
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_line_over_bins_is_a_piecewise_linear_function():
    """Weights that are the heights of the steps of `numpy.interp`."""
    edges, heights = np.array([-2.0, -0.5, 0.3, 2.0]), np.array([1.0, -1.0, 0.5, 4.0])
    inside = np.clip(NUMBERS[:, 0], edges[0], edges[-1])
    encoded = array(PiecewiseLinearEncoding([edges])(inside[:, None]))[:, 0]  # (batch, bins)
    np.testing.assert_allclose(encoded @ np.diff(heights) + heights[0], np.interp(inside, edges, heights), atol=1e-5)


def test_waves():
    layer = PeriodicEncoding(3, sigma=0.5, seed=1)
    found = array(layer(NUMBERS))
    frequencies = layer.get_weights()[0]  # (columns, frequencies)
    angles = 2 * np.pi * NUMBERS[:, :, None] * frequencies
    np.testing.assert_allclose(found, np.concatenate([np.sin(angles), np.cos(angles)], axis=-1), atol=1e-5)
    assert 0.1 < frequencies.std() < 1.5
    for options in ({"num_frequencies": 0}, {"num_frequencies": 1, "sigma": 0}):
        with pytest.raises(ValueError, match="must be"):
            PeriodicEncoding(**options)


def test_each_column_has_its_own_dense_layer():
    x = np.random.default_rng(1).normal(size=(7, 2, 4)).astype("float32")
    layer = DensePerColumn(3, "relu")
    found = array(layer(x))
    kernel, bias = layer.get_weights()
    assert (kernel.shape, bias.shape) == ((2, 4, 3), (6,))
    assert abs(kernel).max() <= np.sqrt(6 / 4)  # He's, for 4 inputs
    layer.set_weights([kernel, bias := np.arange(6.0)])
    expected = np.einsum("bci,ciu->bcu", x, kernel) + bias.reshape(2, 3)
    np.testing.assert_allclose(array(layer(x)), np.maximum(expected, 0), atol=1e-5)
    np.testing.assert_allclose(found, np.maximum(expected - bias.reshape(2, 3), 0), atol=1e-5)
    with pytest.raises(ValueError, match="`units` must be"):
        DensePerColumn(0)


def test_biases_of_columns_do_not_decay():
    model = keras.Sequential([keras.Input((2, 4)), DensePerColumn(3)])
    model.layers[0].bias.assign(np.ones(6))
    model.compile(AdamW(0.1, weight_decay=1.0), loss=lambda y, p: keras.ops.sum(0 * p, axis=(1, 2)))
    kernel = model.layers[0].get_weights()[0]
    model.train_on_batch(np.zeros((1, 2, 4)), np.zeros((1, 2, 3)))
    np.testing.assert_allclose(model.layers[0].get_weights()[0], 0.9 * kernel, rtol=1e-5)
    np.testing.assert_array_equal(model.layers[0].get_weights()[1], np.ones(6))


@pytest.mark.parametrize(
    "layer",
    [PiecewiseLinearEncoding([[0.0, 1.0, 2.0], [0.0, 1.0]]), PeriodicEncoding(2, seed=0), DensePerColumn(2, "relu")],
    ids=lambda layer: type(layer).__name__,
)
def test_is_saved_and_loaded(layer, tmp_path):
    inputs = keras.Input((2,))
    x = inputs if not isinstance(layer, DensePerColumn) else PeriodicEncoding(2, seed=0)(inputs)
    model = keras.Model(inputs, layer(x))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(NUMBERS, verbose=0), model.predict(NUMBERS, verbose=0))
    assert again.output_shape == model.output_shape
