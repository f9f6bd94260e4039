"""The backends: how a process gets one, and what it runs on.

A new backend is an extra in `pyproject.toml` and an entry in `device_of` here.
"""

import importlib.metadata
import importlib.util
import os

from keras_recipes.backend import backends

# From the first to below the second: what tests/backends_matrix/test_canary.py and its like pass with.
SUPPORTED_KERAS = "3.15", "3.16"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def installed_backends():
    """Names of the backends that this Python has, as a list, in the order of `pyproject.toml`."""
    return [name for name in backends() if importlib.util.find_spec(name)]


def require_supported_keras(version=None):
    """Stop before anything runs on a Keras whose private parts nobody has looked at.

    Args:
        version: String, the version of Keras; None for the one that is installed.

    Raises:
        SystemExit: If it is not supported; says which versions are.
    """
    version = version or importlib.metadata.version("keras")
    first, end = (as_numbers(bound) for bound in SUPPORTED_KERAS)
    if not first <= as_numbers(version) < end:
        raise SystemExit(
            "The matrix replaces private parts of Keras, and is tested with "
            f"keras>={SUPPORTED_KERAS[0]},<{SUPPORTED_KERAS[1]}; received Keras {version}. Install such a one, or see "
            "in tests/backends_matrix/test_canary.py what has to be looked at."
        )


def as_numbers(version):
    """The first two numbers of a version as a tuple."""
    return tuple(int(number) for number in version.split(".")[:2])


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
    if backend == "jax" and precision == "float64":
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


def pin_to_cores(count):
    """Let this process use so many cores only: for frameworks that take their number of threads from there."""
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def wait_for_device(backend):
    """Return when the device has done all that it was given."""
    if backend == "jax":
        import jax

        jax.block_until_ready(jax.device_put(0.0) + 1)  # a device takes its work in order
    if backend == "tensorflow":
        import tensorflow as tf

        tf.test.experimental.sync_devices()
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()


def device_memory(backend):
    """Bytes of the device's own memory that this process held at most; None on a CPU."""
    if backend == "jax":
        import jax

        return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] if gpus else None
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


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
