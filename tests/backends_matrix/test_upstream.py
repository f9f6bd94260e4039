"""Faults of Keras that this project avoids, in their shortest form: a Keras that mends one fails here.

Then the advice in CONTRIBUTING.md can go, and what was built around the fault.
"""

import keras
import numpy as np
import pytest


def weights_after_two_steps(first_name, second_name):
    """Two dense layers, each inside a functional model, after two steps of SGD."""
    inputs = keras.Input((1,))
    parts = []
    for name in (first_name, second_name):
        inside = keras.Input((1,))
        parts.append(keras.Model(inside, keras.layers.Dense(1, kernel_initializer="ones", name=name)(inside)))
    model = keras.Model(inputs, parts[1](parts[0](inputs)))
    model.compile(keras.optimizers.SGD(0.01), loss="mse")
    for _ in range(2):
        model.train_on_batch(np.ones((4, 1)), np.zeros((4, 1)))
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def test_torch_keeps_the_gradient_of_weights_with_the_same_path():
    """Keras 3.15, PyTorch: the gradient of the second step has that of the first one in it."""
    apart, alike = weights_after_two_steps("one", "two"), weights_after_two_steps("same", "same")
    assert np.allclose(apart, alike, atol=1e-6) == (keras.config.backend() != "torch")


def test_tensorflow_squares_the_parts_of_an_embeddings_gradient():
    """Keras 3.15, TensorFlow: with one id three times, the first step of Adam is √3 times as long."""
    inputs = keras.Input((1,), dtype="int32")
    model = keras.Model(inputs, keras.layers.Embedding(2, 1, "zeros")(inputs)[:, 0])
    model.compile(keras.optimizers.Adam(0.1), loss="mse")
    model.train_on_batch(np.array([[1], [1], [1]]), np.ones((3, 1)))
    step = 0.1 * (3**0.5 if keras.config.backend() == "tensorflow" else 1)
    np.testing.assert_allclose(model.get_weights()[0][1, 0], step, rtol=1e-4)


def test_torch_random_brightness_changes_its_input():
    """Keras 3.15, PyTorch: `RandomBrightness` adds in place, so `RandAugment` brightens what it should leave alone."""
    layer, images = keras.layers.RandomBrightness((0.5, 0.5)), keras.ops.ones((1, 2, 2, 3))
    layer(images, training=True)
    untouched = np.array_equal(keras.ops.convert_to_numpy(images), np.ones((1, 2, 2, 3)))
    assert untouched == (keras.config.backend() != "torch")


def test_jax_adds_up_the_gradient_of_a_bias_in_bfloat16():
    """Keras 3.15, JAX on a CPU: of 784 ones, the gradient of a bias in mixed_bfloat16, hardly any arrive."""
    inputs = keras.Input((28, 28, 1))
    outputs = keras.layers.Conv2DTranspose(1, 3, padding="same", dtype="mixed_bfloat16")(inputs)
    model = keras.Model(inputs, outputs)
    total = lambda y_true, y_pred: keras.ops.sum(keras.ops.cast(y_pred, "float32"), axis=(1, 2, 3))  # noqa: E731
    model.compile(keras.optimizers.SGD(1.0), loss=total)
    images = np.random.RandomState(0).standard_normal((32, 28, 28, 1)).astype("float32")
    model.train_on_batch(images, images)
    assert (model.get_weights()[1] == -784.0) == (keras.config.backend() != "jax")


class AddsLoss(keras.layers.Layer):
    """Adds the loss that it is told to."""

    def call(self, inputs):
        self.add_loss(self.loss)
        return inputs


def test_a_new_loss_in_the_place_of_another_layers_old_one_is_dropped():
    """Keras 3.15: without a graph of its own, as on JAX, a model then has one loss of two."""
    inputs = keras.Input((1,))
    one, two = AddsLoss(), AddsLoss()
    one.loss = two.loss = keras.ops.zeros(())
    model = keras.Model(inputs, two(one(inputs)))
    losses = [keras.ops.ones(()) for _ in range(3)]
    for one.loss, two.loss in ((losses[0], losses[1]), (losses[1], losses[2])):  # the same object: the same place
        *_, found = model.stateless_call([], [], keras.ops.ones((1, 1)), return_losses=True)
    assert len(found) == 1


@pytest.mark.skipif(keras.config.backend() != "torch", reason="a fault of PyTorch")
def test_torch_refuses_the_gradient_of_a_convolution_with_one_filter_in_float64():
    """PyTorch 2.13: Keras' kernels, with the filters last, look like channels-last ones if there is one filter."""
    model = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.Conv2D(1, 3, dtype="float64")])
    model.compile("sgd", loss="mse")
    with pytest.raises(RuntimeError, match="grad_weight must be contiguous"):
        model.train_on_batch(np.ones((4, 8, 8, 2)), np.ones((4, 6, 6, 1)))
