"""A training that is saved and loaded goes on as if nothing had happened."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_recipes.training import load_training, save_training
from keras_recipes.training.saving import read_state
from tests.keras_recipes.training.saved_models import (
    MODELS,
    accumulated,
    assert_same,
    built,
    dense_model,
    noisy,
    numbers,
    rewritten,
    train,
)


@pytest.mark.parametrize("function", MODELS)
def test_training_goes_on_to_the_same_bits(function, tmp_path):
    model, path, saved = built(function), tmp_path / "new" / "t.safetensors", {}
    said = {"epoch": 3, "history": {"loss": [0.5, float("nan"), float("inf")]}, "config": {"seed": 7, "name": "ü"}}

    def save():
        save_training(path, model, **said, finished=True)
        saved.update(numbers(model))

    train(model, last=2, save=save)
    expected = numbers(model)
    assert any((saved[name] != expected[name]).any() for name in saved)

    again = built(function, seed=1)
    about = load_training(path, again)
    assert_same(numbers(again), saved)
    train(again, first=1, last=2)
    assert_same(numbers(again), expected)
    assert repr(about["history"]) == "{'loss': [0.5, nan, inf]}"
    assert (about["epoch"], about["config"], about["finished"]) == (3, {"seed": 7, "name": "ü"}, True)
    assert (about["keras"], about["backend"]) == (keras.__version__, keras.config.backend())


def test_names_do_not_depend_on_what_else_a_process_built(tmp_path):
    """Keras counts up the names of optimizers and seed generators."""
    model = built(noisy)
    train(model)
    save_training(tmp_path / "t", model)
    more = [noisy(), noisy()]
    load_training(tmp_path / "t", more[-1])
    assert_same(numbers(more[-1]), numbers(model))


def test_weights_of_one_path_are_kept_apart(tmp_path):
    """Functional models inside a model do not prefix the names of their layers."""

    def twins():
        outputs = inputs = keras.Input((4,))
        for part in ("one", "other"):
            inner = keras.Input((4,))
            outputs = keras.Model(inner, layers.Dense(4, name="same")(inner), name=part)(outputs)
        model = keras.Model(inputs, outputs)
        model.compile("adam", loss="mse")
        return model

    model, again = built(twins), built(twins, seed=1)
    assert len({weight.path for weight in model.weights}) < len(model.weights)
    save_training(tmp_path / "t", model)
    load_training(tmp_path / "t", again)
    assert_same(numbers(again), numbers(model))


def test_an_optimizer_without_a_step_is_saved_as_such(tmp_path):
    model, trained = built(accumulated), built(accumulated)
    save_training(tmp_path / "t", model)
    train(trained)
    load_training(tmp_path / "t", trained)
    assert_same(numbers(trained), numbers(model))
    train(model)
    train(trained)
    assert_same(numbers(trained), numbers(model))

    uncompiled = keras.Sequential([keras.Input((4,)), layers.Dense(1, name="d")])
    save_training(tmp_path / "u", uncompiled)
    before = uncompiled.get_weights()
    uncompiled.set_weights([weight + 1 for weight in before])
    load_training(tmp_path / "u", uncompiled)
    np.testing.assert_array_equal(uncompiled.get_weights()[0], before[0])


def test_a_changed_learning_rate_is_part_of_the_state(tmp_path):
    model, again = built(dense_model), built(dense_model)
    model.optimizer.learning_rate = 0.125
    save_training(tmp_path / "t", model)
    load_training(tmp_path / "t", again)
    assert float(again.optimizer.learning_rate) == 0.125


def test_a_callable_learning_rate_leaves_no_code_in_the_file(tmp_path):
    def model_of():
        return dense_model(optimizer=keras.optimizers.SGD(lambda: 0.125))

    save_training(tmp_path / "t", built(model_of))
    load_training(tmp_path / "t", built(model_of))
    about, _ = read_state(tmp_path / "t")
    assert about["settings"]["optimizer"]["config"]["learning_rate"] == "lambda"


@pytest.mark.parametrize("dtype", ["uint32", "int32", "int64"])
def test_integers_of_other_backends(dtype, tmp_path):
    """Counters and seeds have other widths there; the bits of a large seed come back."""
    model, path = built(noisy), tmp_path / "t"
    train(model)
    save_training(path, model)

    def change(about, arrays):
        for name in arrays:
            if name.startswith("random/"):
                arrays[name] = np.array([0x90000001, 5], "uint32").astype(dtype)
            elif name == "optimizer/iteration":
                arrays[name] = arrays[name].astype(dtype)
            about["dtypes"][name] = arrays[name].dtype.name

    rewritten(path, change)
    again = built(noisy, seed=1)
    load_training(path, again)
    found = numbers(again)
    assert found["optimizer/iteration"] == 3
    for name in [name for name in found if name.startswith("random/")]:
        np.testing.assert_array_equal(found[name].astype("int64") & 0xFFFFFFFF, [0x90000001, 5])
