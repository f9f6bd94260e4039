"""Inputs that an operation does not foresee: ids out of range, nan, division by 0, casts that do not fit."""

import numpy as np
from keras import layers, ops

from backends_matrix.layers_and_ops.case import layer, op

OPTIONS = {"group": "undefined", "precisions": ("float32",), "gradient": False, "compiled": False}
NAN, INF = float("nan"), float("inf")
LINE = np.arange(5, dtype="float32")


def whole(*numbers):
    """An int32 tensor."""
    return ops.convert_to_tensor(np.array(numbers, "int32"))


def cases():
    """List of `Case`."""
    logits = np.zeros((2, 3), "float32")
    rows = [
        ("take out of range", lambda x: ops.take(x, whole(7)), LINE),
        ("take_along_axis out of range", lambda x: ops.take_along_axis(x, whole(9), axis=0), LINE),
        ("one_hot out of range", lambda: ops.one_hot(whole(5), 3)),
        ("slice out of range", lambda x: ops.slice(x, (3,), (4,)), LINE),
        ("segment_sum out of range", lambda x: ops.segment_sum(x, whole(0, 1, 7, 1, 0), 2), LINE),
        ("segment_max of an empty segment", lambda x: ops.segment_max(x, whole(0, 2), 3), LINE[:2]),
        ("sparse_categorical_crossentropy label out of range",
         lambda x: ops.sparse_categorical_crossentropy(whole(9, -1), x, from_logits=True), logits),
        ("step backwards", lambda x: x[::-1], LINE),
        ("max_pool without strides", lambda x: ops.max_pool(x, 2), (1, 4, 4, 1)),
        ("average_pool without strides", lambda x: ops.average_pool(x, 2), (1, 4, 4, 1)),
        ("softmax of integers", lambda: ops.softmax(whole(1, 2))),
        ("integer times float", lambda: whole(2) * 2.0),
        ("bool times float", lambda: ops.convert_to_tensor(np.array([True])) * 2.0),
        ("integer floor_divide by 0", lambda: ops.floor_divide(whole(5), whole(0))),
        ("floor_divide of inf", lambda x: ops.floor_divide(x, 2.0), np.array([INF], "float32")),
        ("cast that does not fit int32", lambda x: ops.cast(x, "int32"), np.array([1e20, -1e20, NAN], "float32")),
        ("cast that does not fit uint8", lambda x: ops.cast(x, "uint8"), np.array([300.0, -1.5], "float32")),
        ("sort of nan", ops.sort, np.array([1.0, NAN, 3.0, 2.0], "float32")),
        ("argmax of nan", ops.argmax, np.array([1.0, NAN, 3.0, 2.0], "float32")),
        ("sign of nan", ops.sign, np.array([NAN], "float32")),
        ("max of nan", ops.max, np.array([1.0, NAN], "float32")),
        ("relu of nan", ops.relu, np.array([NAN, -1.0], "float32")),
        ("cholesky of a matrix that is not symmetric", ops.cholesky, np.array([[4.0, 2.0], [0.0, 3.0]], "float32")),
        ("inv of zeros", ops.inv, np.zeros((2, 2), "float32")),
        ("argmax of signed zeros", ops.argmax, np.array([-0.0, 0.0], "float32")),
        ("max of nothing", lambda: ops.max(ops.zeros((0, 3)), axis=0, initial=-1.0)),
        ("ctc_loss without an alignment", lambda x: ops.ctc_loss(
            ops.convert_to_tensor(np.array([[1, 1, 1]], "int32")), x, whole(3), whole(3)),
         np.zeros((1, 3, 5), "float32")),
        ("lu_factor pivots", lambda x: ops.lu_factor(x)[1], np.array([[0.0, 1.0], [1.0, 0.0]], "float32")),
    ]  # fmt: skip
    found = [op(name, function, *inputs, **OPTIONS) for name, function, *inputs in rows]
    far = np.array([[0, 7]], "int32")
    return [*found, layer("Embedding out of range", lambda: Loaded(), far, **OPTIONS)]


class Loaded(layers.Embedding):
    """An Embedding of three rows whose weights exist before its first call."""

    def __init__(self):
        super().__init__(3, 2)
        self.build()
