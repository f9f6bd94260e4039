"""Models of all kinds of state, for tests of what is saved and loaded."""

import json

import keras
import numpy as np
from keras import layers
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from keras_recipes.training.saving import STATE_KEY, model_state, optimizer_state

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")

Y = X.sum(axis=1, keepdims=True)


@keras.saving.register_keras_serializable(package="tests")
class Counter(layers.Layer):
    """Counts its calls in an integer, and keeps a boolean and a float64."""

    def build(self, input_shape):
        self.calls = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="calls")
        self.flags = self.add_weight(shape=(3,), dtype="bool", initializer="zeros", trainable=False, name="flags")

    def call(self, inputs):
        self.calls.assign(self.calls + 1)
        self.flags.assign(keras.ops.logical_not(self.flags))
        return inputs


def dense_model(*between, optimizer="adam", dtype=None, units=3):
    """Dense, other layers, Dense; a dtype is that of all layers but the last."""
    inputs = x = keras.Input((4,))
    for layer in (layers.Dense(units, name="first", dtype=dtype), *between):
        x = layer(x)
    model = keras.Model(inputs, layers.Dense(1, name="last", dtype="float32")(x))
    model.compile(optimizer, loss="mse")
    return model


def noisy():
    alike = [layers.Dropout(0.5, seed=1), layers.Dropout(0.5, seed=1)]
    return dense_model(*alike, layers.GaussianNoise(0.1), layers.GaussianNoise(0.1, seed=3))


def decayed_and_averaged():
    schedule = keras.optimizers.schedules.PolynomialDecay(1e-2, 20)
    return dense_model(optimizer=keras.optimizers.AdamW(schedule, clipnorm=0.1, use_ema=True))


def accumulated():
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, gradient_accumulation_steps=2)
    return dense_model(optimizer=optimizer)


def normalized():
    return dense_model(layers.BatchNormalization(momentum=0.5, name="norm"), optimizer="rmsprop")


def nested_and_shared():
    inner_inputs = keras.Input((4,))
    inner = keras.Model(
        inner_inputs, layers.Dense(4, name="inside")(layers.Dropout(0.2, seed=2)(inner_inputs)), name="inner"
    )
    inputs, shared = keras.Input((4,)), layers.Dense(4, name="shared")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, name="head")])
    model = keras.Model(inputs, model(inner(shared(shared(inner(inputs))))))
    model.compile("adam", loss="mse")
    return model


def frozen():
    model = dense_model()
    model.get_layer("first").trainable = False
    model.compile("adam", loss="mse")
    return model


def loss_scaled():
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01), dynamic_growth_steps=2)
    return dense_model(layers.Dropout(0.5, seed=1), optimizer=optimizer, dtype="mixed_float16")


def half_precision():
    return dense_model(layers.Dropout(0.5, seed=1), dtype="bfloat16")


def counting():
    return dense_model(Counter(name="counter"))


MODELS = [
    noisy, decayed_and_averaged, accumulated, normalized, nested_and_shared, frozen, loss_scaled, half_precision,
    counting,
]  # fmt: skip


def built(function, seed=0):
    """A model with weights of its own, as a new process would build it."""
    keras.utils.clear_session(free_memory=False)  # True collects all garbage, for seconds
    keras.utils.set_random_seed(seed)
    return function()


def train(model, first=0, last=1, save=None):
    """Epochs of three steps each; `save` is called at the end of the first."""
    at_end = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: save() if save and epoch == 0 else None)
    model.fit(
        X, Y, batch_size=4, initial_epoch=first, epochs=last, shuffle=False, verbose=0, callbacks=[at_end]
    )  # fmt: skip


def numbers(model):
    """All state, and predictions, in NumPy."""
    variables = {**model_state(model), **optimizer_state(model)}
    arrays = {name: np.array(variable.numpy()) for name, variable in variables.items()}
    return arrays | {"predictions": keras.ops.convert_to_numpy(model(X))}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        np.testing.assert_array_equal(one[name].astype("float64"), other[name].astype("float64"), err_msg=name)


def rewritten(path, change):
    """The file as if another backend had written it, or a fault had changed it."""
    with safe_open(path, framework="numpy") as file:
        about, arrays = json.loads(file.metadata()[STATE_KEY]), load_file(path)
    change(about, arrays)
    save_file(arrays, path, metadata={STATE_KEY: json.dumps(about)})
