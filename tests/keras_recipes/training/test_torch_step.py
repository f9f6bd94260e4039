"""PyTorch: what can be recorded is, what cannot goes on with Keras, and both train alike."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recipes.data import Batches
from keras_recipes.training import fit

if keras.config.backend() != "torch":
    pytest.skip("steps are recorded on PyTorch only", allow_module_level=True)

import torch

from keras_recipes.optimizers import AdamW
from keras_recipes.schedules import OneCycle
from keras_recipes.training import torch_step
from keras_recipes.training.torch_adam import fused_adam
from keras_recipes.training.torch_step import recorded_step

RNG = np.random.default_rng(0)
ARRAYS = RNG.standard_normal((48, 4)).astype("float32"), RNG.standard_normal((48, 1)).astype("float32")


class Apply(layers.Layer):
    """A layer that computes whatever a test wants, from its inputs and a seed generator."""

    def __init__(self, function):
        super().__init__()
        self.function, self.seed_generator, self.calls = function, keras.random.SeedGenerator(4), 0

    def call(self, inputs, training=False):
        if not training or isinstance(inputs, keras.KerasTensor) or inputs.device.type == "meta":
            return inputs
        self.calls += 1
        return self.function(self, inputs)


def build(function, optimizer=keras.optimizers.Adam):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, name="head")(Apply(function)(inputs)))
    model.compile(optimizer(1e-2), loss="mse")
    return model


def trained(function, monkeypatch, optimizer=keras.optimizers.Adam):
    """Model trained by ours and by Keras, and what came of each attempt to record a step: True or False."""
    attempts = []
    for name in ("record", "confirm"):
        original = getattr(torch_step, name)

        def noted(*args, original=original):
            attempts.append(original(*args))
            return attempts[-1]

        monkeypatch.setattr(torch_step, name, noted)
    model, expected = build(function, optimizer), build(function, optimizer)
    fit(model, Batches(ARRAYS, 8, seed=2), 2)
    with fused_adam(expected.optimizer):
        expected.fit(Batches(ARRAYS, 8, seed=2), epochs=2, shuffle=False, verbose=0)
    if function is not COUNTS:  # a rehearsal is one call more
        for variable, other in zip(model.variables, expected.variables, strict=True):
            np.testing.assert_array_equal(variable.numpy(), other.numpy(), err_msg=variable.path)
    return [attempt is not None for attempt in attempts]


def draws(name, *args, **kwargs):
    def function(layer, x):
        drawn = getattr(keras.random, name)(*args, **kwargs, seed=layer.seed_generator)
        return x * ops.cast(drawn, "float32")

    return function


RECORDED = {
    "nothing": lambda layer, x: x,
    "uniform": draws("uniform", (8, 4), 0.5, 2.0),
    "normal": draws("normal", (8, 4), 1.0, 0.5),
    "truncated_normal": draws("truncated_normal", (8, 4)),
    "randint": draws("randint", (8, 4), 1, 5),
    "two draws": lambda layer, x: draws("normal", (8, 4))(layer, draws("uniform", (8, 4))(layer, x)),
    "dropout": lambda layer, x: keras.random.dropout(x, 0.5, seed=layer.seed_generator),
    "categorical": lambda layer, x: x + ops.cast(keras.random.categorical(x, 4, seed=layer.seed_generator), "float32"),
    "shuffle": lambda layer, x: keras.random.shuffle(x, seed=layer.seed_generator),
    "choice by value": lambda layer, x: ops.where(ops.sum(x) > 0, x, 2 * x),
    "written in place": lambda layer, x: ops.zeros_like(x).add_(1.0) * x,
}
COUNTS = lambda layer, x: x * layer.calls  # noqa: E731
BY_KERAS = {  # and whether recording seemed to work, until the replay differed from Keras
    "gamma": (draws("gamma", (8, 4), 2.0), [False]),
    "python branch": (lambda layer, x: x if float(ops.sum(x)) > 0 else 2 * x, [False]),
    "python number": (COUNTS, [True, False]),
    "a seed read for nothing": (lambda layer, x: x * (int(ops.convert_to_tensor(2)) + 1), [False]),
    "an own generator": (lambda layer, x: x * torch.rand((8, 4), generator=GENERATOR), [False]),
}
GENERATOR = torch.Generator()


@pytest.mark.parametrize("case", RECORDED)
def test_recorded(case, monkeypatch):
    assert trained(RECORDED[case], monkeypatch) == [True, True]


@pytest.mark.parametrize("case", [case for case in BY_KERAS if case != "an own generator"])
def test_left_to_keras(case, monkeypatch):
    function, attempts = BY_KERAS[case]
    assert trained(function, monkeypatch) == attempts


def test_a_generator_of_its_own_is_left_to_keras():
    model = build(BY_KERAS["an own generator"][0])
    model.fit(*(array[:8] for array in ARRAYS), epochs=0, verbose=0)
    assert (
        torch_step.record(
            model,
            tuple(map(torch.from_numpy, [array[:8] for array in ARRAYS])),
            *[[torch.from_numpy(array[:8]) for array in ARRAYS]],
        )
        is None
    )


def test_each_shape_of_batch_is_recorded_once(monkeypatch):
    shapes = []
    original = torch_step.record
    monkeypatch.setattr(
        torch_step,
        "record",
        lambda model, batch, leaves: shapes.append(batch[0].shape) or original(model, batch, leaves),
    )
    fit(build(RECORDED["nothing"]), Batches(ARRAYS, 20), 3)
    assert shapes == [(20, 4), (8, 4)]


def test_a_replay_that_differs_is_refused(monkeypatch):
    """The last guard: were anything left out of a recorded step, the next batch would show it."""
    monkeypatch.setattr(torch_step, "replay_of", lambda recorded: lambda *leaves: None)
    assert trained(RECORDED["nothing"], monkeypatch) == [True, False]


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        ({"weight_decay": 0.0}, 1),
        ({"groups": {"head/kernel": 0, "head/bias": 1}, "multipliers": [0.1, 1.0]}, 2),
        ({"beta_1": OneCycle(0.95, 0.85, 0.95, 12)}, 0),
    ],
)
def test_a_step_with_groups_is_recorded(options, calls, monkeypatch):
    """One pass for all weights of a group; a momentum that changes is no constant of the record."""
    made, kernel = [], torch._fused_adam_
    monkeypatch.setattr(torch, "_fused_adam_", lambda *args, **kwargs: made.append(kernel(*args, **kwargs)))
    model = build(RECORDED["nothing"], lambda rate: AdamW(rate, **options))
    with fused_adam(model.optimizer):
        model.train_on_batch(*(array[:8] for array in ARRAYS))
    assert len(made) == calls
    monkeypatch.setattr(torch, "_fused_adam_", kernel)
    assert trained(RECORDED["nothing"], monkeypatch, lambda rate: AdamW(rate, **options)) == [True, True]


def test_a_step_counts():
    model = build(RECORDED["nothing"])
    model.fit(*(array[:8] for array in ARRAYS), epochs=0, verbose=0)
    step, leaves = recorded_step(model), [torch.tensor(array[:8]) for array in ARRAYS]
    for _ in range(5):
        step(ARRAYS, leaves)
    assert int(model.optimizer.iterations) == 5
