"""Natives compute what their recipes compute: the same losses from the same weights."""

import dataclasses
import importlib
from pathlib import Path

import keras
import numpy as np
import pytest

import backends_matrix.native
from backends_matrix import same_training
from backends_matrix.judge import FLOAT64_LIMIT
from backends_matrix.origin import smoke_presets
from backends_matrix.same_training import difference
from keras_recipes.copying import recipe_names

pytestmark = pytest.mark.usefixtures("wide_arrays")
BACKEND = keras.config.backend()
FILES = [path.stem for path in Path(backends_matrix.native.__file__).parent.glob("*.py")]
RECIPES = [name for name in recipe_names() if f"{name}_{BACKEND}" in FILES]


def modules(name):
    native = importlib.import_module(f"backends_matrix.native.{name}_{BACKEND}")
    return importlib.import_module(f"recipes.{name}"), native


def covered(name):
    """The smoke presets of a recipe that its native covers."""
    recipe, native = modules(name)
    covers = getattr(native, "covers", lambda config: True)
    return [preset for preset in smoke_presets(recipe) if covers(recipe.PRESETS[preset])]


SMOKE_PRESETS = [(name, preset) for name in RECIPES for preset in covered(name)]


def test_which_there_are():
    assert {name for name in recipe_names() if f"{name}_torch" not in FILES} == {"cyclegan"}
    assert sum(f"{name}_jax" in FILES for name in recipe_names()) >= 2
    assert bool(RECIPES) == (BACKEND in ("jax", "torch"))


@pytest.mark.parametrize(("name", "preset"), SMOKE_PRESETS)
def test_losses_are_those_of_the_recipe(name, preset):
    recipe, native = modules(name)
    assert difference(recipe, native, recipe.PRESETS[preset]) <= FLOAT64_LIMIT


@pytest.mark.skipif(BACKEND not in ("jax", "torch"), reason="natives are in JAX and in PyTorch")
@pytest.mark.parametrize("fault", ["epsilon", "noise", "order", "penalty"])
def test_a_fault_is_found(fault, monkeypatch):
    recipe, native = modules("collaborative_filtering")
    training = importlib.import_module(f"backends_matrix.native.{BACKEND}_training")
    config = recipe.PRESETS["smoke"]
    train = native.train
    if fault == "epsilon":
        monkeypatch.setattr(training, "EPSILON", 1e-6)
    if fault == "noise":  # the native draws numbers of its own
        monkeypatch.setitem(same_training.DRAWS, BACKEND, {})
    if fault == "order":
        monkeypatch.setattr(native, "train", lambda m, d, c: train(m, d, changed(c, seed=1)))
    if fault == "penalty":
        build = native.build
        monkeypatch.setattr(native, "build", lambda c, d: build(changed(c, l2=c.l2 * 1.0001), d))
        monkeypatch.setattr(native, "train", lambda m, d, c: train(m, d, changed(c, l2=c.l2 * 1.0001)))
    assert difference(recipe, native, config) > FLOAT64_LIMIT


def changed(config, **values):
    return dataclasses.replace(config, **values)


@pytest.mark.parametrize(("name", "preset"), SMOKE_PRESETS)
def test_every_option_trains_with_random_numbers_of_the_framework(name, preset):
    recipe, native = modules(name)
    config = changed(recipe.PRESETS[preset], epochs=2)
    data = recipe.load_data(config)
    losses = list(native.train(native.build(config, data), data, config))
    assert len(losses) == 2
    assert np.all(np.isfinite(losses))
    # Losses that are minimised against each other need not fall.
    assert losses[0].ndim == 2 or np.mean(losses[1]) < np.mean(losses[0])
