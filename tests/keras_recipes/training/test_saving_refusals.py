"""A file that does not fit is refused with what differs, and nothing is changed."""

import keras
import numpy as np
import pytest
from keras import layers
from safetensors.numpy import save_file

from keras_recipes.training import CheckpointError, load_training, save_training
from keras_recipes.training.saving import STATE_KEY
from tests.keras_recipes.training.saved_models import (
    assert_same,
    built,
    counting,
    dense_model,
    frozen,
    half_precision,
    numbers,
    rewritten,
)


def other_optimizer():
    return dense_model(optimizer="sgd")


def other_setting():
    return dense_model(optimizer=keras.optimizers.Adam(beta_1=0.5))


def scheduled():
    return dense_model(optimizer=keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(1e-3, 20)))


def wider():
    return dense_model(units=5)


def normalized_too():
    return dense_model(layers.BatchNormalization(name="norm"))


def dropped():
    return dense_model(layers.Dropout(0.5, seed=1))


REFUSED = [
    (dense_model, other_optimizer, "optimizer/class_name is 'Adam' in the file and 'SGD' here"),
    (dense_model, other_setting, "optimizer/config/beta_1 is 0.9 in the file and 0.5 here"),
    (dense_model, scheduled, "optimizer/config/learning_rate"),
    (dense_model, wider, r"weights/first/kernel is float32 \(4, 3\) in the file and float32 \(4, 5\) here"),
    (dense_model, half_precision, r"weights/first/kernel is float32 \(4, 3\) in the file and bfloat16 \(4, 3\) here"),
    (dense_model, normalized_too, "weights/norm/gamma is not in the file"),
    (normalized_too, dense_model, "weights/norm/gamma is in the file only"),
    (dense_model, dropped, "random/0 is not in the file"),
    (dense_model, frozen, "trainable/weights/first/kernel is True in the file and None here"),
]


@pytest.mark.parametrize(("saved", "other", "named"), REFUSED)
def test_what_does_not_fit_is_named_and_nothing_is_changed(saved, other, named, tmp_path):
    save_training(tmp_path / "t", built(saved))
    model = built(other, seed=1)
    before = [np.array(v.numpy()) for v in [*model.variables, *model.optimizer.variables]]
    with pytest.raises(CheckpointError, match=f"`path` must be a checkpoint of this training.*{named}"):
        load_training(tmp_path / "t", model)
    after = [np.array(v.numpy()) for v in [*model.variables, *model.optimizer.variables]]
    assert len(before) == len(after)
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.astype("float64"), two.astype("float64"))


def test_a_counter_too_large_for_here_is_refused(tmp_path):
    path = tmp_path / "t"
    save_training(path, built(counting))

    def change(about, arrays):
        arrays["weights/counter/calls"] = np.array(2**40)
        about["dtypes"]["weights/counter/calls"] = "int64"

    rewritten(path, change)
    with pytest.raises(CheckpointError, match=r"weights/counter/calls is int64 \(\) in the file and int32"):
        load_training(path, built(counting))


def test_slots_that_differ_are_refused(tmp_path):
    path, model = tmp_path / "t", built(dense_model)
    save_training(path, model)
    rewritten(path, lambda about, arrays: arrays.pop("optimizer/first_kernel_velocity"))
    before = numbers(model)
    with pytest.raises(CheckpointError, match="optimizer/first_kernel_velocity is not in the file"):
        load_training(path, model)
    assert_same(numbers(model), before)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def begun(path):
    path.write_bytes(path.read_bytes()[:5])


def emptied(path):
    path.write_bytes(b"")


def foreign(path):
    path.write_text('{"epoch": 1}')


def only_weights(path):
    save_file({"first/kernel": np.zeros(3)}, path)


def no_json(path):
    save_file({"first/kernel": np.zeros(3)}, path, metadata={STATE_KEY: "{"})


@pytest.mark.parametrize("damage", [cut, begun, emptied, foreign, only_weights, no_json])
def test_a_file_that_is_none_is_refused(damage, tmp_path):
    model, path = built(dense_model), tmp_path / "t.safetensors"
    save_training(path, model)
    damage(path)
    with pytest.raises(CheckpointError, match=r"must be a whole file of save_training, received .*t.safetensors"):
        load_training(path, model)


def test_other_versions_and_missing_files(tmp_path):
    model, path = built(dense_model), tmp_path / "t"
    save_training(path, model)
    rewritten(path, lambda about, arrays: about.update(version=2))
    with pytest.raises(CheckpointError, match=r"`path` must be a checkpoint of version 1, received .* of version 2"):
        load_training(path, model)
    with pytest.raises(FileNotFoundError):
        load_training(tmp_path / "none", model)
    unbuilt = keras.Sequential([layers.Dense(1)])
    for function in (save_training, load_training):
        with pytest.raises(ValueError, match="`model` must be built"):
            function(path, unbuilt)


def test_many_differences_are_counted(tmp_path):
    def deep():
        return dense_model(*(layers.Dense(3, name=f"d{i}") for i in range(9)))

    save_training(tmp_path / "t", built(deep))
    with pytest.raises(CheckpointError, match=r"; and \d\d more"):
        load_training(tmp_path / "t", built(dense_model))
