"""A matrix that cannot fail proves nothing: each fault planted here must be found, at its level.

One run is as the recipe is; the other has a fault, and goes by another backend's name.
"""

import contextlib
import dataclasses
import functools
import importlib

import keras
import numpy as np
import pytest

from backends_matrix.bundle import Bundle
from backends_matrix.judge import LEVELS, PRECISIONS, compare
from backends_matrix.numbers import numbers
from keras_recipes.layers import Bias, Embedding, GaussianSampling, UnknownIds
from recipes import collaborative_filtering as recipe
from recipes import vae

one_is_enough = pytest.mark.skipif(
    keras.config.backend() != "torch", reason="the judge is the same for every backend: the quickest is enough"
)
SMALL = recipe.Config(dataset="synthetic", synthetic_users=20, embedding_dim=2, batch_size=32, epochs=2)


@pytest.fixture(scope="module")
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipe.PRESETS, "smoke", SMALL)
        yield


def run(precision, twins=0, recipe=recipe):
    """A bundle in a precision; JAX makes float64 arrays only if asked to."""
    with contextlib.ExitStack() as stack:
        if keras.config.backend() == "jax" and precision == "float64":
            config = importlib.import_module("jax").config
            stack.callback(config.update, "jax_enable_x64", config.jax_enable_x64)
            config.update("jax_enable_x64", True)
        return numbers(recipe, "smoke", precision, twins=twins, draws=2)


@pytest.fixture(scope="module")
def sound(small):
    return {precision: run(precision, twins=3 * (precision == "float32")) for precision in PRECISIONS}


def levels_that_disagree(sound, recipe=recipe, precisions=("float32",)):
    """The names of the levels at which a run, with whatever is patched now, differs from the sound one.

    It runs in some precisions only; in the others it is taken to be sound.
    """
    bundles = []
    for precision, good in sound.items():
        other = run(precision, recipe=recipe) if precision in precisions else good
        bundles += [good, Bundle({**other.about, "backend": "other", "ulp": good.about["ulp"]}, other.arrays)]
    found = {finding.level for finding in compare(bundles) if not finding.agrees}
    return [level.name for level in LEVELS if level.name in found]


IN_FLOAT64 = ["float64 20 steps", "float64 epoch as shipped"]
AFTER_GRADIENT = ["float32 5 steps", "float32 trained"]
AFTER_FORWARD = ["float32 forward", "float32 loss", "float32 gradient", *AFTER_GRADIENT]
BOTH = ("float32", "float64")


def test_a_second_sound_run_agrees(sound):
    assert levels_that_disagree(sound, precisions=PRECISIONS) == []


@one_is_enough
def test_a_dropped_bias(sound, monkeypatch):
    monkeypatch.setattr(Bias, "call", lambda self, inputs: inputs + 0.0 * self.bias)
    everywhere = ["float64 forward", "float64 loss", "float64 gradient", *IN_FLOAT64, *AFTER_FORWARD]
    assert levels_that_disagree(sound, precisions=BOTH)[: len(everywhere)] == everywhere


@one_is_enough
@pytest.mark.parametrize("change", [{"epsilon": 1e-6}, {"beta_2": 0.9991}, {"beta_1": 0.901}], ids=str)
def test_a_changed_constant_of_the_optimizer(sound, monkeypatch, change):
    monkeypatch.setattr(keras.optimizers, "Adam", functools.partial(keras.optimizers.Adam, **change))
    assert levels_that_disagree(sound, precisions=BOTH)[:4] == [*IN_FLOAT64, *AFTER_GRADIENT]


class SquaresBeforeItAdds(keras.optimizers.Adam):
    """Adam as TensorFlow computes it for the table of a stock `Embedding` in which each id comes twice."""

    def update_step(self, gradient, variable, learning_rate):
        path, dtype = getattr(variable, "path", variable.name), keras.backend.standardize_dtype(variable.dtype)
        index, parts = self._get_variable_index(variable), 2 if "embeddings" in path else 1
        step, rate = (keras.ops.cast(x, dtype) for x in (self.iterations + 1, learning_rate))
        first, second = self._momentums[index], self._velocities[index]
        self.assign_add(first, (gradient - first) * (1 - self.beta_1))
        self.assign_add(second, (parts * keras.ops.square(gradient / parts) - second) * (1 - self.beta_2))
        rate = rate * keras.ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        self.assign_sub(variable, first * rate / (keras.ops.sqrt(second) + self.epsilon))


@one_is_enough
def test_ids_that_come_twice_squared_before_they_are_added(sound, monkeypatch):
    monkeypatch.setattr(keras.optimizers, "Adam", SquaresBeforeItAdds)
    assert levels_that_disagree(sound, precisions=BOTH)[:4] == [*IN_FLOAT64, *AFTER_GRADIENT]


@one_is_enough
def test_a_schedule_that_is_off_by_one(sound, monkeypatch):
    schedule = keras.optimizers.schedules.PolynomialDecay
    call = schedule.__call__
    monkeypatch.setattr(schedule, "__call__", lambda self, step: call(self, step + 1))
    assert levels_that_disagree(sound, precisions=BOTH)[:4] == [*IN_FLOAT64, *AFTER_GRADIENT]


@one_is_enough
def test_one_sign(sound, monkeypatch):
    call = Embedding.call
    flipped = lambda self, inputs: call(self, inputs) * (-1.0 if self.name == "item_bias" else 1.0)  # noqa: E731
    monkeypatch.setattr(Embedding, "call", flipped)
    found = levels_that_disagree(sound, precisions=BOTH)  # these biases start at zero: forward nothing shows
    assert found[:4] == ["float64 gradient", *IN_FLOAT64, "float32 gradient"]


@one_is_enough
def test_a_loss_that_adds_up_what_it_should_average(sound, monkeypatch):
    build = recipe.build_model

    def with_sum(config, data):
        model = build(config, data)
        model.compile(model.optimizer, loss=keras.losses.MeanSquaredError(reduction="sum"))
        return model

    monkeypatch.setattr(recipe, "build_model", with_sum)
    assert levels_that_disagree(sound)[:2] == ["float32 loss", "float32 gradient"]


@one_is_enough
def test_a_stale_mask(sound, monkeypatch):
    def with_first_mask(self, inputs, training=False):
        chance = keras.random.uniform(keras.ops.shape(inputs), dtype="float32", seed=self.seed)
        return keras.ops.where(chance < self.rate * training, keras.ops.zeros_like(inputs), inputs)

    monkeypatch.setattr(UnknownIds, "call", with_first_mask)
    found = levels_that_disagree(sound, precisions=BOTH)  # the first step, whose mask is right, agrees
    assert found[0] == "float64 20 steps"
    assert "float32 trained" in found


@one_is_enough
def test_dropout_without_a_seed(sound, monkeypatch):
    def with_noise_of_its_own(self, inputs, training=False):
        chance = np.random.default_rng().random()
        return keras.ops.where(chance < self.rate * training, keras.ops.zeros_like(inputs), inputs)

    monkeypatch.setattr(UnknownIds, "call", with_noise_of_its_own)
    assert levels_that_disagree(sound)[0] == "random numbers"


@one_is_enough
def test_less_than_bfloat16_inside_bfloat16(sound, monkeypatch):
    call = Embedding.call

    def coarse(self, inputs):
        vectors = call(self, inputs)
        if self.compute_dtype != "bfloat16":
            return vectors
        return keras.ops.stop_gradient(keras.ops.round(vectors * 16) / 16) + 0.0 * vectors

    monkeypatch.setattr(Embedding, "call", coarse)
    assert levels_that_disagree(sound, precisions=PRECISIONS) == ["bfloat16 gradient", "bfloat16 5 steps"]


@one_is_enough
def test_a_batch_left_out_where_many_steps_are_made_at_a_time(sound, monkeypatch):
    stacks = recipe.Batches.stacks
    without_last = lambda self: [*stacks(self, max_steps=2)][:-1]  # noqa: E731
    monkeypatch.setattr(recipe.Batches, "stacks", without_last)
    assert levels_that_disagree(sound, precisions=("float64",)) == ["float64 epoch as shipped"]


@one_is_enough
def test_a_swapped_axis(sound, monkeypatch):
    call = Embedding.call

    def swapped(self, inputs):
        vectors = call(self, inputs)
        return keras.ops.flip(vectors, axis=-1) if self.name == "item" else vectors

    monkeypatch.setattr(Embedding, "call", swapped)
    assert levels_that_disagree(sound)[:5] == AFTER_FORWARD


@one_is_enough
def test_another_order_of_the_batches(sound, monkeypatch):
    batches = recipe.Batches
    monkeypatch.setattr(recipe, "Batches", lambda arrays, size, seed=0: batches(arrays, size, seed + 1))
    assert levels_that_disagree(sound)[:1] == ["float32 gradient"]


@one_is_enough
def test_other_noise(sound, monkeypatch):
    monkeypatch.setattr(recipe, "UnknownIds", lambda rate, seed: UnknownIds(rate, seed=seed + 1))
    assert "float32 trained" in levels_that_disagree(sound)


@one_is_enough
def test_half_precision_inside(sound, monkeypatch):
    call = Embedding.call
    half = lambda self, inputs: keras.ops.cast(keras.ops.cast(call(self, inputs), "float16"), "float32")  # noqa: E731
    monkeypatch.setattr(Embedding, "call", half)
    assert levels_that_disagree(sound)[:1] == ["float32 gradient"]


@one_is_enough
def test_data_off_by_one_bit(sound, monkeypatch):
    load = recipe.load_data

    def changed(config):
        data = load(config)
        data.test[1][0] = np.nextafter(data.test[1][0], np.float32(9))
        return data

    monkeypatch.setattr(recipe, "load_data", changed)
    assert levels_that_disagree(sound) == ["data"]


@one_is_enough
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


@one_is_enough
def test_a_metric_of_another_meaning(sound, monkeypatch):
    evaluate = recipe.evaluate
    monkeypatch.setattr(recipe, "evaluate", lambda *args: {k: v * 1.0001 for k, v in evaluate(*args).items()})
    assert levels_that_disagree(sound) == ["float32 metric"]


@pytest.fixture(scope="module")
def sound_images():
    small = dataclasses.replace(vae.PRESETS["smoke"], filters=2, hidden_units=8, epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vae.PRESETS, "smoke", small)
        yield {"float32": run("float32", twins=3, recipe=vae)}


@one_is_enough
def test_an_upside_down_convolution(sound_images, monkeypatch):
    call = keras.layers.Conv2D.call
    monkeypatch.setattr(keras.layers.Conv2D, "call", lambda self, x: call(self, keras.ops.flip(x, axis=1)))
    assert levels_that_disagree(sound_images, vae)[:3] == AFTER_FORWARD[:3]


@one_is_enough
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
