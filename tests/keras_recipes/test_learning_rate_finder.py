import keras
import numpy as np
import pytest

from keras_recipes.augmentation import ViewBatches
from keras_recipes.data import Batches
from keras_recipes.layer_groups import group_numbers, layer_groups
from keras_recipes.learning_rate_finder import Search, find_learning_rate, highest_rate, other_batches, with_rates
from keras_recipes.optimizers import SGD, AdamW
from keras_recipes.schedules import OneCycle
from keras_recipes.training import Optimizers, fit
from recipes import word2vec
from tests.keras_recipes.training.step_models import NOISE, POINTS, gan

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 3)).astype("float32")
Y = (X @ [[1.0], [-2.0], [0.5]]).astype("float32")


def linear(optimizer):
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="dense")
    model = keras.Sequential([keras.Input((3,)), dense], name="linear")
    model.compile(optimizer, loss="mse")
    return model


def with_state(optimizer):
    """A model with all kinds of state: running averages, a seed, moments, a metric."""
    layers = keras.layers
    x = inputs = keras.Input((3,))
    x = layers.BatchNormalization(name="norm")(layers.Dense(8, activation="relu", name="hidden")(x))
    model = keras.Model(inputs, layers.Dense(1, name="head")(layers.Dropout(0.2, seed=3, name="drop")(x)), name="state")
    model.compile(optimizer, loss="mse", metrics=["mae"])
    return model


def state_of(model):
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [(variable.path, np.array(variable.numpy())) for variable in variables]


def assert_same_state(one, other):
    """Metrics, at the end, that a training has made meanwhile count nothing."""
    assert len(one) >= len(other)
    for index, (path, value) in enumerate(one):
        expected = other[index][1] if index < len(other) else np.zeros_like(value)
        np.testing.assert_array_equal(value, expected, err_msg=path)


def by_numpy(lowest, highest, steps):
    """Losses of gradient descent on `linear` with the batches of `Batches(..., 16, seed=2)`."""
    weights, losses, batches = np.zeros((3, 1)), [], Batches((X, Y), 16, seed=2)
    for step in range(steps):
        if step % 4 == 0:
            batches.on_epoch_end()  # Keras' `fit` draws an order that it does not use
        x, y = batches[step % 4]
        apart = x.astype("float64") @ weights - y
        losses.append(np.mean(apart**2))
        weights -= lowest * (highest / lowest) ** (step / (steps - 1)) * 2 * x.T @ apart / len(x)
    return np.array(losses)


@pytest.mark.parametrize("steps_per_execution", [1, 3])
def test_losses_are_those_of_numpy(steps_per_execution):
    """On every backend: so the curves agree."""
    model = linear(keras.optimizers.SGD(0.1))
    model.compile(model.optimizer, loss="mse", steps_per_execution=steps_per_execution)
    search = find_learning_rate(model, Batches((X, Y), 16, seed=2), 1e-3, 1.0, steps=40, smoothing=0.9, stop_at=1e9)
    np.testing.assert_allclose(search.rates, np.geomspace(1e-3, 1.0, 40), rtol=1e-9)
    expected = by_numpy(1e-3, 1.0, 40)
    np.testing.assert_allclose(search.losses[0], expected, rtol=1e-4, atol=1e-6)
    average, smoothed = 0.0, []
    for step, loss in enumerate(search.losses[0]):
        average = 0.9 * average + 0.1 * loss
        smoothed.append(average / (1 - 0.9 ** (step + 1)))
    np.testing.assert_allclose(search.smoothed[0], smoothed, rtol=1e-12)
    assert model.steps_per_execution == steps_per_execution


def test_stops_where_it_diverges():
    """Gradient descent does so above 2 over the largest curvature."""
    search = find_learning_rate(linear(SGD(0.1, momentum=0.0)), Batches((X, Y), 64), 1e-3, 1e3, 120, smoothing=0.5)
    limit = 1 / np.linalg.eigvalsh(X.T @ X / len(X)).max()
    made = int(np.isfinite(search.losses[0]).sum())
    assert limit < search.rates[made - 1] < 20 * limit
    assert search.suggestion("valley") < limit
    assert search.suggestion("minimum") < limit
    assert search.spread() == 1.0


def far_below_zero(y, prediction):
    return keras.losses.mean_squared_error(y, prediction) - 100.0


def test_a_negative_loss_stops_only_where_it_diverges():
    model = linear(SGD(0.1, momentum=0.0))
    model.compile(model.optimizer, loss=far_below_zero)
    search = find_learning_rate(model, Batches((X, Y), 64), 1e-3, 1e3, 120, smoothing=0.5)
    limit = 1 / np.linalg.eigvalsh(X.T @ X / len(X)).max()
    made = int(np.isfinite(search.losses[0]).sum())
    assert limit < search.rates[made - 1] < 30 * limit


@pytest.mark.parametrize("optimizer", [lambda: keras.optimizers.Adam(1e-3), lambda: AdamW(1e-3), lambda: SGD(0.1)])
def test_leaves_no_trace(optimizer):
    model, other = with_state(optimizer()), with_state(optimizer())
    other.set_weights(model.get_weights())
    batches, others = Batches((X, Y), 16, seed=1), Batches((X, Y), 16, seed=1)
    for one, own in ((model, batches), (other, others)):
        fit(one, own, 1)
    before = state_of(model)
    assert_same_state(before, state_of(other))
    kept = model.optimizer
    find_learning_rate(model, batches, steps=12, repeats=2, stop_at=1e9)
    assert model.optimizer is kept
    assert_same_state(state_of(model), before)
    for one, own in ((model, batches), (other, others)):
        fit(one, own, 2)
    assert_same_state(state_of(model), state_of(other))
    assert any((value != was).any() for (_, value), (_, was) in zip(state_of(model), before, strict=True))


def test_leaves_no_trace_of_a_search_that_fails():
    model = with_state(keras.optimizers.Adam(1e-3))
    fit(model, Batches((X, Y), 16), 1)
    before, kept = state_of(model), model.optimizer
    with pytest.raises(ValueError, match=r"`watched` must be one of \['loss', 'mae'\], received 'accuracy'"):
        find_learning_rate(model, Batches((X, Y), 16), watched="accuracy")
    assert model.optimizer is kept
    assert_same_state(state_of(model), before)


def test_repeats_tell_how_far_suggestions_spread():
    search = find_learning_rate(linear(SGD(0.1)), Batches((X, Y), 4, seed=1), 1e-4, 10.0, 60, repeats=3)
    assert search.losses.shape == search.smoothed.shape == (3, 60)
    assert len({tuple(losses[:5]) for losses in search.losses}) == 3
    for rule, found in search.suggestions.items():
        assert found.shape == (3,)
        assert search.spread(rule) >= 1
        assert search.suggestion(rule) == pytest.approx(np.median(found), rel=1e-9)


def test_repeats_draw_other_random_numbers():
    """All examples are the same one, so that losses tell dropout from dropout."""
    dense = keras.layers.Dense(1, kernel_initializer="ones", name="dense")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5, seed=3, name="drop"), dense])
    model.compile(SGD(0.1), loss="mse")
    examples = np.repeat(X[:1], 64, axis=0), np.repeat(Y[:1], 64, axis=0)
    search, again = (find_learning_rate(model, Batches(examples, 16), steps=4, repeats=3) for _ in range(2))
    assert len(set(search.losses[:, 0])) == 3
    np.testing.assert_array_equal(search.losses, again.losses)
    alone = find_learning_rate(model, Batches(examples, 16), steps=4)
    np.testing.assert_array_equal(alone.losses[0], search.losses[0])


def test_repeats_draw_other_views():
    batches = ViewBatches((np.zeros((8, 2)),), 4, [2, 5], lambda x, rng, epoch: x + rng.random() + 10 * epoch)
    first = []
    for repeat in range(3):
        own = other_batches(batches, repeat)
        own.on_epoch_end()  # as Keras does before the first epoch
        first.append(own[0][0][0, 0])
    assert len(set(first)) == 3
    assert max(first) < 1  # all in the first epoch
    assert (batches.seed, batches.orders) == ([2, 5], 0)


def test_searches_in_a_text():
    """Of rows that are updated alone, with windows and negatives that are drawn."""
    config = word2vec.PRESETS["smoke"]
    data = word2vec.load_data(config)
    model = word2vec.build_model(config, data)
    batches, before = word2vec.batches_of(data.train[0], data.names["counts"], config), state_of(model)
    search, again = (find_learning_rate(model, batches, 1e-3, 1.0, 30, repeats=2) for _ in range(2))
    assert search.losses[0, 0] == pytest.approx(6 * np.log(2), rel=1e-6)  # a pair and five negatives: tables hold zeros
    assert (search.smoothed.min(axis=1) < 0.9 * search.smoothed[:, 0]).all()
    assert not np.allclose(search.losses[0], search.losses[1], rtol=1e-6)
    np.testing.assert_array_equal(search.losses, again.losses)
    assert batches.epoch == 0
    assert_same_state(state_of(model), before)


def test_accumulated_gradients_move_weights_in_every_other_step():
    model = linear(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    search = find_learning_rate(model, Batches((X, Y), len(X)), 1e-3, 1e-1, steps=6)
    one, other = search.losses[0, ::2], search.losses[0, 1::2]
    np.testing.assert_allclose(one, other, rtol=1e-6)  # sums in another order
    assert (np.diff(one) < 0).all()


def test_parts_keep_the_ratio_of_their_rates():
    rates = {"critic": 4e-3, "generator": OneCycle(1e-3, 1e-2, 0.0, 100), "still": 0.0}
    optimizer = Optimizers({part: keras.optimizers.Adam(rate) for part, rate in rates.items()})
    search = Search(1e-4, 1.0, 11, stop_at=4.0, smoothing=0.9, repeats=1)
    new = with_rates(optimizer, search, highest_rate(optimizer))
    rates = {part: [float(one.learning_rate)] for part, one in new.parts.items()}
    for part, one in new.parts.items():
        one.iterations.assign(10)
        rates[part].append(float(one.learning_rate))
    assert rates == {
        "critic": pytest.approx([1e-4, 1.0]),
        "generator": pytest.approx([2.5e-5, 0.25]),
        "still": [0.0, 0.0],
    }


@pytest.mark.parametrize("kind", ["groups", "parts", "scaled"])
def test_leaves_no_trace_of_other_optimizers(kind):
    if kind == "parts":
        model, batches = gan(lambda: keras.optimizers.Adam(0.01)), Batches(((POINTS, NOISE),), 8)
    else:
        model, batches = with_state("sgd"), Batches((X, Y), 16)
        numbers = group_numbers(layer_groups(model, ["head"]))
        optimizer = SGD(0.1, multipliers=[0.1, 1.0], groups=numbers)
        model.compile(keras.optimizers.LossScaleOptimizer(optimizer) if kind == "scaled" else optimizer, loss="mse")
    before = state_of(model)
    search = find_learning_rate(model, batches, 1e-4, 1e-1, steps=8, stop_at=1e9)
    assert np.isfinite(search.losses).all()
    assert len(set(search.losses[0])) == 8
    assert_same_state(state_of(model), before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lowest": 0.0}, "`lowest` must be above 0 and below highest, 10.0, received 0.0"),
        ({"lowest": 1.0, "highest": 0.1}, "`lowest` must be above 0 and below highest, 0.1"),
        ({"steps": 1}, "`steps` must be a number of at least 2"),
        ({"repeats": 0}, "`repeats` must be a number of at least 1"),
        ({"stop_at": 1.0}, "`stop_at` must be above 1"),
        ({"smoothing": 1.0}, r"`smoothing` must be in \[0, 1\)"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        find_learning_rate(linear(SGD(0.1)), Batches((X, Y), 16), **options)


def test_a_model_must_be_compiled():
    with pytest.raises(ValueError, match="`model` must be compiled"):
        find_learning_rate(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), Batches((X, Y), 16))
