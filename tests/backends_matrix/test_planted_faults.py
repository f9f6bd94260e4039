"""A matrix that cannot fail proves nothing: each fault planted here must be found, at its level.

One run is as the recipe is; the other has a fault, and goes by another backend's name.
"""

import dataclasses
import functools

import keras
import numpy as np
import pytest

from backends_matrix.bundle import Bundle
from backends_matrix.judge import LEVELS, compare
from backends_matrix.numbers import numbers
from keras_recipes.layers import Bias, Embedding, GaussianSampling, UnknownIds
from recipes import collaborative_filtering as recipe
from recipes import vae

SMALL = recipe.Config(dataset="synthetic", synthetic_users=20, embedding_dim=2, batch_size=32, epochs=2)


@pytest.fixture(scope="module")
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipe.PRESETS, "smoke", SMALL)
        yield


@pytest.fixture(scope="module")
def sound(small):
    return numbers(recipe, "smoke", "float32", twins=3)


def levels_that_disagree(sound, recipe=recipe):
    """The names of the levels at which a run, with whatever is patched now, differs from the sound one."""
    other = numbers(recipe, "smoke", "float32", twins=0)
    other = Bundle({**other.about, "backend": "other", "ulp": sound.about["ulp"]}, other.arrays)
    found = {finding.level for finding in compare([sound, other]) if not finding.agrees}
    return [level.name for level in LEVELS if level.name in found]


AFTER_GRADIENT = ["float32 5 steps", "float32 trained"]
AFTER_FORWARD = ["float32 forward", "float32 loss", "float32 gradient", *AFTER_GRADIENT]


def test_a_second_sound_run_agrees(sound):
    assert levels_that_disagree(sound) == []


def test_a_dropped_bias(sound, monkeypatch):
    monkeypatch.setattr(Bias, "call", lambda self, inputs: inputs + 0.0 * self.bias)
    assert levels_that_disagree(sound)[:5] == AFTER_FORWARD


@pytest.mark.parametrize("change", [{"epsilon": 1e-6}, {"beta_2": 0.9991}, {"beta_1": 0.901}], ids=str)
def test_a_changed_constant_of_the_optimizer(sound, monkeypatch, change):
    monkeypatch.setattr(keras.optimizers, "Adam", functools.partial(keras.optimizers.Adam, **change))
    assert levels_that_disagree(sound)[:2] == AFTER_GRADIENT


def test_a_swapped_axis(sound, monkeypatch):
    call = Embedding.call

    def swapped(self, inputs):
        vectors = call(self, inputs)
        return keras.ops.flip(vectors, axis=-1) if self.name == "item" else vectors

    monkeypatch.setattr(Embedding, "call", swapped)
    assert levels_that_disagree(sound)[:5] == AFTER_FORWARD


def test_another_order_of_the_batches(sound, monkeypatch):
    batches = recipe.Batches
    monkeypatch.setattr(recipe, "Batches", lambda arrays, size, seed=0: batches(arrays, size, seed + 1))
    assert levels_that_disagree(sound)[:1] == ["float32 gradient"]


def test_other_noise(sound, monkeypatch):
    monkeypatch.setattr(recipe, "UnknownIds", lambda rate, seed: UnknownIds(rate, seed=seed + 1))
    assert "float32 trained" in levels_that_disagree(sound)


def test_half_precision_inside(sound, monkeypatch):
    call = Embedding.call
    half = lambda self, inputs: keras.ops.cast(keras.ops.cast(call(self, inputs), "float16"), "float32")  # noqa: E731
    monkeypatch.setattr(Embedding, "call", half)
    assert levels_that_disagree(sound)[:1] == ["float32 gradient"]


def test_data_off_by_one_bit(sound, monkeypatch):
    load = recipe.load_data

    def changed(config):
        data = load(config)
        data.test[1][0] = np.nextafter(data.test[1][0], np.float32(9))
        return data

    monkeypatch.setattr(recipe, "load_data", changed)
    assert levels_that_disagree(sound) == ["data"]


def test_start_weights_off_by_one_bit(sound, monkeypatch):
    build = recipe.build_model

    def changed(config, data):
        model = build(config, data)
        table = model.get_layer("item").embeddings
        table.assign(
            np.where(np.arange(table.shape[0])[:, None] == 3, np.nextafter(table.numpy(), np.float32(9)), table.numpy())
        )
        return model

    monkeypatch.setattr(recipe, "build_model", changed)
    assert levels_that_disagree(sound) == ["initial weights"]


def test_a_metric_of_another_meaning(sound, monkeypatch):
    evaluate = recipe.evaluate
    monkeypatch.setattr(recipe, "evaluate", lambda *args: {k: v * 1.0001 for k, v in evaluate(*args).items()})
    assert levels_that_disagree(sound) == ["float32 metric"]


@pytest.fixture(scope="module")
def sound_images():
    small = dataclasses.replace(vae.PRESETS["smoke"], filters=2, hidden_units=8, epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vae.PRESETS, "smoke", small)
        yield numbers(vae, "smoke", "float32", twins=3)


def test_an_upside_down_convolution(sound_images, monkeypatch):
    call = keras.layers.Conv2D.call
    monkeypatch.setattr(keras.layers.Conv2D, "call", lambda self, x: call(self, keras.ops.flip(x, axis=1)))
    assert levels_that_disagree(sound_images, vae)[:3] == AFTER_FORWARD[:3]


def test_a_variance_a_little_off(sound_images, monkeypatch):
    class Wrong(GaussianSampling):
        def call(self, mean, log_var, training=False):
            return super().call(mean, 1.001 * log_var, training=training)

    monkeypatch.setattr(vae, "GaussianSampling", Wrong)
    found = levels_that_disagree(sound_images, vae)
    assert "float32 gradient" in found
    assert "float32 forward" not in found


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="the fault of Keras' own Embedding is TensorFlow's")
def test_the_embedding_that_keras_gets_wrong_on_tensorflow(sound, monkeypatch):
    monkeypatch.setattr(Embedding, "call", keras.layers.Embedding.call)
    assert levels_that_disagree(sound)[:2] == AFTER_GRADIENT
