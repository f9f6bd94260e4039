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
from torch.fx.experimental.proxy_tensor import make_fx

from keras_recipes.optimizers import AdamW
from keras_recipes.schedules import OneCycle, one_cycle
from keras_recipes.training import torch_step
from keras_recipes.training.torch_adam import fused_adam
from keras_recipes.training.torch_graph import simplify
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


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-2),
    "schedule": lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-1, 9), beta_1=0.5, beta_2=0.9),
    "adamw": lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1, clipnorm=0.5, epsilon=1e-3),
    "groups": lambda: AdamW(1e-2, groups={"one": 0, "other": 1}, multipliers=[0.1, 1.0], weight_decay=[0.1, 0.2]),
    "one cycle": lambda: AdamW(*one_cycle(1e-1, 9), decay_vectors=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fused_adam_is_keras_adam_in_float64(name):
    weights = []
    for fused in (True, False):
        optimizer, rng = OPTIMIZERS[name](), np.random.default_rng(7)
        shapes = {"one": (3, 2), "other": (5,)}
        variables = [keras.Variable(rng.standard_normal(shapes[n]), dtype="float64", name=n) for n in shapes]
        optimizer.build(variables)
        for _ in range(9):
            gradients = [torch.from_numpy(rng.standard_normal(tuple(variable.shape))) for variable in variables]
            gradients[0] = gradients[0].T.contiguous().T  # another order in memory, as of convolutions
            with fused_adam(optimizer) if fused else torch.no_grad(), torch.no_grad():
                optimizer.apply(gradients, variables)
        weights.append(np.concatenate([variable.numpy().ravel() for variable in variables]))
    # Keras' own constants, such as 1 - beta_2, pass through float32 there: hence not 1e-16.
    np.testing.assert_allclose(*weights, rtol=1e-7)


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


@pytest.mark.parametrize("dtypes", [("bfloat16",), ("float32", "float64")])
def test_weights_of_other_kinds_are_left_to_keras(dtypes):
    weights = []
    for fused in (True, False):
        optimizer = keras.optimizers.Adam(1e-2)
        variables = [keras.Variable(np.ones(3), dtype=dtype) for dtype in dtypes]
        optimizer.build(variables)
        with fused_adam(optimizer) if fused else torch.no_grad(), torch.no_grad():
            optimizer.apply([torch.ones_like(variable.value) for variable in variables], variables)
        weights.append([variable.value.clone() for variable in variables])
    assert all(map(torch.equal, *weights))


def test_other_optimizers_stay_as_they_are():
    for optimizer in (keras.optimizers.SGD(), keras.optimizers.Adam(amsgrad=True), keras.optimizers.RMSprop()):
        before = dict(vars(optimizer))
        with fused_adam(optimizer):
            assert vars(optimizer) == before


def test_adam_is_itself_again_afterwards():
    optimizer = keras.optimizers.Adam()
    context = fused_adam(optimizer)
    context.__enter__()
    assert "_parallel_update_step" in vars(optimizer)
    error = ArithmeticError()
    assert not context.__exit__(ArithmeticError, error, None)
    assert "_parallel_update_step" not in vars(optimizer)


def graph_of(function, *inputs):
    recorded = make_fx(function)(*inputs)
    before = len(recorded.graph.nodes)
    simplify(recorded)
    recorded.recompile()
    return recorded, before - len(recorded.graph.nodes)


def test_simplify_keeps_the_numbers_and_drops_what_is_constant_or_twice_there():
    x = torch.randn(4, 3)

    def function(x):
        ones = torch.ones_like(x) * torch.tensor(3.0) + torch.tensor([1.0, 2.0, 3.0])
        return (x.exp() + x.exp() * ones).detach() * torch.tensor(1.0)

    recorded, dropped = graph_of(function, x)
    assert dropped >= 6
    assert sum("exp" in str(node.target) for node in recorded.graph.nodes) == 1
    y = torch.randn(4, 3)
    assert torch.equal(recorded(y), function(y))


def test_simplify_leaves_alone_what_is_written_to():
    weight = torch.nn.Parameter(torch.zeros(3), requires_grad=False)
    buffer = torch.zeros(3)

    def function(x):
        before = weight * torch.tensor(1.0)
        weight.add_(x)
        buffer.add_(x)
        total = torch.zeros_like(x).add_(x)
        return before + weight + buffer + total

    x = torch.ones(3)
    recorded, _ = graph_of(function, x)
    weight.zero_()
    buffer.zero_()
    assert torch.equal(recorded(x), torch.full((3,), 3.0))
    assert torch.equal(recorded(x), torch.full((3,), 1.0 + 2 + 2 + 1))


def test_simplify_drops_what_changes_nothing():
    weight = torch.nn.Parameter(torch.randn(5, 3), requires_grad=False)

    def function(ids, x):
        rows = torch.nn.functional.embedding(ids, weight * torch.tensor(1.0))
        total = (rows * 1).pow(1.0).sum().sum() * torch.tensor([1.0, 1.0])
        weight.add_(x)
        return total

    ids, x = torch.tensor([1, 4]), torch.randn(5, 3)
    before = weight.clone()
    recorded, _ = graph_of(function, ids, x)
    names = [str(node.target) for node in recorded.graph.nodes if node.op == "call_function"]
    assert names == ["aten.embedding.default", "aten.sum.default", "aten.mul.Tensor", "aten.add_.Tensor"]
    weight.copy_(before)
    expected = function(ids, x)
    weight.copy_(before)
    assert torch.equal(recorded(ids, x), expected)


@pytest.mark.parametrize("shape", [(3,), ()])
def test_simplify_keeps_what_changes_shape_or_type(shape):
    def function(x):
        return x * torch.ones(shape, dtype=torch.float64), x.int().sum()

    x = torch.tensor(1.0)
    recorded, _ = graph_of(function, x)
    for found, expected in zip(recorded(x), function(x), strict=True):
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype


def test_simplify_keeps_the_copy_of_a_weight_that_a_view_shows_after_a_write():
    weight = torch.nn.Parameter(torch.zeros(3), requires_grad=False)

    def function(x):
        shown = (weight * torch.tensor(1.0))[:2]
        weight.add_(x)
        return shown + 0

    recorded, _ = graph_of(function, torch.ones(3))
    weight.zero_()
    assert torch.equal(recorded(torch.ones(3)), torch.zeros(2))


def test_a_step_counts():
    model = build(RECORDED["nothing"])
    model.fit(*(array[:8] for array in ARRAYS), epochs=0, verbose=0)
    step, leaves = recorded_step(model), [torch.tensor(array[:8]) for array in ARRAYS]
    for _ in range(5):
        step(ARRAYS, leaves)
    assert int(model.optimizer.iterations) == 5
