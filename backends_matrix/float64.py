"""Makes Keras compute in real float64, as the reference that no rounding disturbs.

With `set_floatx("float64")` alone Keras still demotes results to float32: its
promotion table maps float64 to float32 on JAX and torch (matrix products,
variances, cumulative sums), and on TensorFlow Python floats go through float32:
`ops.cast(0.999, "float64")` is 0.9990000128746033, which spoils Adam's moments.

What stays in float32 on TensorFlow, because TensorFlow itself computes it so:
the constants of gelu (2e-9) and leaky_relu (4e-9), and resized images (6e-7).
"""

import contextlib
import functools
import sys
from unittest import mock

import keras
import numpy as np

from backends_matrix.keras_internals import find, missing_paths, require_none_missing

DEMOTIONS = "keras.src.backend.common.dtypes:BIT64_TO_BIT32_DTYPE"
TENSORFLOW_CAST = "keras.src.backend.tensorflow.core:cast"
TENSORFLOW_CONVERT = "keras.src.backend.tensorflow.core:convert_to_tensor"


def missing_attributes():
    """Name the private parts of Keras that `real_float64` needs and this Keras does not have.

    Returns:
        list of str, `module:attribute`; empty if all is well.
    """
    paths = [DEMOTIONS]
    if keras.backend.backend() == "tensorflow":
        paths += [TENSORFLOW_CAST, TENSORFLOW_CONVERT]
    missing = missing_paths(paths)
    if not missing and "float64" not in find(DEMOTIONS):
        missing = [f"{DEMOTIONS}['float64']"]
    return missing


@contextlib.contextmanager
def real_float64():
    """Compute in float64 throughout: floatx, dtype policy, promotion and constants.

    Layers, optimizers and metrics must be created inside the context.

    Yields:
        None. On leaving, also by an exception, Keras is as it was before.

    Raises:
        RuntimeError: if this Keras lacks a private part that is needed (names it), or if the
            backend makes float32 of float64 arrays: JAX does unless the process was started
            with JAX_ENABLE_X64=1.
    """
    require_none_missing(missing_attributes(), "real_float64()")
    _require_float64_arrays()
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(find(DEMOTIONS), float64="float64", complex128="complex128"))
        if keras.backend.backend() == "tensorflow":
            _keep_python_floats_exact(stack)
        if keras.backend.backend() == "torch":
            _let_convolutions_have_one_filter(stack)
        stack.callback(keras.config.set_dtype_policy, keras.config.dtype_policy())
        stack.callback(keras.config.set_floatx, keras.config.floatx())
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        yield


def _require_float64_arrays():
    array = keras.ops.convert_to_tensor(np.zeros((), "float64"))
    dtype = keras.backend.standardize_dtype(array.dtype)
    if dtype != "float64":
        raise RuntimeError(
            f"real_float64() needs 64-bit arrays, but the {keras.backend.backend()} backend made "
            f"{dtype} of float64. Start the process with JAX_ENABLE_X64=1 in its environment."
        )


def _keep_python_floats_exact(stack):
    """Take Python floats to float64 without the stop in float32 that TensorFlow makes."""
    original_cast, original_convert = find(TENSORFLOW_CAST), find(TENSORFLOW_CONVERT)

    @functools.wraps(original_cast)
    def cast(x, dtype):
        if isinstance(x, float) and keras.backend.standardize_dtype(dtype) == "float64":
            return original_convert(x, dtype="float64")
        return original_cast(x, dtype)

    @functools.wraps(original_convert)
    def convert_to_tensor(x, dtype=None, **options):
        if isinstance(x, float) and dtype is None:
            dtype = "float64"
        return original_convert(x, dtype=dtype, **options)

    _replace_everywhere(stack, "cast", original_cast, cast)
    _replace_everywhere(stack, "convert_to_tensor", original_convert, convert_to_tensor)


def _let_convolutions_have_one_filter(stack):
    """Lay kernels out anew: PyTorch's float64 convolution refuses the gradient of one with a single filter."""
    functional = sys.modules["torch.nn.functional"]
    convolve = functional.conv2d

    @functools.wraps(convolve)
    def conv2d(inputs, weight, *args, **kwargs):
        return convolve(inputs, weight.contiguous(), *args, **kwargs)

    stack.enter_context(mock.patch.object(functional, "conv2d", conv2d))


def _replace_everywhere(stack, name, original, replacement):
    """Replace a function in every module of Keras that has imported it by name."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("keras.") and vars(module).get(name) is original:
            stack.enter_context(mock.patch.object(module, name, replacement))
