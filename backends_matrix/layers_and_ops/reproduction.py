"""The programs of `known_differences.toml`: complete, as anyone can paste them, and run."""

import contextlib
import io

HEADER = """\
import keras
import numpy as np
from keras import layers, ops
"""
SHOW = '''

def show(x):
    """Print a tensor, rounded."""
    print(np.round(ops.convert_to_numpy(x).astype("float64"), 3).tolist())
'''
GRADIENT = '''

class Function(layers.Layer):
    def __init__(self, function, x):
        super().__init__()
        self.function = function
        self.x = self.add_weight(shape=x.shape, initializer="zeros")
        self.x.assign(x)

    def call(self, inputs):
        return ops.reshape(ops.sum(self.function(ops.convert_to_tensor(self.x))), (1, 1))


def gradient(function, x):
    """Of the sum of function(x): what a step of plain SGD subtracts, on any backend."""
    x = np.array(x, "float32")
    model = keras.Sequential([keras.Input((1,)), Function(function, x)])
    model.compile(keras.optimizers.SGD(1.0), loss=lambda true, predicted: ops.sum(predicted), run_eagerly=True)
    model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
    return (x - model.get_weights()[0]).astype("float64").round(3).tolist()
'''


def program(difference):
    """The whole program of a `Difference`, imports and all."""
    body = difference.reproduction.strip() + "\n"
    helpers = "".join(text for name, text in (("show(", SHOW), ("gradient(", GRADIENT)) if name in body)
    return HEADER + helpers + ("\n\n" if helpers or body.startswith("def ") else "\n") + body


def run(difference):
    """Run it in this process; returns what it prints, and after it "raises …" with the class of an error."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(program(difference), "<reproduction>", "exec"), {"__name__": "reproduction"})
    except Exception as error:
        print(f"raises {type(error).__name__}", file=printed)
    return printed.getvalue().strip()
