"""Gradients of the rows that a batch looks up in a table: what a step costs depends on the batch, not on the table.

A table is a variable of shape (rows, dim) that `SparseEmbedding` marks by an attribute. `look_up` reads rows of it;
`value_and_grad` differentiates by what was read, and returns a `RowGradient` for the table; optimizers such as
`SparseAdam` update these rows alone. No array of the table's size is made on the way.
"""

import contextlib
import threading
from typing import Any, NamedTuple

import keras
from keras import ops


class Open(threading.local):
    """Where a thread notes what it looks up.

    Attributes:
        lookups: List of `Lookups`, of which the last one notes.
    """

    def __init__(self):
        self.lookups = []


OPEN = Open()


class RowGradient(NamedTuple):
    """The gradient of a table, zero in all rows but those that were looked up.

    Attributes:
        ids: Int32 tensor of shape `(n,)`, numbers of rows, in which one may come several times.
        rows: Float tensor of shape `(n, dim)`, what each lookup adds to the gradient of its row.
    """

    ids: Any
    rows: Any

    def summed(self):
        """A `RowGradient` sorted by id, whose rows are, at each place of an id, the sum over all its places.

        So the number of rows is known when a step is compiled, and what is written
        to a row several times is the same each time.
        """
        order = ops.argsort(self.ids)
        ids = ops.take(self.ids, order, axis=0)
        starts = ops.concatenate([ops.zeros_like(ids[:1]), ops.cast(ids[1:] != ids[:-1], "int32")])
        group = ops.cumsum(starts)  # (n,), 0, 0, 1, 2, 2, …
        sums = sum_by(group, ops.take(self.rows, order, axis=0), ops.shape(ids)[0])  # (n, dim)
        return RowGradient(ids, ops.take(sums, group, axis=0))

    def dense(self, num_rows):
        """The same as a tensor of the shape of the table, which has `num_rows` rows."""
        return sum_by(self.ids, self.rows, num_rows)


class Lookups:
    """What a loss function looks up in tables.

    Args:
        tables: List of `keras.Variable`, those that are differentiated by rows.
        watch: Function from rows that were read to rows that are differentiated by, a tensor of the same shape.
    """

    def __init__(self, tables, watch):
        self.tables, self.watch = tables, watch
        self.found = []  # (number of the table, ids, rows) of each lookup

    def note(self, table, ids, rows):
        """Note a lookup, and return its rows for further computation."""
        for number, known in enumerate(self.tables):
            if known is table:
                rows = self.watch(rows)
                self.found.append((number, ids, rows))
        return rows

    def ids(self):
        """List of the ids of each lookup."""
        return [ids for _, ids, _ in self.found]

    def rows(self):
        """List of the rows that are differentiated by."""
        return [rows for _, _, rows in self.found]

    def gradients(self, ids, slopes):
        """A list with a `RowGradient` for each table, from the ids and the gradients of the rows of each lookup."""
        pairs = [[] for _ in self.tables]
        for (number, _, rows), some, slope in zip(self.found, ids, slopes, strict=True):
            flat = ops.reshape(slope, (-1, rows.shape[-1]))
            pairs[number].append((ops.reshape(ops.cast(some, "int32"), (-1,)), flat))
        return [joined(found, table) for found, table in zip(pairs, self.tables, strict=True)]


def joined(pairs, table):
    """One `RowGradient` of several pairs of ids and rows."""
    if not pairs:
        return RowGradient(ops.zeros((0,), "int32"), ops.zeros((0, table.shape[-1]), table.dtype))
    ids, rows = zip(*pairs, strict=True)
    return RowGradient(*((ops.concatenate(parts, axis=0) if len(parts) > 1 else parts[0]) for parts in (ids, rows)))


@contextlib.contextmanager
def noting(lookups):
    """Context in which lookups are noted."""
    OPEN.lookups.append(lookups)
    try:
        yield lookups
    finally:
        OPEN.lookups.pop()


def noting_nothing():
    """Context of a training step, in which lookups are allowed, and noted only by a `value_and_grad` in it."""
    return noting(Lookups((), None))


def look_up(table, ids):
    """Rows of a table.

    Args:
        table: `keras.Variable` of shape `(rows, dim)`.
        ids: Integer tensor of any shape, in [0, rows).

    Returns:
        Tensor of shape `(…, dim)`; inside of `value_and_grad` the gradient of the table is noted by rows.
    """
    rows = read_rows(table, ids)
    return OPEN.lookups[-1].note(table, ids, rows) if is_open() else rows


def is_open():
    """Whether a training step that looks at rows is under way."""
    return bool(OPEN.lookups)


def is_table(variable):
    """Whether a variable is differentiated by rows."""
    return getattr(variable, "by_rows", False)


def sum_by(places, rows, number):
    """Tensor of shape `(number, dim)`, whose row `i` is the sum of the rows whose place is `i`."""
    if keras.config.backend() == "torch":  # where Keras 3.15 sums in float32, whatever the rows are
        return torch_add(rows.new_zeros((number, rows.shape[-1])), places, rows)
    return ops.segment_sum(rows, places, num_segments=number)


def read_rows(variable, ids):
    """Rows of a variable, read without a copy of the whole."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.gather(getattr(variable, "value", variable), ids)  # of the variable itself
    if keras.config.backend() == "torch":
        import torch

        return torch.nn.functional.embedding(ops.cast(ids, "int64"), variable.value)  # quicker than an index
    return ops.take(variable.value, jax_fetched(variable, ids), axis=0)


def jax_fetched(variable, ids):
    """The same ids, known only after one number of each cache line of their rows was read.

    XLA copies rows number by number, so that a processor waits for the memory of one row after the other. Reading
    little of each, it waits for many at once: in tables beyond its caches that halves what a step takes.
    """
    line = 64 // variable.value.dtype.itemsize  # numbers in a cache line
    some = variable.value[ids[..., None], ops.arange(0, variable.shape[-1], line)]  # (…, lines)
    late = ops.cast(ops.any(some > 0, axis=-1), "int32")  # 0 or 1, which says nothing, but is not known before
    return ops.maximum(ops.cast(ids, "int32"), -late)  # ids are at least 0


def write_rows(variable, ids, rows):
    """Put rows into a variable, in place; an id may come several times with the same row."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        getattr(variable, "value", variable).scatter_update(tf.IndexedSlices(rows, ids))
    elif keras.config.backend() == "torch":
        variable.value.detach().index_copy_(0, ops.cast(ids, "int64"), rows)
    else:
        variable.assign(variable.value.at[ids].set(rows, indices_are_sorted=True))


def add_rows(variable, ids, rows):
    """Add to rows of a variable, in place; where an id comes several times, all of its rows are added."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        getattr(variable, "value", variable).scatter_add(tf.IndexedSlices(rows, ids))
    elif keras.config.backend() == "torch":
        torch_add(variable.value.detach(), ids, rows)
    else:
        variable.assign(variable.value.at[ids].add(rows))


def torch_add(table, ids, rows):
    """Add to rows of a tensor of PyTorch, in place, and return it."""
    places = ops.cast(ids, "int64")[:, None].expand(-1, rows.shape[-1])
    return table.scatter_add_(0, places, rows)  # three times as quick as `index_add_`
