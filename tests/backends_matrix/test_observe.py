import contextlib

import keras
import numpy as np
import pytest

from backends_matrix.observe import (
    GradientWatch,
    Jitter,
    Recorder,
    Snapshot,
    move_by_one_ulp,
    weights_of,
)

X, Y = np.array([[1.0], [2.0], [3.0], [4.0]], "float32"), np.array([[2.0], [1.0], [0.0], [5.0]], "float32")


@pytest.fixture
def model():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1, "linear", kernel_initializer="ones", name="dense")(inputs))
    model.compile(keras.optimizers.SGD(0.01), loss="mse")
    return model


def by_hand(kernel, bias, rows):
    """Loss, and gradients for kernel and bias, of the mean squared error."""
    error = X[rows] * kernel + bias - Y[rows]
    return np.mean(error**2), 2 * np.mean(error * X[rows]), 2 * np.mean(error)


def test_recorder_notes_each_step_by_itself(model):
    recorder = Recorder(weights_after=(1, 2))
    model.fit(X, Y, batch_size=2, epochs=2, shuffle=False, verbose=0, callbacks=[recorder])
    kernel, bias, losses = 1.0, 0.0, []
    for step, rows in enumerate(([0, 1], [2, 3], [0, 1], [2, 3]), start=1):
        loss, kernel_gradient, bias_gradient = by_hand(kernel, bias, rows)
        losses.append(loss)
        kernel, bias = kernel - 0.01 * kernel_gradient, bias - 0.01 * bias_gradient
        if step <= 2:
            np.testing.assert_allclose(recorder.weights[step]["dense/kernel"], [[kernel]], rtol=1e-6)
            np.testing.assert_allclose(recorder.weights[step]["dense/bias"], [bias], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(recorder.log_arrays()["loss"], losses, rtol=1e-5)
    assert set(recorder.weights) == {1, 2}


def test_recorder_stops_training(model):
    recorder = Recorder(stop_after=3)
    model.fit(X, Y, batch_size=2, epochs=9, shuffle=False, verbose=0, callbacks=[recorder])
    assert len(recorder.logs) == 3


def watched_gradients(model, x, y, **options):
    """The watch of a model, and the gradients of its first step."""
    watch = GradientWatch(model)
    with watch.watching():
        return watch, watch.gradients_of(lambda: model.fit(x, y, batch_size=len(x), verbose=0, **options))


def test_watched_gradients_are_those_of_the_loss_and_leave_no_trace(model):
    model.compile(keras.optimizers.Adam(0.1, weight_decay=0.1), loss="mse")
    model.optimizer.build(model.trainable_variables)
    before = weights_of(model), [np.array(variable.numpy()) for variable in model.optimizer.variables]
    watch, found = watched_gradients(model, X, Y)
    _, kernel_gradient, bias_gradient = by_hand(1.0, 0.0, [0, 1, 2, 3])
    np.testing.assert_allclose(found["dense/kernel"], [[kernel_gradient]], rtol=1e-6)
    np.testing.assert_allclose(found["dense/bias"], [bias_gradient], rtol=1e-6)
    for path, weight in weights_of(model).items():
        np.testing.assert_array_equal(weight, before[0][path])
    for variable, value in zip(model.optimizer.variables, before[1], strict=False):  # then those of the watch
        np.testing.assert_array_equal(variable.numpy(), value)
    assert all(hold.numpy() == 0 for hold in watch.holds)


def test_weights_stand_still_for_all_steps_that_are_watched(model):
    _, found = watched_gradients(model, X, Y, epochs=3)
    _, kernel_gradient, _ = by_hand(1.0, 0.0, [0, 1, 2, 3])
    np.testing.assert_allclose(found["dense/kernel"], [[3 * kernel_gradient]], rtol=1e-6)


def test_a_watched_model_trains_as_any_other():
    trained = []
    for watched in (False, True):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((1,))
        model = keras.Model(inputs, keras.layers.Dense(1, name="dense")(inputs))
        model.compile(keras.optimizers.Adam(0.1), loss="mse")
        if watched:
            watch, _ = watched_gradients(model, X, Y)
        with watch.watching() if watched else contextlib.nullcontext():
            model.fit(X, Y, batch_size=2, epochs=3, shuffle=False, verbose=0)
        trained.append(weights_of(model))
    for path, weight in trained[0].items():
        np.testing.assert_allclose(trained[1][path], weight, rtol=1e-6)


def test_gradient_of_a_stock_embedding_adds_up_repeated_ids():
    inputs = keras.Input((1,), dtype="int32")
    model = keras.Model(inputs, keras.layers.Embedding(3, 1, "zeros", name="table")(inputs)[:, 0])
    model.compile("sgd", loss="mse")
    _, found = watched_gradients(model, np.array([[1], [1], [2]]), np.array([[3.0], [6.0], [9.0]]))
    np.testing.assert_allclose(found["table/embeddings"], [[0], [-6], [-6]], rtol=1e-6)


def test_snapshot_brings_everything_back(model):
    model.compile(keras.optimizers.Adam(0.1), loss="mse")
    model.optimizer.build(model.trainable_variables)
    snapshot = Snapshot(model)
    runs = []
    for _ in range(2):
        snapshot.restore()
        runs.append(model.fit(X, Y, batch_size=2, epochs=2, shuffle=False, verbose=0).history["loss"])
    assert runs[0] == runs[1]


def test_jitter_moves_weights_after_each_step(model):
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    recorder, before = Recorder(weights_after=(1, 100)), weights_of(model)["dense/kernel"]
    jitter = Jitter(np.random.default_rng(0))
    model.fit(X, Y, batch_size=4, epochs=100, verbose=0, callbacks=[recorder, jitter])
    np.testing.assert_array_equal(recorder.weights[1]["dense/kernel"], before)  # noted before it moves
    assert 0 < np.abs(recorder.weights[100]["dense/kernel"] - before).max() < 100 * 1.2e-7


def test_one_ulp_moves_what_is_not_zero_to_a_neighbour(model):
    dense = model.get_layer("dense")
    dense.set_weights([np.array([[3.0]], "float32"), np.array([0.0], "float32")])
    seen = set()
    for twin in range(8):
        dense.set_weights([np.array([[3.0]], "float32"), np.array([0.0], "float32")])
        move_by_one_ulp(model, np.random.default_rng(twin))
        kernel, bias = (float(np.ravel(weight)[0]) for weight in dense.get_weights())
        assert bias == 0.0
        seen.add(kernel)
    dense.set_weights([np.array([[3.0]], "float32"), np.array([0.0], "float32")])
    moved = []
    for twin in range(200):
        before = dense.get_weights()[0]
        move_by_one_ulp(model, np.random.default_rng(twin), share=0.1)
        moved.append(dense.get_weights()[0] != before)
    assert 5 <= np.sum(moved) <= 40
    three = np.float32(3)
    assert seen == {float(np.nextafter(three, np.float32(0))), float(np.nextafter(three, np.float32(9)))}
