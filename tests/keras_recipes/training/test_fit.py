"""`fit` comes to the same numbers as `keras.Model.fit`, and gives way to it where steps must be apart."""

import sys

import keras
import numpy as np
import pytest
from keras import layers

from keras_recipes.data import Batches
from keras_recipes.training import fit

RNG = np.random.default_rng(0)
FEATURES = RNG.standard_normal((70, 8)).astype("float32")
TARGETS = (FEATURES[:, :1] * FEATURES[:, 1:2]).astype("float32")
IMAGES = RNG.standard_normal((40, 8, 8, 1)).astype("float32")


def dense(optimizer=None, **compiled):
    """A network with everything a step changes: weights, statistics, seeds, metrics, and a schedule."""
    inputs = keras.Input((8,))
    # A bias in front of a normalisation has no gradient but rounding, which Adam would blow up.
    x = layers.Dense(16, "tanh", use_bias=False, kernel_regularizer="l2")(inputs)
    x = layers.Dropout(0.2, seed=1)(layers.BatchNormalization()(x))
    model = keras.Model(inputs, layers.Dense(1)(layers.GaussianNoise(0.1, seed=2)(x)))
    falling = keras.optimizers.schedules.CosineDecay(1e-2, 100)
    model.compile(optimizer or keras.optimizers.Adam(falling), loss="mse", metrics=["mae"], **compiled)
    return model


def convolutional():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.Conv2DTranspose(1, 3, strides=2, padding="same")(x)
    model = keras.Model(inputs, x)
    model.compile("adam", loss="mse")
    return model


def two_inputs():
    ids, features = keras.Input((1,), dtype="int32"), keras.Input((8,))
    table = layers.Flatten()(layers.Embedding(5, 8)(ids))
    model = keras.Model((ids, features), layers.Dot(axes=-1)([table, features]))
    model.compile(keras.optimizers.SGD(1e-2, momentum=0.9), loss="mse")
    return model


class Halving(keras.callbacks.Callback):
    """Halve the learning rate after each epoch, and note what is logged."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(dict(logs))
        self.model.optimizer.learning_rate = 0.5 * self.model.optimizer.learning_rate


def trained(build, arrays, ours, epochs=4, batch_size=16, callbacks=()):
    """Model and history after training in one of the two ways, from the same seeds."""
    keras.utils.set_random_seed(3)
    model, batches = build(), Batches(arrays, batch_size, seed=5)
    if ours:
        return model, fit(model, batches, epochs, callbacks)
    done = model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model, done.history


def assert_same(one, other):
    """Weights, seeds and all that the optimizer keeps are the same, but for rounding."""
    for variable, expected in zip(everything(one), everything(other), strict=True):
        np.testing.assert_allclose(variable.numpy(), expected.numpy(), rtol=2e-5, atol=2e-6, err_msg=expected.path)


def everything(model):
    return [*model.variables, *model.optimizer.variables]


CASES = {
    "dense": (dense, (FEATURES, TARGETS)),
    "convolutional": (convolutional, (IMAGES, IMAGES)),
    "two inputs": (two_inputs, ((np.arange(70, dtype="int32")[:, None] % 5, FEATURES), TARGETS)),
    "sample weights": (dense, (FEATURES, TARGETS, np.linspace(0, 1, 70, dtype="float32"))),
    "sgd": (lambda: dense(keras.optimizers.SGD(1e-2, momentum=0.9)), (FEATURES, TARGETS)),
    "adamw": (lambda: dense(keras.optimizers.AdamW(1e-2, clipnorm=0.5, use_ema=True)), (FEATURES, TARGETS)),
    "amsgrad": (lambda: dense(keras.optimizers.Adam(1e-2, amsgrad=True)), (FEATURES, TARGETS)),
    "accumulation": (lambda: dense(keras.optimizers.Adam(1e-2, gradient_accumulation_steps=3)), (FEATURES, TARGETS)),
    "compiled": (lambda: dense(jit_compile=keras.config.backend() != "torch"), (FEATURES, TARGETS)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_are_those_of_keras(case):
    build, arrays = CASES[case]
    (expected, expected_history), (model, history) = (trained(build, arrays, ours) for ours in (False, True))
    assert_same(model, expected)
    assert set(history) == set(expected_history)
    for name, values in history.items():
        np.testing.assert_allclose(values, expected_history[name], rtol=1e-5, err_msg=name)


def test_a_difference_would_be_seen():
    model, _ = trained(dense, (FEATURES, TARGETS), ours=True)
    other, _ = trained(lambda: dense(keras.optimizers.Adam(1.0001e-2)), (FEATURES, TARGETS), ours=True)
    with pytest.raises(AssertionError):
        assert_same(model, other)


@pytest.mark.parametrize("examples", [1, 15, 16, 17, 64])
def test_any_number_of_examples(examples):
    arrays = (FEATURES[:examples], TARGETS[:examples])
    assert_same(*(trained(dense, arrays, ours)[0] for ours in (True, False)))


def test_several_stacks_in_an_epoch(monkeypatch):
    stacks = Batches.stacks
    monkeypatch.setattr(Batches, "stacks", lambda self: stacks(self, max_steps=3))
    assert_same(*(trained(dense, (FEATURES, TARGETS), ours)[0] for ours in (True, False)))


def test_training_goes_on_where_it_stopped():
    def twice(ours):
        model, _ = trained(dense, (FEATURES, TARGETS), ours, epochs=1)
        batches = Batches((FEATURES, TARGETS), 16, seed=6)
        fit(model, batches, 2) if ours else model.fit(batches, epochs=2, shuffle=False, verbose=0)
        return model

    assert_same(twice(True), twice(False))


def test_callbacks_at_the_ends_of_epochs():
    ours, keras_own = Halving(), Halving()
    build = lambda: dense(keras.optimizers.Adam(1e-2))  # noqa: E731
    model, _ = trained(build, (FEATURES, TARGETS), True, callbacks=[ours])
    expected, _ = trained(build, (FEATURES, TARGETS), False, callbacks=[keras_own])
    assert_same(model, expected)
    assert [set(logs) for logs in ours.seen] == [{"loss", "mae"}] * 4
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-2 / 16)


def test_a_callback_may_stop_the_training():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    _, history = trained(dense, (FEATURES, TARGETS), True, epochs=9, callbacks=[Stop()])
    assert len(history["loss"]) == 2


def steps_seen_by(callback_of, build=dense, arrays=(FEATURES, TARGETS)):
    seen = []
    trained(build, arrays, True, epochs=1, callbacks=[callback_of(seen)])
    return seen


class Watching(keras.callbacks.Callback):
    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


@pytest.mark.parametrize(
    "callback_of",
    [
        Watching,
        lambda seen: keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: seen.append(batch)),
    ],
    ids=["method", "lambda"],
)
def test_a_callback_that_looks_at_each_batch_gets_each(callback_of):
    assert steps_seen_by(callback_of) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("how", ["run_eagerly", "another dataset", "steps_per_execution"])
def test_where_keras_must_do_it(how, monkeypatch):
    class Other(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return FEATURES[:4], TARGETS[:4]

    monkeypatch.setattr(sys.modules[fit.__module__], "epoch_trainer", None)
    model = dense(run_eagerly=how == "run_eagerly")
    if how == "steps_per_execution":
        model.steps_per_execution = 2
        if keras.config.backend() == "torch":
            with pytest.raises(ValueError, match="steps_per_execution"):
                fit(model, Batches((FEATURES, TARGETS), 16), 1)
            return
    history = fit(model, Other() if how == "another dataset" else Batches((FEATURES, TARGETS), 16), 1)
    assert np.isfinite(history["loss"]).all()


def test_an_error_leaves_the_weights_as_they_were():
    class Raising(layers.Layer):
        def call(self, inputs, training=False):
            if training and not isinstance(inputs, keras.KerasTensor) and raising:
                raise ArithmeticError("in the middle")
            return inputs

    raising = []
    inputs = keras.Input((8,))
    model = keras.Model(inputs, Raising()(layers.Dense(1)(inputs)))
    model.compile("adam", loss="mse")
    before = model.get_weights()
    model.fit(FEATURES[:2], TARGETS[:2], epochs=0, verbose=0)
    raising.append(True)
    with pytest.raises(ArithmeticError, match="in the middle"):
        fit(model, Batches((FEATURES, TARGETS), 16), 1)
    for array, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, expected)
