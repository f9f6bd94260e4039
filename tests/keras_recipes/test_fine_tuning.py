"""Stages of a training: who learns, how fast, and how it goes on after an interruption."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_recipes.fine_tuning import Stage, fine_tune, gradual_unfreezing, head_then_all
from keras_recipes.layer_groups import layer_groups
from keras_recipes.training.saving import CheckpointError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 4)).astype("float32")
Y = (X @ RNG.normal(size=(4, 1))).astype("float32")
STARTS = ["hidden", "head"]
STAGES = [Stage(-1, 2, 1e-2, 1e-2), Stage(0, 2, 1e-3, 1e-2)]


def network():
    x = inputs = keras.Input((4,))
    x = layers.Dense(5, activation="tanh", name="first")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Dense(4, activation="tanh", name="hidden")(x)
    x = layers.Dropout(0.2, seed=3, name="dropout")(x)
    model = keras.Model(inputs, layers.Dense(1, name="head")(x))
    rng = np.random.default_rng(1)
    model.set_weights([w if w.min() == w.max() else rng.normal(size=w.shape) for w in model.get_weights()])
    return model, layer_groups(model, STARTS)


def tuned(stages=STAGES, callbacks=(), **options):
    model, groups = network()
    history = fine_tune(model, groups, (X, Y), stages, "mse", batch_size=16, callbacks=callbacks, **options)
    return model, history


def weights_of(model):
    return {weight.path: np.array(weight.numpy()) for weight in model.weights}


class InterruptionError(Exception):
    pass


class Watch(keras.callbacks.Callback):
    """Notes weights and the optimizer's multipliers at the end of each epoch; may interrupt one."""

    def __init__(self, interrupt_at=None):
        super().__init__()
        self.interrupt_at, self.weights, self.multipliers = interrupt_at, [], []

    def on_epoch_begin(self, epoch, logs=None):
        if len(self.weights) == self.interrupt_at:
            raise InterruptionError

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(weights_of(self.model))
        self.multipliers.append(self.model.optimizer.multipliers)


def moved(one, other):
    """The layers whose weights differ."""
    return {path.partition("/")[0] for path in one if (one[path] != other[path]).any()}


@pytest.mark.parametrize(("batch_norm", "first_stage"), [("frozen", {"head"}), ("trained", {"norm", "head"})])
def test_each_stage_trains_its_groups_only(batch_norm, first_stage):
    watch, before = Watch(), weights_of(network()[0])
    _, history = tuned(callbacks=[watch], batch_norm=batch_norm)
    assert moved(before, watch.weights[1]) == first_stage
    assert moved(watch.weights[1], watch.weights[2]) == {"first", "norm", "hidden", "head"}
    assert len(history["loss"]) == len(watch.weights) == 4
    np.testing.assert_allclose(watch.multipliers[0], [1, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(watch.multipliers[2], [0.1, 0.1**0.5, 1], rtol=1e-6)


@pytest.mark.parametrize("interrupt_at", [1, 2, 3])
def test_an_interrupted_training_goes_on_to_the_same_bits(interrupt_at, tmp_path):
    whole, history = tuned(folder=tmp_path / "whole")
    with pytest.raises(InterruptionError):
        tuned(folder=tmp_path / "parts", callbacks=[Watch(interrupt_at)])
    watch = Watch()
    resumed, again = tuned(folder=tmp_path / "parts", callbacks=[watch])
    assert len(watch.weights) == 4 - interrupt_at
    assert again == history
    assert not moved(weights_of(whole), weights_of(resumed))
    with pytest.raises(CheckpointError, match="batch_size"):
        fine_tune(*network(), (X, Y), STAGES, "mse", batch_size=8, folder=tmp_path / "parts")


def test_head_then_all_is_fastais_for_two_groups():
    """There `slice(rate)` means a tenth of the rate for all groups but the last, `slice(a, b)` from a to b."""
    head, everything = stages = head_then_all(1, 2e-3)
    assert head == Stage(-1, 1, pytest.approx(2e-4), 2e-3, warmup=0.99)
    assert everything == Stage(0, 1, 1e-5, 1e-3, warmup=0.3, divisor=5.0)
    watch, model = Watch(), network()[0]
    fine_tune(model, layer_groups(model, ["head"]), (X, Y), stages, "mse", batch_size=16, callbacks=[watch])
    np.testing.assert_allclose(watch.multipliers, [[0.1, 1], [0.01, 1]], rtol=1e-6)


def test_gradual_unfreezing_reaches_one_group_more_each_time():
    stages = gradual_unfreezing(3, 0.01, epochs=1, last_epochs=4)
    assert [(stage.first, stage.epochs) for stage in stages] == [(-1, 1), (-2, 1), (-3, 4)]
    watch = Watch()
    tuned(stages[:2], callbacks=[watch])
    np.testing.assert_allclose(watch.multipliers[0], [2.6**-2, 2.6**-1, 1], rtol=1e-6)
    before = weights_of(network()[0])
    assert moved(before, watch.weights[0]) == {"norm", "head"}  # batch normalization goes on learning
    assert moved(watch.weights[0], watch.weights[1]) == {"norm", "hidden", "head"}


def test_a_callback_that_stops_ends_its_stage():
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(stop.model, "stop_training", True))
    assert len(tuned(callbacks=[stop])[1]["loss"]) == 2


@pytest.mark.parametrize(
    ("stages", "named"),
    [
        ([], "`stages` must be a list with a Stage at least"),
        ([STAGES[0], Stage(3, 1, 1e-3, 1e-3)], "the number of one of 3 groups"),
        ([Stage(0, 0, 1e-3, 1e-3)], "at least 1 epoch"),
        ([Stage(0, 1, 0.0, 1e-3)], "rates and a divisor above 0"),
        ([Stage(0, 1, 1e-3, 1e-3, warmup=1.0)], r"a warm-up in \[0, 1\)"),
    ],
)
def test_stages_that_can_not_be_trained_are_refused_before_the_first(stages, named):
    model, groups = network()
    before = weights_of(model)
    with pytest.raises(ValueError, match=named):
        fine_tune(model, groups, (X, Y), stages, "mse")
    assert not moved(before, weights_of(model))


def test_no_groups_are_refused():
    with pytest.raises(ValueError, match="`num_groups` must be an integer of at least 1, received 0"):
        gradual_unfreezing(0, 1e-3)
