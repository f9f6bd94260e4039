import keras
import numpy as np
import pytest
from keras import layers, ops

from backends_matrix.portable_random import portable_random

ROWS = 10
SEED = 7
# The order of ten rows in the first three epochs after set_random_seed(7), on every backend.
ORDERS = [
    [0, 1, 5, 7, 6, 9, 4, 3, 2, 8],
    [9, 1, 8, 3, 4, 5, 2, 7, 6, 0],
    [8, 4, 9, 7, 6, 2, 1, 3, 0, 5],
]


class RowRecorder(layers.Layer):
    """Passes its input on and keeps the last `ROWS` row numbers, in the order in which they came."""

    def build(self, input_shape):
        self.seen = self.add_weight(shape=(ROWS, 1), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.seen.assign(ops.concatenate([self.seen, inputs])[-ROWS:])
        return inputs


def orders_of_fit(*, epochs=3, batch_size=4, seed=SEED, built=True, data=None, **options):
    """The order of the rows in each epoch of a fit, as an array of shape (epochs, ROWS)."""
    keras.utils.set_random_seed(seed)
    head = [keras.Input((1,))] if built else []
    model = keras.Sequential([*head, RowRecorder(), layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    orders = []
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: orders.append(ops.convert_to_numpy(model.layers[0].seen)[:, 0])
    )
    x, y = data or (rows(), rows())
    model.fit(x, y, epochs=epochs, batch_size=batch_size, callbacks=[record], verbose=0, **options)
    return np.array(orders)


def rows():
    return np.arange(ROWS, dtype="float32")[:, None]


@pytest.fixture(autouse=True)
def portable():
    with portable_random():
        yield


@pytest.mark.parametrize(("batch_size", "built"), [(4, True), (32, True), (5, False)])
def test_order_is_the_same_on_every_backend(batch_size, built):
    np.testing.assert_array_equal(orders_of_fit(batch_size=batch_size, built=built), ORDERS)


def test_order_changes_from_epoch_to_epoch_and_with_the_seed():
    orders = orders_of_fit(epochs=4)
    np.testing.assert_array_equal(np.sort(orders), np.tile(np.arange(ROWS), (4, 1)))
    assert len({tuple(order) for order in orders}) == 4
    assert not np.array_equal(orders_of_fit(seed=SEED + 1), ORDERS)


def test_order_is_that_of_the_rows_if_not_shuffled():
    np.testing.assert_array_equal(orders_of_fit(shuffle=False), np.tile(np.arange(ROWS), (3, 1)))


def test_order_within_batches():
    orders = orders_of_fit(shuffle="batch")
    blocks = np.arange(ROWS) // 4
    np.testing.assert_array_equal(orders // 4, np.tile(blocks, (3, 1)))
    assert len({tuple(order) for order in orders}) == 3


def test_order_is_new_in_each_epoch_of_a_counted_number_of_steps():
    orders = orders_of_fit(epochs=4, batch_size=5, steps_per_epoch=2)
    np.testing.assert_array_equal(orders[0], ORDERS[0])
    assert len({tuple(order) for order in orders}) == 4


def test_epochs_of_half_a_pass_share_one_order():
    orders = orders_of_fit(epochs=4, batch_size=5, steps_per_epoch=1)
    np.testing.assert_array_equal(orders[1], ORDERS[0])
    np.testing.assert_array_equal(np.sort(orders[3]), np.arange(ROWS))
    assert not np.array_equal(orders[3], orders[1])


def test_validation_does_not_disturb_the_order():
    validation = (rows()[:3] + 100.0, rows()[:3])
    model_orders = orders_of_fit(validation_data=validation, validation_freq=3, epochs=2)
    np.testing.assert_array_equal(model_orders, ORDERS[:2])


def test_inputs_targets_and_weights_stay_together():
    keras.utils.set_random_seed(SEED)
    inputs = {"one": keras.Input((1,), name="one"), "two": keras.Input((2,), name="two")}
    total = layers.Dense(1, kernel_initializer="ones")(layers.Concatenate()([inputs["one"], inputs["two"]]))
    model = keras.Model(inputs, total)
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse", weighted_metrics=["mse"])
    x = {"one": rows(), "two": np.repeat(rows(), 2, axis=1)}
    is_odd = np.arange(ROWS) % 2
    targets = 3.0 * is_odd[:, None] * rows()  # wrong in even rows, whose weight is 0
    history = model.fit(x, targets, sample_weight=is_odd.astype("float32"), batch_size=3, verbose=0).history
    assert history["mse"] == [0.0]


def test_tensors_are_put_in_the_same_order():
    data = ops.convert_to_tensor(rows()), rows()
    np.testing.assert_array_equal(orders_of_fit(data=data), ORDERS)
