"""A native draw must be found wherever it hides, on each backend; sound code must not be accused."""

import importlib
import random

import keras
import numpy as np
import pytest
from keras import layers, ops

from backends_matrix.bypasses import watch
from backends_matrix.portable_random import portable_random

BACKEND = keras.config.backend()
native = importlib.import_module(BACKEND)
if BACKEND == "jax":
    importlib.import_module("jax.nn.initializers")
    from_jax_random = importlib.import_module("jax.random").normal  # kept before the watch begins


def key():
    return native.random.key(0)


def numbers(*shape):
    return ops.ones(shape)


NATIVE = {
    "jax": {
        "jax.random.normal": lambda: native.random.normal(key(), (2,)),
        "jax.random.bernoulli": lambda: native.random.bernoulli(key(), 0.5, (2,)),
        "jax.random.permutation": lambda: native.random.permutation(key(), 5),
        "jax.random.uniform": lambda: native.nn.initializers.uniform()(key(), (2, 2)),
    },
    "tensorflow": {
        "tensorflow random_standard_normal": lambda: native.random.normal((2,)),
        "tensorflow random_shuffle": lambda: native.random.shuffle([1, 2, 3]),
        "tensorflow stateless_random_uniform_v2": lambda: native.random.stateless_uniform((2,), (1, 2)),
        "tensorflow stateless_random_uniform_full_int_v2": lambda: native.random.Generator.from_seed(
            1
        ).uniform_full_int((2,)),
        "tensorflow random_gamma": lambda: native.random.gamma((2,), 1.0),
        "tensorflow random_uniform": lambda: native.nn.dropout(numbers(2, 2), 0.5),
        "tensorflow shuffle_dataset_v3": lambda: list(native.data.Dataset.range(3).shuffle(3)),
        "tensorflow log_uniform_candidate_sampler": lambda: native.random.log_uniform_candidate_sampler(
            native.constant([[1]], "int64"), 1, 2, True, 9
        ),
    },
    "torch": {
        "torch aten.rand": lambda: native.rand(2),
        "torch aten.randn": lambda: native.randn(2, generator=native.Generator()),
        "torch aten.normal_": lambda: numbers(2).normal_(),
        "torch aten.bernoulli": lambda: native.bernoulli(numbers(2) / 2),
        "torch aten.randperm": lambda: native.randperm(4),
        "torch aten.bernoulli_": lambda: native.nn.functional.dropout(numbers(2, 2), 0.5),
        "torch aten.uniform_": lambda: native.nn.Linear(2, 2),
        "torch aten.multinomial": lambda: native.multinomial(numbers(3), 2),
    },
}[BACKEND]
EVERYWHERE = {
    "numpy.random.rand": lambda: np.random.rand(2),  # noqa: NPY002
    "numpy.random.permutation": lambda: np.random.permutation(4),  # noqa: NPY002
    "numpy.random.default_rng()": lambda: np.random.default_rng().random(),
    "random.random": lambda: random.random(),
    "random.shuffle": lambda: random.shuffle([1, 2, 3]),
}


@pytest.mark.parametrize("call", [*NATIVE, *EVERYWHERE])
def test_a_native_draw_is_found_by_name_and_place(call):
    draw = {**NATIVE, **EVERYWHERE}[call]
    with portable_random(), watch() as found:
        draw()
        draw()
    (bypass,) = found
    assert bypass.call == call
    assert "test_bypasses.py:" in bypass.place
    assert " in <lambda>: " in bypass.place
    with watch() as found:
        pass
    draw()
    assert not found


@pytest.mark.skipif(BACKEND != "jax", reason="a name that was imported before the watch began")
def test_a_draw_is_found_under_any_name():
    with watch() as found:
        globals()["from_jax_random"](key(), (2,))
    assert [bypass.call for bypass in found] == ["jax.random.normal"]


def test_elastic_transform_draws_past_keras_random_and_is_reported():
    with portable_random(), watch() as found:
        ops.image.elastic_transform(np.ones((1, 4, 4, 1), "float32"), sigma=1.0, seed=1)
    calls = {"jax": "jax.random.normal", "tensorflow": "tensorflow stateless_random_normal_v2"}
    assert {bypass.call for bypass in found} == {calls.get(BACKEND, "torch aten.normal")}
    assert all(f"keras/src/backend/{BACKEND}/image.py:" in bypass.place for bypass in found)
    assert all("test_bypasses.py:" in bypass.place for bypass in found)


def native_normal(shape):
    if BACKEND == "jax":
        return native.random.normal(key(), shape)
    return native.randn(shape) if BACKEND == "torch" else native.random.normal(shape)


class Noise(layers.Layer):
    """A layer as it must not be: its noise is the backend's own, drawn where `fit` has compiled it."""

    def call(self, inputs):
        return inputs + native_normal((1, 1))


def fit(*hidden):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((1,)), *hidden, layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 1), "float32")
    model.fit(x, x, batch_size=2, epochs=2, verbose=0)
    model.predict(x, batch_size=2, verbose=0)


def test_a_draw_inside_a_compiled_fit_is_found():
    with portable_random(), watch() as found:
        fit(Noise())
    assert len({bypass.call for bypass in found}) == 1
    assert {bypass.place.partition(" in ")[2].partition(":")[0] for bypass in found} == {"native_normal"}


def test_what_goes_through_keras_random_is_not_accused():
    unseeded = layers.Dropout(0.5), layers.GaussianNoise(0.1), layers.Dense(2, kernel_initializer="orthogonal")
    attention = layers.MultiHeadAttention(1, 2, dropout=0.5)
    with portable_random(), watch() as found:
        fit(*unseeded)
        attention(numbers(1, 2, 2), numbers(1, 2, 2), training=True)
        attention(numbers(1, 2, 2), numbers(1, 2, 2))
        keras.random.shuffle(numbers(3))
        np.random.default_rng(0).random()
        np.random.default_rng(seed=0).random()
    assert not found


def test_keras_own_random_is_accused_if_it_is_not_replaced():
    with watch() as found:
        keras.random.normal((2,), seed=1)
    assert len(found) == 1
