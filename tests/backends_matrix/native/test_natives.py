"""Natives compute what their recipes compute: the same losses from the same weights."""

import dataclasses
import importlib

import keras
import numpy as np
import pytest

from backends_matrix import same_training
from backends_matrix.bench import bench_presets
from backends_matrix.judge import FLOAT64_LIMIT
from backends_matrix.native import variants_by_hand
from backends_matrix.origin import smoke_presets
from backends_matrix.same_training import difference
from keras_recipes.copying import recipe_names

pytestmark = pytest.mark.usefixtures("wide_arrays")
BACKEND = keras.config.backend()
BY_HAND = [(name, module) for name in recipe_names() for module in variants_by_hand(name, BACKEND).values()]


def modules(name, module):
    return importlib.import_module(f"recipes.{name}"), importlib.import_module(f"backends_matrix.native.{module}")


def covered(name, module, presets_of):
    """The presets of a recipe that what is written by hand covers."""
    recipe, native = modules(name, module)
    covers = getattr(native, "covers", lambda config: True)
    return [preset for preset in presets_of(recipe) if covers(recipe.PRESETS[preset])]


SMOKE = [(*one, preset) for one in BY_HAND for preset in covered(*one, smoke_presets)]
WITHOUT = {  # recipes that are timed beside Keras only, or beside other libraries, by `nox -s peers`
    "cyclegan", "image_transfer", "implicit_feedback", "node2vec", "tabular_embeddings", "word2vec",
}  # fmt: skip


def test_which_there_are():
    assert {name for name in recipe_names() if "native" not in variants_by_hand(name, "torch")} == WITHOUT
    assert sum("native" in variants_by_hand(name, "jax") for name in recipe_names()) >= 2
    assert "by_hand" in variants_by_hand("gan", BACKEND)


@pytest.mark.parametrize(("name", "module"), BY_HAND)
def test_what_the_bench_times_is_covered(name, module):
    assert covered(name, module, lambda recipe: bench_presets(name)) == bench_presets(name)


@pytest.mark.parametrize(("name", "module", "preset"), SMOKE)
def test_losses_are_those_of_the_recipe(name, module, preset):
    recipe, native = modules(name, module)
    assert difference(recipe, native, recipe.PRESETS[preset]) <= FLOAT64_LIMIT


@pytest.mark.parametrize("module", [module for name, module in BY_HAND if name == "gan"])
def test_losses_of_images_are_those_of_the_recipe(module):
    """Smoke presets of it show points of the plane; what is timed are images, by convolutions that are normalized."""
    recipe, native = modules("gan", module)
    config = dataclasses.replace(recipe.PRESETS["bench"], filters=4, latent_dim=8, batch_size=256)
    assert difference(recipe, native, config) <= FLOAT64_LIMIT


@pytest.mark.skipif(BACKEND != "torch", reason="this native is in PyTorch")
@pytest.mark.parametrize("preset", ["bench", "bench-resnet"])
def test_losses_of_a_classifier_are_those_of_the_recipe(preset, monkeypatch):
    """Smoke presets of it look at other views of the images; what is timed does not."""
    recipe, native = modules("image_classifier", "image_classifier_torch")
    config = changed(recipe.PRESETS[preset], width=4, train_images=160, batch_size=32)
    assert difference(recipe, native, changed(config, label_smoothing=0.1)) <= FLOAT64_LIMIT
    data = recipe.load_data(config)
    losses = np.concatenate(list(native.train(native.build(config, data), data, config)))  # with dropout
    assert np.isfinite(losses).all()
    cycle = native.one_cycle
    monkeypatch.setattr(native, "one_cycle", lambda start, *rest: cycle(start * 1.0001, *rest))
    assert difference(recipe, native, config) > FLOAT64_LIMIT


@pytest.mark.skipif(BACKEND not in ("jax", "torch"), reason="natives are in JAX and in PyTorch")
@pytest.mark.parametrize("fault", ["epsilon", "noise", "order", "penalty"])
def test_a_fault_is_found(fault, monkeypatch):
    recipe, native = modules("collaborative_filtering", f"collaborative_filtering_{BACKEND}")
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


@pytest.mark.parametrize(("name", "module", "preset"), SMOKE)
def test_every_option_trains_with_random_numbers_of_the_framework(name, module, preset):
    recipe, native = modules(name, module)
    config = changed(recipe.PRESETS[preset], epochs=2)
    data = recipe.load_data(config)
    losses = list(native.train(native.build(config, data), data, config))
    assert len(losses) == 2
    assert np.all(np.isfinite(losses))
    # Losses that are minimised against each other need not fall.
    assert losses[0].ndim == 2 or np.mean(losses[1]) < np.mean(losses[0])
