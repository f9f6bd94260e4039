"""A training that is saved and loaded goes on as if nothing had happened; what does not fit is refused, untouched."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from keras_recipes.training import CheckpointError, load_training, save_training
from keras_recipes.training.saving import STATE_KEY, model_state, optimizer_state, read_state

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


@keras.saving.register_keras_serializable(package="tests")
class Counter(layers.Layer):
    """Counts its calls in an integer, and keeps a boolean and a float64."""

    def build(self, input_shape):
        self.calls = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="calls")
        self.flags = self.add_weight(shape=(3,), dtype="bool", initializer="zeros", trainable=False, name="flags")

    def call(self, inputs):
        self.calls.assign(self.calls + 1)
        self.flags.assign(keras.ops.logical_not(self.flags))
        return inputs


def dense_model(*between, optimizer="adam", dtype=None, units=3):
    """Dense, other layers, Dense; a dtype is that of all layers but the last."""
    inputs = x = keras.Input((4,))
    for layer in (layers.Dense(units, name="first", dtype=dtype), *between):
        x = layer(x)
    model = keras.Model(inputs, layers.Dense(1, name="last", dtype="float32")(x))
    model.compile(optimizer, loss="mse")
    return model


def noisy():
    alike = [layers.Dropout(0.5, seed=1), layers.Dropout(0.5, seed=1)]
    return dense_model(*alike, layers.GaussianNoise(0.1), layers.GaussianNoise(0.1, seed=3))


def decayed_and_averaged():
    schedule = keras.optimizers.schedules.PolynomialDecay(1e-2, 20)
    return dense_model(optimizer=keras.optimizers.AdamW(schedule, clipnorm=0.1, use_ema=True))


def accumulated():
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, gradient_accumulation_steps=2)
    return dense_model(optimizer=optimizer)


def normalized():
    return dense_model(layers.BatchNormalization(momentum=0.5, name="norm"), optimizer="rmsprop")


def nested_and_shared():
    inner_inputs = keras.Input((4,))
    inner = keras.Model(
        inner_inputs, layers.Dense(4, name="inside")(layers.Dropout(0.2, seed=2)(inner_inputs)), name="inner"
    )
    inputs, shared = keras.Input((4,)), layers.Dense(4, name="shared")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, name="head")])
    model = keras.Model(inputs, model(inner(shared(shared(inner(inputs))))))
    model.compile("adam", loss="mse")
    return model


def frozen():
    model = dense_model()
    model.get_layer("first").trainable = False
    model.compile("adam", loss="mse")
    return model


def loss_scaled():
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01), dynamic_growth_steps=2)
    return dense_model(layers.Dropout(0.5, seed=1), optimizer=optimizer, dtype="mixed_float16")


def half_precision():
    return dense_model(layers.Dropout(0.5, seed=1), dtype="bfloat16")


def counting():
    return dense_model(Counter(name="counter"))


MODELS = [
    noisy, decayed_and_averaged, accumulated, normalized, nested_and_shared, frozen, loss_scaled, half_precision,
    counting,
]  # fmt: skip


def built(function, seed=0):
    """A model with weights of its own, as a new process would build it."""
    keras.utils.clear_session(free_memory=False)  # True collects all garbage, for seconds
    keras.utils.set_random_seed(seed)
    return function()


def train(model, first=0, last=1, save=None):
    """Epochs of three steps each; `save` is called at the end of the first."""
    at_end = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: save() if save and epoch == 0 else None)
    model.fit(
        X, Y, batch_size=4, initial_epoch=first, epochs=last, shuffle=False, verbose=0, callbacks=[at_end]
    )  # fmt: skip


def numbers(model):
    """All state, and predictions, in NumPy."""
    variables = {**model_state(model), **optimizer_state(model)}
    arrays = {name: np.array(variable.numpy()) for name, variable in variables.items()}
    return arrays | {"predictions": keras.ops.convert_to_numpy(model(X))}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        np.testing.assert_array_equal(one[name].astype("float64"), other[name].astype("float64"), err_msg=name)


@pytest.mark.parametrize("function", MODELS)
def test_training_goes_on_to_the_same_bits(function, tmp_path):
    model, path, saved = built(function), tmp_path / "new" / "t.safetensors", {}
    said = {"epoch": 3, "history": {"loss": [0.5, float("nan"), float("inf")]}, "config": {"seed": 7, "name": "ü"}}

    def save():
        save_training(path, model, **said, finished=True)
        saved.update(numbers(model))

    train(model, last=2, save=save)
    expected = numbers(model)
    assert any((saved[name] != expected[name]).any() for name in saved)

    again = built(function, seed=1)
    about = load_training(path, again)
    assert_same(numbers(again), saved)
    train(again, first=1, last=2)
    assert_same(numbers(again), expected)
    assert repr(about["history"]) == "{'loss': [0.5, nan, inf]}"
    assert (about["epoch"], about["config"], about["finished"]) == (3, {"seed": 7, "name": "ü"}, True)
    assert (about["keras"], about["backend"]) == (keras.__version__, keras.config.backend())


def test_names_do_not_depend_on_what_else_a_process_built(tmp_path):
    """Keras counts up the names of optimizers and seed generators."""
    model = built(noisy)
    train(model)
    save_training(tmp_path / "t", model)
    more = [noisy(), noisy()]
    load_training(tmp_path / "t", more[-1])
    assert_same(numbers(more[-1]), numbers(model))


def test_weights_of_one_path_are_kept_apart(tmp_path):
    """Functional models inside a model do not prefix the names of their layers."""

    def twins():
        outputs = inputs = keras.Input((4,))
        for part in ("one", "other"):
            inner = keras.Input((4,))
            outputs = keras.Model(inner, layers.Dense(4, name="same")(inner), name=part)(outputs)
        model = keras.Model(inputs, outputs)
        model.compile("adam", loss="mse")
        return model

    model, again = built(twins), built(twins, seed=1)
    assert len({weight.path for weight in model.weights}) < len(model.weights)
    save_training(tmp_path / "t", model)
    load_training(tmp_path / "t", again)
    assert_same(numbers(again), numbers(model))


def test_an_optimizer_without_a_step_is_saved_as_such(tmp_path):
    model, trained = built(accumulated), built(accumulated)
    save_training(tmp_path / "t", model)
    train(trained)
    load_training(tmp_path / "t", trained)
    assert_same(numbers(trained), numbers(model))
    train(model)
    train(trained)
    assert_same(numbers(trained), numbers(model))

    uncompiled = keras.Sequential([keras.Input((4,)), layers.Dense(1, name="d")])
    save_training(tmp_path / "u", uncompiled)
    before = uncompiled.get_weights()
    uncompiled.set_weights([weight + 1 for weight in before])
    load_training(tmp_path / "u", uncompiled)
    np.testing.assert_array_equal(uncompiled.get_weights()[0], before[0])


def test_a_changed_learning_rate_is_part_of_the_state(tmp_path):
    model, again = built(dense_model), built(dense_model)
    model.optimizer.learning_rate = 0.125
    save_training(tmp_path / "t", model)
    load_training(tmp_path / "t", again)
    assert float(again.optimizer.learning_rate) == 0.125


def test_a_callable_learning_rate_leaves_no_code_in_the_file(tmp_path):
    def model_of():
        return dense_model(optimizer=keras.optimizers.SGD(lambda: 0.125))

    save_training(tmp_path / "t", built(model_of))
    load_training(tmp_path / "t", built(model_of))
    about, _ = read_state(tmp_path / "t")
    assert about["settings"]["optimizer"]["config"]["learning_rate"] == "lambda"


def rewritten(path, change):
    """The file as if another backend had written it, or a fault had changed it."""
    with safe_open(path, framework="numpy") as file:
        about, arrays = json.loads(file.metadata()[STATE_KEY]), load_file(path)
    change(about, arrays)
    save_file(arrays, path, metadata={STATE_KEY: json.dumps(about)})


@pytest.mark.parametrize("dtype", ["uint32", "int32", "int64"])
def test_integers_of_other_backends(dtype, tmp_path):
    """Counters and seeds have other widths there; the bits of a large seed come back."""
    model, path = built(noisy), tmp_path / "t"
    train(model)
    save_training(path, model)

    def change(about, arrays):
        for name in arrays:
            if name.startswith("random/"):
                arrays[name] = np.array([0x90000001, 5], "uint32").astype(dtype)
            elif name == "optimizer/iteration":
                arrays[name] = arrays[name].astype(dtype)
            about["dtypes"][name] = arrays[name].dtype.name

    rewritten(path, change)
    again = built(noisy, seed=1)
    load_training(path, again)
    found = numbers(again)
    assert found["optimizer/iteration"] == 3
    for name in [name for name in found if name.startswith("random/")]:
        np.testing.assert_array_equal(found[name].astype("int64") & 0xFFFFFFFF, [0x90000001, 5])


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
