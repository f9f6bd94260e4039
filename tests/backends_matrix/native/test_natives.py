"""Natives compute what their recipes compute: the same losses from the same weights."""

import importlib
from pathlib import Path

import keras
import numpy as np
import pytest

import backends_matrix.native
from backends_matrix.judge import FLOAT64_LIMIT
from backends_matrix.same_training import difference
from keras_recipes.copying import recipe_names

BACKEND = keras.config.backend()
FILES = [path.stem for path in Path(backends_matrix.native.__file__).parent.glob("*.py")]
RECIPES = [name for name in recipe_names() if f"{name}_{BACKEND}" in FILES]


def test_every_recipe_has_one_in_torch():
    assert all(f"{name}_torch" in FILES for name in recipe_names())
    assert sum(f"{name}_jax" in FILES for name in recipe_names()) >= 2


def places():
    for name in RECIPES:
        for preset in importlib.import_module(f"recipes.{name}").PRESETS:
            if preset.partition("-")[0] == "smoke":
                yield name, preset


def modules(name):
    return importlib.import_module(f"recipes.{name}"), importlib.import_module(
        f"backends_matrix.native.{name}_{BACKEND}"
    )


@pytest.mark.parametrize(("name", "preset"), list(places()))
def test_losses_are_those_of_the_recipe(name, preset, x64):
    recipe, native = modules(name)
    found = difference(recipe, native, recipe.PRESETS[preset])
    print(name, preset, found)
    assert found <= FLOAT64_LIMIT


@pytest.fixture
def x64():
    if BACKEND != "jax":
        return (yield)
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)
    return None
