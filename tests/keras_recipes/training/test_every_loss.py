"""On JAX Keras drops a loss that lies where another layer's loss of an earlier call lay."""

import keras
import numpy as np
import pytest

from keras_recipes.data import Batches
from keras_recipes.training import fit
from keras_recipes.training.every_loss import every_loss

ZEROS = np.zeros((5, 1), "float32")


class AddsOne(keras.layers.Layer):
    """Adds a loss of 1; in each call, or function compiled, it is the object that the next layer added before."""

    def __init__(self, ones, first, **kwargs):
        super().__init__(**kwargs)
        self.ones, self.calls = ones, first

    def call(self, inputs):
        self.add_loss(self.ones()[self.calls % 20])
        self.calls += 1
        return inputs


def model_that_adds_two():
    ones = [keras.ops.ones(()) for _ in range(20)]
    inputs = keras.Input((1,))
    outputs = keras.layers.Dense(1)(AddsOne(lambda: ones, 1)(AddsOne(lambda: ones, 0)(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    return model


def look(batch, logs):
    """Makes `fit` go step by step."""


@pytest.mark.parametrize("callbacks", [[], [keras.callbacks.LambdaCallback(on_train_batch_end=look)]])
def test_fit_has_every_loss(callbacks):
    history = fit(model_that_adds_two(), Batches((ZEROS, ZEROS), 2), 3, callbacks)
    assert history["loss"] == [2.0] * 3


def test_evaluate_has_every_loss():
    model = model_that_adds_two()
    with every_loss(model):
        assert [model.evaluate(ZEROS, ZEROS, batch_size=size, verbose=0) for size in (5, 2, 1)] == [2.0] * 3


def test_a_model_is_left_as_it_was():
    model = model_that_adds_two()
    with pytest.raises(ZeroDivisionError), every_loss(model):
        raise ZeroDivisionError
    assert "stateless_call" not in vars(model)


def test_a_callback_may_ask_for_every_loss_as_well():
    def evaluate(epoch, logs):
        with every_loss(model):
            assert model.evaluate(ZEROS, ZEROS, verbose=0) == 2.0

    model = model_that_adds_two()
    history = fit(model, Batches((ZEROS, ZEROS), 2), 3, [keras.callbacks.LambdaCallback(on_epoch_end=evaluate)])
    assert history["loss"] == [2.0] * 3
