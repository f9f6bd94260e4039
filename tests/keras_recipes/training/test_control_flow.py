"""Branches and loops in a training step do what the same lines of Python do."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recipes.data import Batches
from keras_recipes.training import StepModel, cond, fit, gradient, repeat, value_and_grad

X = np.random.default_rng(0).normal(size=(12, 2)).astype("float32")
IMAGES = X.reshape(6, 2, 2, 1)
LOOPS = {"repeat": repeat, "Python": lambda count, function: [function(index) for index in range(count)][-1]}


class Often(StepModel):
    """Draws noise and makes `count` steps per batch, each less than the one before; and another now and then."""

    logs = ("loss", "last")

    def __init__(self, count=3, loop=repeat, every=4, convolution=False):
        super().__init__()
        self.loop, self.count, self.every = loop, count, every
        # A bias in front of a normalisation has no gradient but rounding, which Adam would blow up.
        weights = {"use_bias": False, "kernel_initializer": keras.initializers.RandomNormal(seed=1)}
        layer = layers.Conv2D(1, 2, **weights) if convolution else layers.Dense(2, **weights)
        norm = layers.BatchNormalization(momentum=0.5)
        self.net = keras.Sequential([keras.Input((2, 2, 1) if convolution else (2,)), layer, norm])
        self.other = keras.Sequential([keras.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
        self.seed_generator = keras.random.SeedGenerator(3)
        self.batches = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="batches")

    def step(self, data, training):
        x = data[0]
        points = ops.reshape(x, (-1, 2))
        self.batches.assign_add(1)

        def often(index):
            noise = keras.random.normal(ops.shape(x), seed=self.seed_generator)
            share = 1 / (1 + ops.cast(index, "float32"))

            def loss_fn():
                scores = self.net(x + noise, training=training)
                return share * ops.mean(ops.square(scores - 1) * (1 + scores)), ops.mean(scores)

            return self.minimize(loss_fn, "net")

        loss, last = self.loop(self.count, often)
        if training:
            now = self.batches.value % self.every == 0
            cond(now, lambda: self.minimize(lambda: ops.mean(ops.square(self.other(points))), "other"))
        return {"loss": loss, "last": last}


def build(**options):
    model = Often(**options)
    model.compile({"net": keras.optimizers.Adam(0.01), "other": keras.optimizers.SGD(0.1, momentum=0.9)})
    return model


def everything(model):
    return [variable.numpy() for variable in [*model.variables, *model.optimizer.variables]]


def assert_close(values, expected):
    for value, other in zip(values, expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("count", "convolution"), [(1, False), (3, False), (3, True)])
def test_repeat_is_the_loop_of_python(count, convolution):
    """In a training, with weights, moments, statistics and a seed written in each round, and noise drawn by it."""
    arrays, histories, models = IMAGES if convolution else X, [], []
    for loop in LOOPS.values():
        model = build(count=count, loop=loop, convolution=convolution)
        histories.append(model.fit(arrays, batch_size=3, epochs=2, shuffle=False, verbose=0).history)
        models.append(everything(model))
    assert int(model.optimizer.parts["net"].iterations) == count * 2 * len(arrays) // 3
    assert_close(*models)
    assert_close(*(list(history.values()) for history in histories))
    if count == 1:  # a difference would be seen
        other = build(count=2)
        other.fit(arrays, batch_size=3, epochs=2, shuffle=False, verbose=0)
        with pytest.raises(AssertionError):
            assert_close(everything(other), models[0])


def test_repeat_in_a_plain_loop():
    total, seed = keras.Variable(np.zeros(2, "float32")), keras.random.SeedGenerator(1)

    def add(index):
        noise = keras.random.normal((2,), seed=seed)
        total.assign_add(noise * ops.cast(index, "float32"))
        return {"noise": noise, "both": (total + 0.0, ops.cast(index, "int32") * 2)}

    results = []
    for loop in LOOPS.values():
        total.assign(np.zeros(2))
        seed.state.assign([0, 1])
        found = [loop(count, add) for count in (1, 2, 5)]
        found = [
            np.concatenate([np.ravel(ops.convert_to_numpy(leaf)) for leaf in keras.tree.flatten(one)]) for one in found
        ]
        results.append([*found, ops.convert_to_numpy(total.value), ops.convert_to_numpy(seed.state.value)])
    assert_close(*results)
    assert results[0][2][2] == 8  # twice the last index
    assert repeat(2, lambda index: total.assign(np.ones(2)) is None or None) is None  # nothing to return
    np.testing.assert_array_equal(ops.convert_to_numpy(total.value), np.ones(2))


def test_repeat_can_be_differentiated():
    w = keras.Variable(np.full(2, 0.5, "float32"))

    def loss_fn():
        return repeat(4, lambda index: ops.sum(w * w) * ops.cast(index, "float32"))

    np.testing.assert_allclose(value_and_grad(loss_fn, [w])[1][0], 2 * 3 * 0.5 * np.ones(2))
    slope = gradient(lambda x: repeat(3, lambda index: x * x * ops.cast(index, "float32")), X)
    np.testing.assert_allclose(ops.convert_to_numpy(slope), 4 * X, rtol=1e-6)


@pytest.mark.parametrize("count", [0, -1])
def test_there_is_no_repeating_zero_times(count):
    with pytest.raises(ValueError, match=f"`count` must be an integer of at least 1, received {count}"):
        repeat(count, lambda index: index)


@pytest.mark.skipif(keras.config.backend() != "jax", reason="looks at what JAX compiles")
@pytest.mark.parametrize("convolution", [False, True])
def test_what_jax_compiles_does_not_grow_with_the_count(convolution):
    """But for a convolution on a CPU, which XLA computes several times slower inside a loop."""
    import jax

    def size(count):
        model = build(count=count, convolution=convolution)
        model.optimizer.build(model.trainable_variables)
        groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
        state = tuple([variable.value for variable in group] for group in (*groups, model.metrics_variables))
        batch = ((IMAGES if convolution else X),)
        return len(str(jax.make_jaxpr(model.train_step)(state, batch)))

    sizes = size(3), size(30)
    grows = convolution and jax.default_backend() == "cpu"
    assert sizes[1] > 5 * sizes[0] if grows else sizes[1] == pytest.approx(sizes[0], abs=10)


@pytest.mark.parametrize(("how", "every"), [("eager", 2), ("keras", 4), ("ours", 2), ("ours", 4), ("ours", 18)])
def test_minimize_now_and_then(how, every):
    """By the values of each step, not by those of the one that was compiled or recorded."""
    model = build(count=1, every=every)
    model.run_eagerly = how == "eager"
    before, epochs = model.other.get_weights(), 1 if how == "eager" else 3
    if how == "ours":
        fit(model, Batches((X,), 2), epochs)
    else:
        model.fit(X, batch_size=2, epochs=epochs, shuffle=False, verbose=0)
    assert int(model.optimizer.parts["other"].iterations) == 6 * epochs // every
    assert int(model.optimizer.parts["net"].iterations) == 6 * epochs
    assert (np.abs(model.other.get_weights()[0] - before[0]) > 1e-4).all()


@pytest.mark.parametrize("holds", [True, False])
def test_cond_in_a_plain_loop(holds):
    counts = [keras.Variable(0, dtype=dtype, trainable=False) for dtype in ("float32", "int32")]
    seed = keras.random.SeedGenerator(1)

    def function():
        counts[0].assign_add(ops.abs(keras.random.normal((), seed=seed)))
        counts[1].assign_add(1)
        return "dropped"

    before = str(seed.state.value)
    for _ in range(2):
        assert cond(ops.convert_to_tensor(1.0) > (0 if holds else 2), function) is None
    assert int(counts[1].value) == (2 if holds else 0)
    assert (float(counts[0].value) > 0) == (str(seed.state.value) != before) == holds
