"""What a case is: one part of Keras with arguments and inputs, on which backends should agree."""

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops


class Subject(NamedTuple):
    """A case that is ready to run.

    Attributes:
        function: Takes a dict of tensors, named as all arrays below; returns a
            nest of tensors.
        inputs: Dict from name to array; bfloat16 runs cast those of floats.
        weights: Dict from name to float array, never cast.
    """

    function: Callable[[dict[str, Any]], Any]
    inputs: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]


class Case(NamedTuple):
    """A row of a table.

    Attributes:
        name: String, unique.
        group: String, the table.
        make: Takes a `numpy.random.Generator`; returns the `Subject`, made under
            the precision of the run.
        quantity: String, what the outputs are: "forward", or "weights" after steps.
        precisions: Tuple of strings, in which it runs.
        gradient: Boolean, whether gradients are compared as well.
        compiled: Boolean, whether JAX may compile it.
        exact: Boolean, whether outputs must be equal to the bit.
    """

    name: str
    group: str
    make: Callable[[np.random.Generator], Subject]
    quantity: str = "forward"
    precisions: tuple[str, ...] = ("float64", "float32", "bfloat16")
    gradient: bool = True
    compiled: bool = True
    exact: bool = False

    def subject(self):
        """The `Subject`, with the same arrays in every run and on every backend."""
        return self.make(np.random.default_rng(self.seed()))

    def seed(self):
        """Seed Keras from the name, for what has no seed of its own; returns the seed."""
        seed = zlib.crc32(self.name.encode())
        keras.utils.set_random_seed(seed)
        return seed


def array_of(rng, given):
    """An input: a shape stands for normal numbers, an array for itself."""
    return rng.normal(size=given).astype("float32") if isinstance(given, tuple) else np.asarray(given)


def numbered(rng, inputs):
    """Dict of the inputs, by their position."""
    return {f"input {position}": array_of(rng, given) for position, given in enumerate(inputs)}


def op(name, function, *inputs, group="ops", **options):
    """A `Case` for `function`, which takes a tensor for each of `inputs`."""

    def make(rng):
        return Subject(lambda tensors: function(*tensors.values()), numbered(rng, inputs), {})

    return Case(name, group, make, **options)


def layer(name, build, *inputs, group="layers", spread=False, call=None, **options):
    """A `Case` for a layer: its outputs, the state it leaves, and gradients for inputs and weights.

    Args:
        name: String.
        build: Returns the layer.
        inputs: Shapes or arrays. Several are passed as a list.
        group: String, the table.
        spread: Boolean, whether several are passed one by one.
        call: Dict of further arguments of the call, such as `training`.
        options: Further fields of `Case`.
    """

    def make(rng):
        arrays = numbered(rng, inputs)

        def arguments(tensors):
            values = [tensors[name] for name in arrays]
            return values if spread or len(values) == 1 else [values]

        built = build()
        if not built.built:  # it makes its weights in its first call: one without numbers leaves its state as it is
            symbols = {name: keras.KerasTensor(array.shape, _dtype_of(array)) for name, array in arrays.items()}
            built(*arguments(symbols), **{k: v for k, v in (call or {}).items() if not isinstance(v, np.ndarray)})
        return _subject_of(built, arguments, arrays, rng, call or {})

    return Case(name, group, make, **options)


def _dtype_of(array):
    """The dtype of an input as a tensor: floats are of the precision of the run."""
    return keras.config.floatx() if array.dtype.kind == "f" else array.dtype.name


def _subject_of(built, arguments, arrays, rng, call):
    """The `Subject` of a layer that has its weights."""
    # Not what initialisers draw, which has cases of its own: no bias is 0 then, and no scale 1.
    weights = {
        f"{position} {weight.name}": (0.4 * rng.normal(size=weight.shape)).astype("float32")
        for position, weight in enumerate(built.trainable_variables)
    }
    state = [(variable, _state_of(variable, rng)) for variable in built.non_trainable_variables]

    def function(tensors):
        # Not `stateless_call`, which leaves mixed precision out.
        given = zip(built.trainable_variables, [tensors[name] for name in weights], strict=True)
        options = {name: ops.convert_to_tensor(v) if isinstance(v, np.ndarray) else v for name, v in call.items()}
        with keras.StatelessScope([*given, *state]) as scope:
            outputs = built(*arguments(tensors), **options)
        return outputs, [scope.get_current_value(variable) for variable, _ in state]

    return Subject(function, arrays, weights)


def _state_of(variable, rng):
    """Numbers above 0 for statistics, a variance among them; seeds and counters stay."""
    if not keras.backend.is_float_dtype(variable.dtype):
        return variable.value
    return ops.convert_to_tensor(rng.uniform(0.5, 1.5, variable.shape).astype("float32"), dtype=variable.dtype)
