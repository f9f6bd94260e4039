"""Gradients where a function has a kink, a tie or no derivative: at those points only."""

import numpy as np
from keras import ops

from backends_matrix.layers_and_ops.case import op

KINKS = {
    "abs": [0.0], "celu": [0.0], "elu": [0.0], "hard_shrink": [-0.5, 0.5], "hard_sigmoid": [-3.0, 3.0],
    "hard_silu": [-3.0, 0.0, 3.0], "hard_tanh": [-1.0, 1.0], "leaky_relu": [0.0], "relu": [0.0], "relu6": [0.0, 6.0],
    "selu": [0.0], "sign": [0.0], "soft_shrink": [-0.5, 0.5], "sparse_plus": [-1.0, 1.0],
    "sparse_sigmoid": [-1.0, 1.0], "sqrt": [0.0], "softsign": [0.0], "log": [0.0], "sinc": [0.0],
}  # fmt: skip
EQUAL = np.array([1.0, 1.0, 2.0], "float32")


def cases():
    """List of `Case`."""
    found = [op(f"{name} at its kink", getattr(ops, name), np.array(x, "float32"), **OPTIONS)
             for name, x in KINKS.items()]  # fmt: skip
    rows = [
        ("maximum of equals", ops.maximum, EQUAL, EQUAL),
        ("minimum of equals", ops.minimum, EQUAL, EQUAL),
        ("max of equals", ops.max, EQUAL),
        ("median of equals", ops.median, EQUAL),
        ("sort of equals", ops.sort, EQUAL),
        ("clip at its bounds", lambda x: ops.clip(x, 0.0, 1.0), np.array([0.0, 1.0], "float32")),
        ("cumprod with a zero", ops.cumprod, np.array([1.0, 0.0, 3.0], "float32")),
        ("prod with a zero", ops.prod, np.array([2.0, 0.0, 3.0], "float32")),
        ("norm at 0", ops.norm, np.zeros(3, "float32")),
        ("std of a constant", ops.std, np.ones(3, "float32")),
        ("normalize at 0", ops.normalize, np.zeros((1, 3), "float32")),
        ("arctan2 at 0", ops.arctan2, np.zeros(1, "float32"), np.zeros(1, "float32")),
        ("hypot at 0", ops.hypot, np.zeros(1, "float32"), np.zeros(1, "float32")),
        ("power at 0", ops.power, np.zeros(2, "float32"), np.array([1.0, 2.0], "float32")),
        ("logaddexp of -inf", ops.logaddexp, np.full(1, -np.inf, "float32"), np.full(1, -np.inf, "float32")),
        ("max_pool of ties", lambda x: ops.max_pool(x, 2, 2), np.ones((1, 4, 4, 1), "float32")),
        ("where that hides nan", lambda x: ops.where(x > 0, ops.sqrt(x), 0.0), np.array([-1.0, 4.0], "float32")),
    ]
    return [*found, *(op(name, function, *inputs, **OPTIONS) for name, function, *inputs in rows)]


OPTIONS = {"group": "gradients", "precisions": ("float64", "float32")}
