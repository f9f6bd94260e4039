"""Optimizers of rows against formulas in NumPy, against Keras' own, and against PyTorch's."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recipes.layers import Embedding, SparseEmbedding
from keras_recipes.optimizers import SparseAdagrad, SparseAdam, SparseSGD
from keras_recipes.training import apply, value_and_grad

ROWS, DIM = 7, 3
BATCHES = np.random.default_rng(0).integers(0, ROWS - 1, size=(5, 8)).astype("int32")  # the last row never comes
BATCHES[0] = [1, 1, 1, 2, 2, 0, 0, 0]
START = np.random.default_rng(1).normal(size=(ROWS, DIM)).astype("float32")
TARGETS = np.random.default_rng(2).normal(size=(5, 8, DIM)).astype("float32")


def trained(optimizer, layer_type=SparseEmbedding):
    """The table after some steps towards targets."""
    layer = layer_type(ROWS, DIM)
    layer.build(None)
    layer.set_weights([START])
    optimizer.build(layer.trainable_variables)
    for ids, targets in zip(BATCHES, TARGETS, strict=True):
        _, gradients = value_and_grad(
            lambda ids=ids, targets=targets: ops.sum(ops.square(ops.subtract(layer(ids), targets))),
            layer.trainable_variables,
        )
        apply(optimizer, gradients, layer.trainable_variables)
    return layer.get_weights()[0]


def by_hand(update):
    """The same in NumPy, in float64; `update(table, ids, gradient of these rows)` changes the table."""
    table = START.astype("float64")
    for ids, targets in zip(BATCHES, TARGETS, strict=True):
        gradient = np.zeros_like(table)
        np.add.at(gradient, ids, 2 * (table[ids] - targets))
        used = np.unique(ids)
        update(table, used, gradient[used])
    return table


@pytest.mark.parametrize("bias_correction", ["row", "all"])
def test_adam(bias_correction):
    mean, square, counts, steps = np.zeros((ROWS, DIM)), np.zeros((ROWS, DIM)), np.zeros((ROWS, 1)), [0]

    def update(table, used, gradient):
        counts[used] += 1
        steps[0] += 1
        mean[used] = 0.9 * mean[used] + 0.1 * gradient
        square[used] = 0.99 * square[used] + 0.01 * gradient**2
        step = counts[used] if bias_correction == "row" else steps[0]
        rate = 0.1 * np.sqrt(1 - 0.99**step) / (1 - 0.9**step)
        table[used] -= rate * mean[used] / (np.sqrt(square[used]) + 1e-7)

    found = trained(SparseAdam(0.1, beta_2=0.99, bias_correction=bias_correction))
    np.testing.assert_allclose(found, by_hand(update), rtol=2e-5, atol=1e-6)
    np.testing.assert_array_equal(found[-1], START[-1])


def test_the_first_update_of_a_row_is_as_long_as_the_rate():
    optimizer = SparseAdam(0.1)
    found = trained(optimizer)
    late = next(row for row in range(ROWS - 1) if row not in BATCHES[0])
    layer = SparseEmbedding(ROWS, DIM)
    layer.build(None)
    table = layer.trainable_variables
    other = SparseAdam(0.1)
    other.build(table)
    other.iterations.assign(1000)
    layer.set_weights([START])
    _, gradients = value_and_grad(lambda: ops.sum(layer(np.array([late], "int32"))), table)
    apply(other, gradients, table)
    np.testing.assert_allclose(layer.get_weights()[0][late], START[late] - 0.1, rtol=1e-4)
    assert not np.array_equal(found, START)


@pytest.mark.parametrize(
    ("by_rows", "whole"),
    [
        (SparseSGD(0.1), keras.optimizers.SGD(0.1)),
        (SparseAdagrad(0.1), keras.optimizers.Adagrad(0.1)),
        (SparseSGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)), None),
    ],
    ids=["sgd", "adagrad", "schedule"],
)
def test_what_leaves_other_rows_alone_equals_the_dense_one(by_rows, whole):
    whole = whole or keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    np.testing.assert_allclose(trained(by_rows), trained(whole, Embedding), rtol=1e-5, atol=1e-6)
    assert int(by_rows.iterations) == len(BATCHES)


def test_row_wise_adagrad():
    sums = np.full((ROWS, 1), 0.2)

    def update(table, used, gradient):
        sums[used] += (gradient**2).mean(axis=1, keepdims=True)
        table[used] -= 0.1 * gradient / np.sqrt(sums[used] + 1e-7)

    optimizer = SparseAdagrad(0.1, initial_accumulator_value=0.2, row_wise=True)
    found = trained(optimizer)
    assert [tuple(v.shape) for v in optimizer.variables if len(v.shape) > 1] == [(ROWS, 1)]
    np.testing.assert_allclose(found, by_hand(update), rtol=2e-5, atol=1e-6)


@pytest.mark.skipif(keras.config.backend() != "torch", reason="compares with PyTorch's own")
def test_numbers_are_those_of_pytorchs_sparse_adam():
    import torch

    table = torch.nn.Parameter(torch.as_tensor(START.copy()))
    optimizer = torch.optim.SparseAdam([table], lr=0.1, eps=1e-7)
    for ids, targets in zip(BATCHES, TARGETS, strict=True):
        optimizer.zero_grad()
        rows = torch.nn.functional.embedding(torch.as_tensor(ids).long(), table, sparse=True)
        (rows - torch.as_tensor(targets)).square().sum().backward()
        optimizer.step()
    found = trained(SparseAdam(0.1, bias_correction="all"))
    np.testing.assert_allclose(found, table.detach().numpy(), rtol=2e-6, atol=2e-6)


def test_a_table_that_is_not_looked_up_stays_as_it_is():
    used, unused = SparseEmbedding(3, 2), SparseEmbedding(3, 2)
    for layer in (used, unused):
        layer.build(None)
    variables = [*used.trainable_variables, *unused.trainable_variables]
    before = unused.get_weights()[0]
    for optimizer in (SparseAdam(0.1), SparseAdagrad(0.1), SparseSGD(0.1)):
        optimizer.build(variables)
        _, gradients = value_and_grad(lambda: ops.sum(used(np.array([0, 1], "int32"))), variables)
        apply(optimizer, gradients, variables)
        np.testing.assert_array_equal(unused.get_weights()[0], before)
        assert int(optimizer.iterations) == 1


def test_counts_beyond_256_in_bfloat16():
    layer, optimizer = SparseEmbedding(3, 2, dtype="bfloat16"), SparseAdam(0.1)
    layer.build(None)
    optimizer.build(layer.trainable_variables)
    optimizer.updates[0].assign(np.full((3, 1), 256.0))
    _, gradients = value_and_grad(lambda: ops.sum(layer(np.array([1], "int32"))), layer.trainable_variables)
    apply(optimizer, gradients, layer.trainable_variables)
    np.testing.assert_array_equal(optimizer.updates[0].numpy().ravel(), [256, 257, 256])


def test_one_id_three_times_makes_one_step():
    """Keras' Adam on TensorFlow squares each of the rows before it adds them up: 1 + 9 in the place of 16."""
    layer, optimizer = SparseEmbedding(2, 1, "zeros"), SparseAdam(0.1)
    layer.build(None)
    optimizer.build(layer.trainable_variables)
    weights = ops.convert_to_tensor(np.array([[1.0], [3.0]], "float32"))
    _, gradients = value_and_grad(
        lambda: ops.sum(weights * layer(np.array([1, 1], "int32"))), layer.trainable_variables
    )
    apply(optimizer, gradients, layer.trainable_variables)
    np.testing.assert_allclose(optimizer._velocities[0].numpy()[1] / (1 - 0.999), 16.0, rtol=1e-4)


@pytest.mark.parametrize(
    "optimizer",
    [
        SparseAdam(0.2, 0.8, 0.9, 1e-5, "all"),
        SparseAdagrad(0.2, 0.3, 1e-5, row_wise=True),
        SparseSGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)),
    ],
)
def test_saved_and_made_again(optimizer):
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()


def test_other_weights_are_those_of_keras():
    """A dense layer behind the table is trained by Adam as usual."""
    found, inputs = {}, np.ones((3, 4), "float32")
    for name, optimizer in (("rows", SparseAdam(0.01)), ("keras", keras.optimizers.Adam(0.01))):
        dense = layers.Dense(2, kernel_initializer="ones")
        dense.build(inputs.shape)
        optimizer.build(dense.trainable_variables)
        for _ in range(3):
            _, gradients = value_and_grad(lambda d=dense: ops.sum(ops.square(d(inputs))), dense.trainable_variables)
            apply(optimizer, gradients, dense.trainable_variables)
        found[name] = dense.get_weights()[0]
    np.testing.assert_array_equal(found["rows"], found["keras"])


def test_refuses_several_devices(monkeypatch):
    optimizer = SparseSGD(0.1)
    monkeypatch.setattr(optimizer, "_distribution_strategy", SimpleNamespace(num_replicas_in_sync=2), raising=False)
    with pytest.raises(ValueError, match="`optimizer` must be used on one device"):
        trained(optimizer)


def test_refuses():
    with pytest.raises(ValueError, match="`bias_correction` must be one of 'row', 'all'"):
        SparseAdam(bias_correction="none")
    with pytest.raises(ValueError, match="`output_dim` must be an integer of at least 1"):
        SparseEmbedding(3, 0)
    with pytest.raises(ValueError, match="`input_dim` must be an integer of at least 1"):
        SparseEmbedding(2.5, 3)
    for optimizer in (SparseAdam, SparseAdagrad):
        with pytest.raises(ValueError, match="`epsilon` must be above 0"):
            optimizer(epsilon=-1.0)
    with pytest.raises(ValueError, match="`initial_accumulator_value` must be at least 0"):
        SparseAdagrad(initial_accumulator_value=-1.0)
    with pytest.raises(ValueError, match=r"`beta_1` must be in \(0, 1\)"):
        SparseAdam(beta_1=0.0)
    with pytest.raises(TypeError, match="clipnorm"):
        SparseAdam(clipnorm=1.0)
