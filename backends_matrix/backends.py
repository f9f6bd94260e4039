"""The backends: how a process gets one, and what it runs on.

A new backend is an extra in `pyproject.toml` and an entry in `device_of` here.
"""

import importlib.util
import os

from keras_recipes.backend import backends

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def installed_backends():
    """Names of the backends that this Python has, as a list, in the order of `pyproject.toml`."""
    return [name for name in backends() if importlib.util.find_spec(name)]


def environment_for(backend, precision, threads, gpu=False):
    """Environment variables of a process that computes on a backend.

    Args:
        backend: String, name of the backend.
        precision: String, "float32" or "float64" for numbers to compare: then
            GPUs compute in full float32, without TF32; "native" for timing.
        threads: Integer, how many threads it may compute with.
        gpu: Boolean, whether it computes on a GPU, if there is one, or on the CPU.

    Returns:
        Dict of strings, all of this process's variables included.
    """
    variables: dict[str, str] = dict.fromkeys(THREAD_VARIABLES, str(threads))
    variables["TF_NUM_INTEROP_THREADS"] = "1"
    variables["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    if not gpu:
        variables |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu"}
    if precision != "native":
        variables |= {"NVIDIA_TF32_OVERRIDE": "0", "JAX_DEFAULT_MATMUL_PRECISION": "highest"}
    if precision == "float64":
        variables["JAX_ENABLE_X64"] = "1"
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variables, "KERAS_BACKEND": backend}


def device_of(backend):
    """What this process's backend computes on, such as "cpu" or the name of a GPU."""
    if backend == "jax":
        import jax

        return jax.devices()[0].device_kind
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu") if gpus else "cpu"
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    raise ValueError(f"`backend` must be one of {backends()}, received {backend!r}")


def compiled(backend, function):
    """The function of arrays, compiled where a backend is slow without: on JAX."""
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function


def with_gradients(backend, function, arrays):
    """Run a function of tensors, and differentiate what it returns.

    Args:
        backend: String, name of this process's backend.
        function: Takes a list of float tensors; returns a scalar tensor, to
            differentiate, and a list of tensors.
        arrays: List of arrays, or of tensors that this backend is tracing.

    Returns:
        Two lists of tensors: what `function` lists, and a gradient of the
        scalar for each array, None where the scalar does not depend on it.
    """
    if backend == "jax":
        import jax

        tensors = [jax.numpy.asarray(array) for array in arrays]
        (_, outputs), gradients = jax.value_and_grad(function, has_aux=True)(tensors)
        return outputs, gradients
    if backend == "tensorflow":
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            scalar, outputs = function(tensors)
        return outputs, tape.gradient(scalar, tensors)
    import torch

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    scalar, outputs = function(tensors)
    if not scalar.requires_grad:  # it depends on none of them
        return outputs, [None] * len(arrays)
    return outputs, torch.autograd.grad(scalar, tensors, allow_unused=True)
