import keras
import numpy as np
import pytest

from keras_recipes.best_weights import BestWeights, hold_out
from keras_recipes.data import Batches
from keras_recipes.training import Checkpoint, fit

X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
Y = (X @ np.array([[1.0], [2.0], [3.0]])).astype("float32")


def build():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="line")], name="model")
    model.compile(keras.optimizers.SGD(0.05), loss="mse")
    return model


class Judge:
    """Judges by a list, and notes the weights that it saw."""

    def __init__(self, losses):
        self.losses, self.seen = iter(losses), []

    def __call__(self, model):
        self.seen.append(model.get_weights())
        return next(self.losses)


def test_stops_and_ends_with_the_best_weights():
    model, judge = build(), Judge([5, 3, 4, np.nan, 3, 2])
    history = fit(model, Batches((X, Y), 16), 6, [BestWeights(judge, 3)])
    np.testing.assert_equal(history["val_loss"], [5, 3, 4, np.nan, 3])  # 3 again is no better one
    for one, other in zip(model.get_weights(), judge.seen[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_trains_to_the_end_if_it_gets_better():
    model, judge = build(), Judge([5, 4, 3, 2])
    fit(model, Batches((X, Y), 16), 4, [BestWeights(judge, 1)])
    for one, other in zip(model.get_weights(), judge.seen[-1], strict=True):
        np.testing.assert_array_equal(one, other)


class Interrupt(keras.callbacks.Callback):
    """Stands for a kill before an epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            raise InterruptedError


def test_goes_on_as_if_nothing_had_been(tmp_path):
    losses = [5, 3, 4, 4, 4, 1]

    def train(name, judge, *callbacks):
        model, checkpoint = build(), Checkpoint(tmp_path / name, "same")
        history = fit(model, Batches((X, Y), 16), 6, [checkpoint, BestWeights(judge, 3, checkpoint), *callbacks])
        return model.get_weights(), history

    expected, history = train("whole", Judge(losses))
    assert history["val_loss"] == losses[:5]
    with pytest.raises(InterruptedError):
        train("killed", Judge(losses), Interrupt())
    found, again = train("killed", Judge(losses[3:]))
    assert again == history
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_patience_of_none():
    with pytest.raises(ValueError, match="`patience` must be an integer of at least 1, received 0"):
        BestWeights(lambda model: 0.0, 0)


def test_examples_are_held_back():
    arrays = ((np.arange(10), np.arange(10) * 2), np.arange(10) * 3)
    fitted, held = hold_out(arrays, 0.3, 0)
    assert (len(fitted[1]), len(held[1])) == (7, 3)
    assert sorted([*fitted[1], *held[1]]) == list(range(0, 30, 3))
    for part in (fitted, held):
        np.testing.assert_array_equal(part[0][1], part[0][0] * 2)
        np.testing.assert_array_equal(part[1], part[0][0] * 3)
    assert (hold_out(arrays, 0.3, 1)[1][1] != held[1]).any()
    assert hold_out(arrays, 0.0, 0)[1] is None
