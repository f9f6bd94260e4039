"""`fit` with a `Checkpoint` goes on where it was interrupted, to the same bits, and trains no finished run again."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers

from keras_recipes.data import Batches
from keras_recipes.training import Checkpoint, CheckpointError, fit
from keras_recipes.training.saving import read_about

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
DATA = (X, X.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Config:
    """For these tests."""

    epochs: int = 4  # passes
    rate: float = float("inf")  # a number that JSON lacks


class InterruptionError(Exception):
    """Stands for a kill: nothing is saved on the way out."""


class Interrupt(keras.callbacks.Callback):
    """Raise in the middle of an epoch, counted from 0; looks at each batch, so that steps are made one by one."""

    def __init__(self, epoch=None):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.is_now = epoch == self.epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.is_now and batch == 1:
            raise InterruptionError


class InterruptBetween(keras.callbacks.Callback):
    """Raise before an epoch, counted from 0; whole epochs are trained at a time."""

    def __init__(self, epoch=None):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise InterruptionError


class HalveRate(keras.callbacks.Callback):
    """Change the state at the end of epochs, as callbacks for the learning rate do, and note the epochs."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)
        self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) / 2


def run(*callbacks, epochs=4):
    """A new process in small: model, batches, training; returns model and history."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    hidden = layers.Dropout(0.5, seed=1)(layers.Dense(8, name="hidden")(inputs))
    model = keras.Model(inputs, layers.Dense(1, name="out")(hidden))
    model.compile("adam", loss="mse")
    return model, fit(model, Batches(DATA, 4, seed=3), epochs, callbacks)


def interrupted(path, epoch, interrupt, **options):
    with pytest.raises(InterruptionError):
        run(Checkpoint(path, **options), HalveRate(), interrupt(epoch))


@pytest.fixture(scope="module", params=[Interrupt, InterruptBetween])
def interrupt(request):
    return request.param


@pytest.fixture(scope="module")
def whole(interrupt):
    model, history = run(HalveRate(), interrupt())
    assert len(history["loss"]) == 4
    return model.get_weights(), history


def assert_like(whole, model, history):
    assert history == whole[1]
    for one, other in zip(whole[0], model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("every", "again"), [(1, [2, 3]), (2, [2, 3]), (3, [0, 1, 2, 3])])
def test_goes_on_to_the_same_bits(every, again, whole, interrupt, tmp_path):
    path = tmp_path / "new" / "t.safetensors"
    interrupted(path, 2, interrupt, every=every)
    watch = HalveRate()
    assert_like(whole, *run(Checkpoint(path, every=every), watch, interrupt()))
    assert watch.epochs == again


def test_two_interruptions_and_no_file_of_a_killed_writer_is_left(whole, interrupt, tmp_path, capsys):
    path = tmp_path / "t[1].safetensors"
    interrupted(path, 1, interrupt)
    path.with_name(f"{path.name}.4711.part").write_bytes(b"half")
    other = tmp_path / "t[1].safetensors.backup"
    other.write_bytes(b"the user's")
    interrupted(path, 2, interrupt)
    capsys.readouterr()
    assert_like(whole, *run(Checkpoint(path), HalveRate(), interrupt()))
    assert f"{path}: saved after 2 epochs, on {keras.config.backend()}" in capsys.readouterr().out
    assert {found.name for found in tmp_path.iterdir()} == {path.name, other.name}


def test_a_finished_run_is_not_trained_again(whole, interrupt, tmp_path, capsys):
    path = tmp_path / "t.safetensors"
    assert_like(whole, *run(Checkpoint(path, every=3), HalveRate(), interrupt()))
    content, watch = path.read_bytes(), HalveRate()
    assert_like(whole, *run(Checkpoint(path), watch, interrupt()))
    assert watch.epochs == []
    assert path.read_bytes() == content
    assert "saved after 4 epochs" in capsys.readouterr().out


def test_a_run_that_stopped_early_is_finished(tmp_path):
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: setattr(stop.model, "stop_training", True))
    model, history = run(stop, Checkpoint(tmp_path / "t"))
    assert len(history["loss"]) == 1
    assert read_about(tmp_path / "t")["finished"]
    again, same = run(Checkpoint(tmp_path / "t"))
    assert same == history
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_another_configuration_is_refused_at_once(tmp_path):
    path = tmp_path / "t"
    run(Checkpoint(path, Config()), epochs=1)
    Checkpoint(path, Config())
    Checkpoint(path, {"epochs": 4, "rate": float("inf")})
    with pytest.raises(CheckpointError, match="epochs is 4 in the file and 5 here"):
        Checkpoint(path, Config(epochs=5))
    with pytest.raises(CheckpointError, match=r"rate is 'inf' in the file and 0.5 here"):
        Checkpoint(path, Config(rate=0.5))
    with pytest.raises(CheckpointError, match="epochs is 4 in the file and None here"):
        Checkpoint(path)
    path.write_text("something else")
    with pytest.raises(CheckpointError, match="`path` must be a whole file of save_training"):
        Checkpoint(path, Config())


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match="`every` must be a number of at least 1, received 0"):
        Checkpoint(tmp_path / "t", every=0)
    with pytest.raises(ValueError, match="`callbacks` must be a sequence with one Checkpoint at most, received 2"):
        run(Checkpoint(tmp_path / "t"), Checkpoint(tmp_path / "u"))
