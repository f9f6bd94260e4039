import keras
import numpy as np
import pytest
from keras import ops

from keras_recipes.constraints import Clip
from keras_recipes.layers import SpectralConv2D, SpectralDense

RNG = np.random.default_rng(0)
CASES = {
    "dense": (lambda: SpectralDense(3, use_bias=False), RNG.normal(size=(5, 4))),
    "conv": (lambda: SpectralConv2D(3, 2, use_bias=False), RNG.normal(size=(2, 5, 5, 4))),
}


@pytest.fixture(params=CASES)
def layer_and_input(request):
    make, x = CASES[request.param]
    layer = make()
    layer.build(x.shape)
    layer.weights[0].assign(RNG.normal(size=layer.weights[0].shape))
    return layer, x.astype("float32")


def singular_values(kernel):
    return np.linalg.svd(ops.convert_to_numpy(kernel).reshape(-1, kernel.shape[-1]), compute_uv=False)


def test_the_largest_singular_value_becomes_one(layer_and_input):
    layer, x = layer_and_input
    own = layer.weights[0].numpy()
    for _ in range(50):
        layer(x, training=True)
    assert singular_values(layer.kernel)[0] == pytest.approx(1, rel=1e-4)
    np.testing.assert_array_equal(layer.weights[0].numpy(), own)  # the kernel itself is left alone
    matrix = own.reshape(-1, own.shape[-1])
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.kernel).reshape(matrix.shape), matrix / singular_values(own)[0], rtol=1e-4
    )


def test_each_call_in_training_is_one_power_iteration(layer_and_input):
    layer, x = layer_and_input
    matrix, vector = layer.weights[0].numpy().reshape(-1, 3), np.ones((1, 3))
    for training in (True, False, True):
        layer(x, training=training)
        if training:
            right = vector @ matrix.T
            vector = right / np.linalg.norm(right) @ matrix
            vector /= np.linalg.norm(vector)
        np.testing.assert_allclose(layer.singular_vector.numpy(), vector, rtol=1e-5)


def test_saves_and_loads_all_of_its_weights(layer_and_input, tmp_path):
    layer, x = layer_and_input
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    layer(x, training=True)
    model.save(tmp_path / "spectral.keras")
    again = keras.saving.load_model(tmp_path / "spectral.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    np.testing.assert_array_equal(again.layers[-1].singular_vector.numpy(), layer.singular_vector.numpy())


def test_the_gradient_goes_through_the_division():
    """A layer with one weight always has slope 1, so the weight has no influence."""
    layer = SpectralDense(1, use_bias=False)
    model = keras.Sequential([keras.Input((1,)), layer])
    layer.weights[0].assign([[3.0]])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x = np.array([[1.0], [2.0]])
    model.fit(x, 5 * x, epochs=3, verbose=0)
    assert layer.weights[0].numpy().item() == pytest.approx(3, abs=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), x, rtol=1e-6)


def test_clip_keeps_weights_small_while_they_train():
    layer = keras.layers.Dense(2, kernel_constraint=Clip(0.25))
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    x = RNG.normal(size=(20, 3))
    model.fit(x, 10 * x[:, :2], verbose=0)
    kernel = layer.kernel.numpy()
    assert np.abs(kernel).max() == 0.25
    assert keras.constraints.deserialize(keras.constraints.serialize(layer.kernel_constraint)).limit == 0.25
