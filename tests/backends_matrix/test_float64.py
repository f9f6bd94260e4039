import importlib
import re
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from backends_matrix import float64
from backends_matrix.keras_internals import find
from backends_matrix.portable_random import portable_random


@pytest.fixture
def precise(wide_arrays):
    with float64.real_float64():
        yield


def dtype_of(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


MATRIX = np.random.RandomState(0).standard_normal((6, 6))
MATRIX[:, 0] += 1e4  # float32 would lose four digits of this variance

OPERATIONS = {
    "matmul": (lambda x: ops.matmul(x, x), lambda x: x @ x),
    "einsum": (lambda x: ops.einsum("ij,kj->ik", x, x), lambda x: x @ x.T),
    "mean": (lambda x: ops.mean(x, axis=0), lambda x: x.mean(axis=0)),
    "var": (lambda x: ops.var(x, axis=0), lambda x: x.var(axis=0)),
    "std": (lambda x: ops.std(x, axis=0), lambda x: x.std(axis=0)),
    "cumsum": (lambda x: ops.cumsum(x, axis=0), lambda x: x.cumsum(axis=0)),
    "median": (lambda x: ops.median(x, axis=0), lambda x: np.median(x, axis=0)),
    "tanh": (ops.tanh, np.tanh),
    "plus a float": (lambda x: x + 0.1, lambda x: x + 0.1),
    "times a float": (lambda x: ops.multiply(x, 0.1), lambda x: x * 0.1),
    "float alone": (lambda x: ops.convert_to_tensor(0.1), lambda x: 0.1),
    "cast of a float": (lambda x: ops.cast(0.999, "float64"), lambda x: 0.999),
    "Rescaling": (lambda x: layers.Rescaling(0.3, 0.1)(x), lambda x: x * 0.3 + 0.1),
    "CosineDecay": (lambda x: keras.optimizers.schedules.CosineDecay(0.1, 10)(5), lambda x: 0.05),
}


@pytest.mark.usefixtures("precise")
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_exact_to_float64(name):
    operation, reference = OPERATIONS[name]
    result = operation(ops.convert_to_tensor(MATRIX))
    assert dtype_of(result) == "float64"
    np.testing.assert_allclose(ops.convert_to_numpy(result), reference(MATRIX), rtol=1e-12)


@pytest.mark.usefixtures("precise")
def test_promotion_keeps_float64_and_complex128():
    assert keras.backend.result_type("float64", "float32") == "float64"
    assert keras.backend.result_type("float64", int) == "float64"
    assert keras.backend.result_type("float64", "complex128") == "complex128"
    assert keras.backend.result_type("float32", float) == "float32"


def numpy_adam(kernel, x, y, steps, learning_rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Adam (Kingma and Ba 2015, end of section 2) on the mean square error of a linear model."""
    weights = [kernel.copy(), np.zeros(kernel.shape[1])]
    first = [np.zeros_like(weight) for weight in weights]
    second = [np.zeros_like(weight) for weight in weights]
    for step in range(1, steps + 1):
        error = 2.0 * (x @ weights[0] + weights[1] - y) / y.size
        rate = learning_rate * np.sqrt(1.0 - beta_2**step) / (1.0 - beta_1**step)
        for index, gradient in enumerate([x.T @ error, error.sum(axis=0)]):
            first[index] = beta_1 * first[index] + (1.0 - beta_1) * gradient
            second[index] = beta_2 * second[index] + (1.0 - beta_2) * gradient**2
            weights[index] = weights[index] - rate * first[index] / (np.sqrt(second[index]) + epsilon)
    return weights


@pytest.mark.usefixtures("precise")
def test_training_with_adam_equals_numpy_to_1e_12():
    x = np.random.RandomState(1).standard_normal((32, 4))
    y = np.sin(x @ np.array([[1.0, 0.5], [2.0, -1.0], [0.0, 1.0], [-1.0, 0.0]]))
    kernel = np.random.RandomState(2).standard_normal((4, 2))
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.set_weights([kernel, np.zeros(2)])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    model.fit(x, y, epochs=5, batch_size=32, shuffle=False, verbose=0)
    assert {dtype_of(variable) for variable in model.trainable_variables} == {"float64"}
    for trained, expected in zip(model.get_weights(), numpy_adam(kernel, x, y, steps=5), strict=True):
        np.testing.assert_allclose(trained, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("wide_arrays")
def test_draws_are_the_float32_numbers():
    with portable_random():
        draws = {
            "float32": [keras.random.normal((50,), 0.3, 0.7, seed=1), keras.initializers.Orthogonal(seed=1)((3, 3))]
        }
        with float64.real_float64():
            draws["float64"] = [
                keras.random.normal((50,), 0.3, 0.7, seed=1),
                keras.initializers.Orthogonal(seed=1)((3, 3)),
            ]
    for narrow, wide in zip(draws["float32"], draws["float64"], strict=True):
        assert (dtype_of(narrow), dtype_of(wide)) == ("float32", "float64")
        np.testing.assert_array_equal(ops.convert_to_numpy(wide), ops.convert_to_numpy(narrow))


@pytest.fixture
def bfloat16_policy():
    """A policy that nothing but `real_float64` could have replaced."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def settings():
    """All that `real_float64` changes: floatx, policy, promotion table, and functions imported by name."""
    modules = [module for name, module in sys.modules.items() if name.startswith("keras.")]
    names = ("cast", "convert_to_tensor")
    functions = [vars(module).get(name) for module in modules for name in names]
    return keras.config.floatx(), keras.config.dtype_policy(), dict(find(float64.DEMOTIONS)), functions


@pytest.mark.usefixtures("wide_arrays")
def test_keras_is_as_before_after_the_context_and_after_an_exception(bfloat16_policy):
    before = settings()
    with float64.real_float64():
        assert keras.config.floatx() == keras.config.dtype_policy().name == "float64"
        assert settings() != before
    assert settings() == before
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    with pytest.raises(ZeroDivisionError), float64.real_float64():
        raise ZeroDivisionError
    assert settings() == before


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="only JAX turns float64 arrays into float32")
def test_jax_without_64_bits_is_refused_and_nothing_is_changed():
    jax = importlib.import_module("jax")
    before = settings()
    wide = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(RuntimeError, match="JAX_ENABLE_X64=1"), float64.real_float64():
            pass
    finally:
        jax.config.update("jax_enable_x64", wide)
    assert settings() == before


def test_this_keras_has_all_that_is_needed():
    assert float64.missing_attributes() == []


def test_a_part_of_keras_that_is_gone_is_named_with_the_version(monkeypatch):
    monkeypatch.delattr(find("keras.src.backend.common:dtypes"), "BIT64_TO_BIT32_DTYPE")
    message = f"Keras {re.escape(keras.__version__)} .* does not have: {float64.DEMOTIONS}"
    with pytest.raises(RuntimeError, match=message), float64.real_float64():
        pass


def test_a_promotion_table_without_float64_is_named(monkeypatch):
    monkeypatch.delitem(find(float64.DEMOTIONS), "float64")
    assert float64.missing_attributes() == [f"{float64.DEMOTIONS}['float64']"]
