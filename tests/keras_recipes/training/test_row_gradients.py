import threading

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_recipes.layers import Embedding, SparseEmbedding
from keras_recipes.training import value_and_grad
from keras_recipes.training.row_gradients import (
    Lookups,
    RowGradient,
    add_rows,
    is_open,
    look_up,
    noting,
    read_rows,
    write_rows,
)

IDS = np.array([[3, 1], [3, 3], [0, 1]], "int32")


def array(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def test_sums_what_an_id_gets_at_all_its_places():
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    gradient = RowGradient(ops.convert_to_tensor(IDS.ravel()), ops.convert_to_tensor(rows))
    expected = np.zeros((5, 4), "float32")
    np.add.at(expected, IDS.ravel(), rows)
    np.testing.assert_allclose(array(gradient.dense(5)), expected, rtol=1e-6)
    ids, summed = map(array, gradient.summed())
    np.testing.assert_array_equal(ids, [0, 1, 1, 3, 3, 3])
    np.testing.assert_allclose(summed, expected[ids], rtol=1e-6)


@pytest.mark.parametrize("lookups", [1, 2])
def test_the_gradient_is_that_of_the_whole_table(lookups):
    """Of a table and a dense weight, of one lookup or of several."""
    sparse, whole, dense = SparseEmbedding(5, 4), Embedding(5, 4), layers.Dense(1)
    parts = [IDS, IDS[:2, :1]][:lookups]

    def loss_of(embedding):
        return lambda: sum(ops.sum(ops.square(dense(embedding(part)))) for part in parts)

    for layer in (sparse, whole):
        dense(layer(IDS))
    whole.set_weights(sparse.get_weights())
    (value, found), (same, expected) = (
        value_and_grad(loss_of(layer), [*dense.trainable_variables, *layer.trainable_variables])
        for layer in (sparse, whole)
    )
    assert isinstance(found[2], RowGradient)
    assert found[2].ids.shape[0] == sum(part.size for part in parts)
    np.testing.assert_allclose(array(value), array(same), rtol=1e-6)
    for one, other in zip([*found[:2], found[2].dense(5)], expected, strict=True):
        np.testing.assert_allclose(array(one), array(other), rtol=1e-5, atol=1e-7)
    assert not is_open()


def test_a_table_that_is_not_looked_up_has_an_empty_gradient():
    used, unused = SparseEmbedding(5, 2), SparseEmbedding(5, 3)
    for layer in (used, unused):
        layer.build(None)
    _, (one, other) = value_and_grad(
        lambda: ops.sum(used(IDS)), [*used.trainable_variables, *unused.trainable_variables]
    )
    assert tuple(one.rows.shape) == (6, 2)
    assert tuple(other.rows.shape) == (0, 3)
    with pytest.raises(ValueError, match="does not depend on"):
        value_and_grad(lambda: ops.sum(ops.ones(3)), unused.trainable_variables)


def test_rows_are_read_and_written():
    table = keras.Variable(np.arange(12, dtype="float32").reshape(4, 3))
    ids = np.array([0, 2, 2], "int32")
    np.testing.assert_array_equal(array(look_up(table, ids)), array(table)[ids])
    rows = ops.convert_to_tensor(np.array([[8, 8, 8], [7, 7, 7], [7, 7, 7]], "float32"))
    write_rows(table, ops.convert_to_tensor(ids), rows)
    np.testing.assert_array_equal(array(table), [[8, 8, 8], [3, 4, 5], [7, 7, 7], [9, 10, 11]])
    np.testing.assert_array_equal(array(read_rows(table, ids)), array(rows))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("dim", [1, 16, 40])
def test_rows_are_read_whatever_they_hold(dim, dtype):
    """What is read first, of each cache line, decides nothing: above or below 0, or no number."""
    rows = np.random.default_rng(0).normal(size=(6, dim)).round(1).astype("float32")
    rows[:4] = np.abs(rows[0]) + 1, -np.abs(rows[1]) - 1, np.zeros(dim), np.full(dim, np.nan)
    table = keras.Variable(ops.cast(rows, dtype))
    wanted = array(ops.cast(table.value, "float32"))
    for ids in (np.arange(6), np.array([[5, 1], [0, 0]]), np.array(3)):
        found = read_rows(table, ops.convert_to_tensor(ids.astype("int32")))
        np.testing.assert_array_equal(array(ops.cast(found, "float32")), wanted[ids])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_all_rows_of_an_id_are_added(dtype):
    table = keras.Variable(np.arange(12, dtype="float32").reshape(4, 3), dtype=dtype)
    ids = ops.convert_to_tensor(np.array([2, 0, 2], "int32"))
    add_rows(table, ids, ops.convert_to_tensor(np.array([[8, 8, 8], [7, 7, 7], [0.5, 1, 2]]), dtype))
    expected = [[7, 8, 9], [3, 4, 5], [14.5, 16, 18], [9, 10, 11]]
    np.testing.assert_array_equal(array(ops.cast(table.value, "float32")), expected)


def test_no_lookup_makes_no_sum():
    """Where the number of rows is known only when a step runs, and is 0."""
    empty = RowGradient(ops.zeros((0,), "int32"), ops.zeros((0, 3)))
    ids, rows = empty.summed()
    assert (tuple(ids.shape), tuple(rows.shape)) == ((0,), (0, 3))


@pytest.mark.skipif(keras.config.backend() == "jax", reason="has no double precision unless it is asked for")
def test_double_precision_is_kept():
    rows = ops.convert_to_tensor(np.array([[1e-12], [1.0 + 1e-12], [1e-12]]), "float64")
    gradient = RowGradient(ops.convert_to_tensor(np.array([2, 1, 2], "int32")), rows)
    np.testing.assert_array_equal(array(gradient.summed().rows), [[1.0 + 1e-12], [2e-12], [2e-12]])
    np.testing.assert_array_equal(array(gradient.dense(3)), [[0.0], [1.0 + 1e-12], [2e-12]])


def test_threads_note_apart():
    """A lookup of one thread is no part of what another one differentiates."""
    found = []
    with noting(Lookups((), None)):
        thread = threading.Thread(target=lambda: found.append(is_open()))
        thread.start()
        thread.join()
        assert is_open()
    assert found == [False]


@pytest.mark.skipif(keras.config.backend() != "torch", reason="only PyTorch differentiates by what lies about")
def test_a_lookup_that_nobody_notes_is_differentiated_as_usual():
    table = SparseEmbedding(5, 2)
    table.build(None)
    table(IDS).sum().backward()
    np.testing.assert_array_equal(array(table.embeddings.value.grad)[:, 0], [1, 2, 0, 3, 0])
