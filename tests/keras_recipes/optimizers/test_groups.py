"""AdamW, SGD and Muon with rates and decays by group, against the same in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_recipes.data import Batches
from keras_recipes.layer_groups import freeze_to, group_numbers, layer_groups, spread_rates, unfreeze
from keras_recipes.optimizers import SGD, AdamW, Muon
from keras_recipes.schedules import OneCycle, one_cycle
from keras_recipes.training import fit

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 6)).astype("float32"), RNG.normal(size=(40, 2)).astype("float32")
STARTS = ["hidden", "head"]


def network(optimizer=None, norm=False):
    """A model in a model: a first layer, a hidden one, and a head."""
    layers = keras.layers
    x = inputs = keras.Input((6,))
    x = layers.Dense(5, activation="tanh", name="first")(x)
    x = layers.BatchNormalization(name="norm")(x) if norm else x
    inner = keras.Model(inputs, layers.Dense(4, activation="tanh", name="hidden")(x), name="body")
    x = keras.Input((6,))
    model = keras.Model(x, layers.Dense(2, name="head")(inner(x)), name="whole")
    rng = np.random.default_rng(1)
    model.set_weights([w if w.min() == w.max() else rng.normal(size=w.shape) for w in model.get_weights()])
    groups = layer_groups(model, STARTS)
    if optimizer:
        model.compile(optimizer(group_numbers(groups)), loss="mse")
    return model, groups


def weights_of(model):
    return {weight.path: np.array(weight.numpy()) for weight in model.weights}


def gradients_of(model, rows):
    """By NumPy, of the mean square of `network` without normalization; dict from path to array."""
    w = {path: value.astype("float64") for path, value in weights_of(model).items()}
    (k1, b1), (k2, b2), (k3, b3) = ([w[f"{n}/kernel"], w[f"{n}/bias"]] for n in ("first", "hidden", "head"))
    x = X[rows].astype("float64")
    h1 = np.tanh(x @ k1 + b1)
    h2 = np.tanh(h1 @ k2 + b2)
    d3 = 2 * (h2 @ k3 + b3 - Y[rows]) / Y[rows].size
    d2 = d3 @ k3.T * (1 - h2**2)
    d1 = d2 @ k2.T * (1 - h1**2)
    pairs = {"first": (x, d1), "hidden": (h1, d2), "head": (h2, d3)}
    found = {f"{name}/kernel": inputs.T @ d for name, (inputs, d) in pairs.items()}
    return found | {f"{name}/bias": d.sum(axis=0) for name, (_, d) in pairs.items()}


def at(value, step):
    return float(ops.convert_to_numpy(value(step))) if callable(value) else value


def adamw(state, gradient, weight, rate, decay, step, beta_1, beta_2=0.999, epsilon=1e-7):
    m, v = state.setdefault("m", 0.0), state.setdefault("v", 0.0)
    state["m"], state["v"] = m, v = beta_1 * m + (1 - beta_1) * gradient, beta_2 * v + (1 - beta_2) * gradient**2
    alpha = rate * np.sqrt(1 - beta_2 ** (step + 1)) / (1 - beta_1 ** (step + 1))
    return weight * (1 - rate * decay) - alpha * m / (np.sqrt(v) + epsilon)


def sgd(state, gradient, weight, rate, decay, step, momentum, nesterov=False):
    state["sum"] = momentum * state.get("sum", 0.0) + gradient
    direction = gradient + momentum * state["sum"] if nesterov else state["sum"]
    return weight * (1 - rate * decay) - rate * direction


def orthogonalized(matrix, steps=5):
    x = matrix / np.linalg.norm(matrix)
    for _ in range(steps):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x


def muon(state, gradient, weight, rate, decay, step, momentum):
    if gradient.ndim < 2 or gradient.shape == (4, 2):  # vectors, and the head
        return adamw(state, gradient, weight, rate, decay, step, 0.9)
    state["sum"] = momentum * state.get("sum", 0.0) + gradient
    update = orthogonalized(gradient + momentum * state["sum"])
    return weight * (1 - rate * decay) - 0.2 * rate * np.sqrt(max(weight.shape)) * update


RATE, CHANGING = one_cycle(0.01, 12)
CASES = {
    "adamw": (AdamW, adamw, {"learning_rate": 0.01, "beta_1": 0.9}),
    "adamw_one_cycle": (AdamW, adamw, {"learning_rate": RATE, "beta_1": CHANGING}),
    "adamw_all_weights_decay": (AdamW, adamw, {"learning_rate": 0.01, "beta_1": 0.9, "decay_vectors": True}),
    "sgd": (SGD, sgd, {"learning_rate": 0.05, "momentum": 0.9}),
    "sgd_one_cycle": (SGD, sgd, {"learning_rate": RATE, "momentum": CHANGING}),
    "sgd_nesterov": (SGD, sgd, {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "muon": (Muon, muon, {"learning_rate": 0.005, "momentum": 0.9, "exclude_layers": ["head"]}),
    "muon_one_cycle": (Muon, muon, {"learning_rate": RATE, "momentum": 0.6, "exclude_layers": ["head"]}),
}
GROUPED = {"multipliers": [0.1, 0.5, 1.0], "weight_decay": [0.3, 0.0, 0.1]}


@pytest.mark.parametrize("by", ["keras", "recipes"])
@pytest.mark.parametrize("case", CASES)
def test_three_groups_equal_numpy(case, by):
    """After 12 steps, by Keras' `fit` and by that of recipes, which takes all weights at once on PyTorch."""
    kind, step_of, options = CASES[case]
    model, groups = network(lambda numbers: kind(**options, **GROUPED, groups=numbers))
    expected, states, numbers = {}, {}, group_numbers(groups)
    reference, _ = network()
    moving = options.get("beta_1", options.get("momentum"))
    batches = Batches((X, Y), 10, seed=3)
    for epoch in range(3):
        batches.on_epoch_end()  # Keras' `fit` draws an order that it does not use
        for index in range(4):
            step = 4 * epoch + index
            rows = batches.order[10 * index : 10 * index + 10]
            for path, gradient in gradients_of(reference, rows).items():
                group, is_vector = numbers[path], gradient.ndim < 2
                decay = 0.0 if is_vector and not options.get("decay_vectors") else GROUPED["weight_decay"][group]
                rate = at(options["learning_rate"], step) * GROUPED["multipliers"][group]
                more = {"nesterov": True} if options.get("nesterov") else {}
                weight = expected.get(path, weights_of(reference)[path].astype("float64"))
                state = states.setdefault(path, {})
                expected[path] = step_of(state, gradient, weight, rate, decay, step, at(moving, step), **more)
            for weight in reference.weights:
                weight.assign(expected[weight.path])
    own = Batches((X, Y), 10, seed=3)
    if by == "recipes":
        fit(model, own, 3)
    else:
        model.fit(own, epochs=3, shuffle=False, verbose=0)
    for path, value in weights_of(model).items():
        np.testing.assert_allclose(value, expected[path], rtol=0, atol=1e-6, err_msg=path)


@pytest.mark.parametrize("batch_norm", ["frozen", "trained"])
def test_frozen_weights_keep_their_bits(batch_norm):
    model, groups = network(lambda numbers: AdamW(0.05, **GROUPED, groups=numbers), norm=True)
    before = weights_of(model)
    first = model.optimizer
    freeze_to(model, groups, -1, batch_norm)
    assert model.optimizer is not first
    assert model.optimizer.get_config() == first.get_config()
    model.fit(X, Y, batch_size=10, epochs=2, verbose=0)
    changed = {path.split("/")[0] for path, value in weights_of(model).items() if (value != before[path]).any()}
    assert changed == {"head", *(["norm"] if batch_norm == "trained" else [])}
    freeze_to(model, groups, 1, batch_norm)
    before = weights_of(model)
    fit(model, Batches((X, Y), 10), 2)
    changed = {path for path, value in weights_of(model).items() if (value != before[path]).any()}
    assert {path.split("/")[0] for path in changed} >= {"head", "hidden"}
    assert not {"first/kernel", "first/bias"} & changed
    unfreeze(model, groups)
    before = weights_of(model)
    model.fit(X, Y, batch_size=10, epochs=1, verbose=0)
    assert all((value != before[path]).any() for path, value in weights_of(model).items())


def test_groups_follow_the_model():
    model, groups = network(norm=True)
    names = [[layer.name for layer in group] for group in groups]
    assert names == [["first", "norm"], ["hidden"], ["head"]]
    assert [[layer.name for layer in group] for group in layer_groups(model, ["head"])] == [
        ["first", "norm", "hidden"],
        ["head"],
    ]
    inside = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="stem"), model_of_two()])
    assert [[layer.name for layer in group] for group in layer_groups(inside, ["two", "two_b"])] == [
        ["stem"],
        ["two_a"],
        ["two_b"],
    ]


def model_of_two():
    dense = keras.layers.Dense
    return keras.Sequential([keras.Input((2,)), dense(2, name="two_a"), dense(2, name="two_b")], name="two")


def test_rates_are_spread_by_a_factor():
    np.testing.assert_allclose(spread_rates(1e-5, 1e-3, 3), [1e-5, 1e-4, 1e-3], rtol=1e-12)
    assert spread_rates(1e-5, 1e-3, 1) == [1e-3]
    with pytest.raises(ValueError, match="`lowest` must be above 0"):
        spread_rates(0.0, 1e-3, 3)


def test_comes_back_from_its_configuration():
    changing = OneCycle(0.95, 0.85, 0.95, 10)
    own = {AdamW: {"beta_1": changing}, SGD: {"momentum": changing}, Muon: {"exclude_layers": ["a"], "ns_steps": 3}}
    for kind, moving in own.items():
        one = kind(RATE, **moving, **GROUPED, groups={"a": 0, "b": 1, "c": 2}, clipnorm=1.0)
        other = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(one))
        assert type(other) is kind
        assert other.get_config() == one.get_config()
        assert [key for key in one.get_config() if "decay" in key] == ["weight_decay", "decay_vectors"]  # none of Keras


@pytest.mark.parametrize("kind", [AdamW, SGD, Muon])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"multipliers": [1.0, 2.0]}, "`multipliers` must be a list of 3 numbers, one per group, received"),
        ({"weight_decay": [0.1]}, "`weight_decay` must be a list of 3 numbers, one per group, received"),
        ({"multipliers": [1.0, -2.0, 1.0]}, "`multipliers` must be at least 0"),
    ],
)
def test_bad_groups(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(0.1, groups={"a": 0, "b": 1, "c": 2}, **options)


def test_errors_name_what_is_wrong():
    model, groups = network()
    with pytest.raises(ValueError, match=r"`groups` must be groups of all trainable weights, received .*first"):
        AdamW(0.1, groups={"hidden/kernel": 0}).build(model.trainable_variables)
    with pytest.raises(
        ValueError, match=r"`starts` must be names of layers in the order of the model, received .*'first"
    ):
        layer_groups(model, ["head", "first"])
    with pytest.raises(ValueError, match="`starts` must be names that cut groups with weights"):
        layer_groups(model, ["first"])
    with pytest.raises(ValueError, match="`first` must be the number of one of 3 groups, received 3"):
        freeze_to(model, groups, 3)
    with pytest.raises(ValueError, match="`batch_norm` must be one of 'frozen', 'trained', received 'on'"):
        freeze_to(model, groups, 1, "on")
    with pytest.raises(ValueError, match="`model` must be compiled"):
        freeze_to(network()[0], groups, 1)
