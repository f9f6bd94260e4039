"""Makes ordinary Keras programs draw the same random bits on every backend.

All of Keras looks its random functions up as attributes of one module of the
backend, so that replacing them there reaches initializers, dropout and noise
layers, recurrent and attention dropout, and preprocessing layers. Three more
places draw in their own way: the global seed sequence overflows differently,
`Orthogonal` takes its matrix through the backend's QR, and `fit(shuffle=True)`
asks NumPy, TensorFlow or torch for the order of the rows.

Not reached: `keras.ops.image.elastic_transform`, whose algorithm differs between
backends as well, `AugMix`, which chooses with Python's `random`, and the layers inside a
`tf.data` pipeline when the backend is not TensorFlow. `bypasses.py` reports these by name.
`RandAugment` draws the same everywhere; its images differ on torch, because
`RandomBrightness` there adds to its input in place (`test_upstream.py` shows it).
"""

import contextlib
import copy
import functools
import importlib
import math
import weakref
from unittest import mock

import keras
import numpy as np

from backends_matrix import distributions
from backends_matrix.keras_internals import find, missing_paths, require_none_missing

ARRAY_ADAPTER = "keras.src.trainers.data_adapters.array_data_adapter:ArrayDataAdapter"
CONVERT_TO_SLICEABLE = "keras.src.trainers.data_adapters.array_slicing:convert_to_sliceable"
EPOCH_ITERATOR = "keras.src.trainers.epoch_iterator:EpochIterator"
GET_RANDOM_SEED = "keras.src.utils.rng_utils:get_random_seed"
TENSORFLOW_EPOCH_ITERATOR = "keras.src.backend.tensorflow.trainer:TFEpochIterator"

ADAPTER_METHODS = ("get_jax_iterator", "get_numpy_iterator", "get_tf_dataset", "get_torch_dataloader")
ADAPTER_STATE = ("_batch_size", "_inputs", "_num_samples", "_shuffle")


def missing_attributes():
    """Name the private parts of Keras that `portable_random` needs and this Keras does not have.

    Returns:
        list of str, `module:attribute`; empty if all is well.
    """
    paths = [f"{_random_module_name()}:{name}" for name in distributions.NAMES]
    paths += [distributions.DRAW_SEED, CONVERT_TO_SLICEABLE, GET_RANDOM_SEED]
    paths += ["keras:random.SeedGenerator.next", "keras:initializers.Orthogonal.__call__"]
    paths += [f"{ARRAY_ADAPTER}.{name}" for name in ADAPTER_METHODS]
    paths += [f"{EPOCH_ITERATOR}.reset"]
    if keras.backend.backend() == "tensorflow":
        paths += [f"{TENSORFLOW_EPOCH_ITERATOR}._get_iterator"]
    missing = missing_paths(paths)
    if not missing_paths([ARRAY_ADAPTER]):
        adapter = find(ARRAY_ADAPTER)(np.zeros((1, 1), "float32"))
        missing += [f"{ARRAY_ADAPTER}().{name}" for name in ADAPTER_STATE if not hasattr(adapter, name)]
    return missing


@contextlib.contextmanager
def portable_random():
    """Make `keras.random`, and all of Keras that draws, give the same bits on every backend.

    Works eagerly, under `jax.jit` and inside `tf.function`. Call
    `keras.utils.set_random_seed` inside the context or before it, as usual. A
    function that was traced inside keeps these random numbers after the context,
    one that was traced outside never gets them: build and train a model inside.

    The order of rows in `fit(shuffle=True)` on arrays is a pure function of that
    seed (0 if none was set) and the epoch; every `fit` starts from the first order.

    Yields:
        None. On leaving, also by an exception, Keras is as it was before.

    Raises:
        RuntimeError: if this Keras lacks a private part that is needed; names it.
    """
    require_none_missing(missing_attributes(), "portable_random()")
    with contextlib.ExitStack() as stack:
        for target, name, replacement in [*_random_functions(), *_fit_functions()]:
            stack.enter_context(mock.patch.object(target, name, replacement))
        yield


def _random_functions():
    """Yield (object, attribute, replacement) for everything that draws random numbers."""
    random_module = importlib.import_module(_random_module_name())
    for name in distributions.NAMES:
        yield random_module, name, getattr(distributions, name)
    generator, orthogonal = keras.random.SeedGenerator, keras.initializers.Orthogonal
    yield generator, "next", _always_ordered(generator.next)
    yield orthogonal, "__call__", _orthogonal_on_host(orthogonal.__call__)


def _random_module_name():
    return f"keras.src.backend.{keras.backend.backend()}.random"


def _always_ordered(original):
    @functools.wraps(original)
    def next_in_order(generator, ordered=True):
        # The unordered sequence multiplies, and overflows differently in uint32, int32 and int64.
        return original(generator, ordered=True)

    return next_in_order


def _orthogonal_on_host(original):
    @functools.wraps(original)
    def orthogonal(initializer, shape, dtype=None):
        if len(shape) < 2:
            return original(initializer, shape, dtype)  # which raises
        rows, columns = math.prod(shape[:-1]), shape[-1]
        generator = _host_generator(*_seed_words(initializer.seed))
        gaussian = generator.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(gaussian)
        q = q * np.sign(np.diag(r))
        q = q if rows >= columns else q.T
        # Rounded to float32 so that libraries for linear algebra agree, and float64 runs start alike.
        kernel = (initializer.gain * q.reshape(shape)).astype("float32")
        return keras.ops.convert_to_tensor(kernel, dtype=dtype or keras.config.floatx())

    return orthogonal


def _seed_words(seed):
    """Two Python integers from the seed of an initializer, also while a backend is tracing."""
    if isinstance(seed, int):
        return seed, seed >> 32
    return tuple(int(word) for word in keras.ops.convert_to_numpy(find(distributions.DRAW_SEED)(seed)))


def _host_generator(*words):
    """NumPy's frozen generator: its numbers never change between versions, by NEP 19."""
    return np.random.RandomState([word & 0xFFFFFFFF for word in words])


def _fit_functions():
    """Yield (object, attribute, replacement) for the order of rows in `fit(shuffle=True)`."""
    passes = weakref.WeakKeyDictionary()  # data adapter -> how often it was asked for its rows
    adapter_class, epoch_iterator = find(ARRAY_ADAPTER), find(EPOCH_ITERATOR)
    for name in ADAPTER_METHODS:
        yield adapter_class, name, _from_ordered_rows(getattr(adapter_class, name), passes)
    yield epoch_iterator, "reset", _forgetting_passes(epoch_iterator.reset, passes)
    if keras.backend.backend() == "tensorflow":
        iterator_class = find(TENSORFLOW_EPOCH_ITERATOR)
        yield iterator_class, "_get_iterator", _with_new_dataset(iterator_class._get_iterator)


def _from_ordered_rows(original, passes):
    """Let a data adapter read rows that were put in order, instead of shuffling by itself."""

    @functools.wraps(original)
    def read(adapter):
        if not adapter._shuffle:
            return original(adapter)
        # Keras asks at the start of an epoch and once more, in vain, at its end (for
        # epochs that share one pass). All backends ask alike, so it is enough to count.
        number = passes.get(adapter, 0)
        passes[adapter] = number + 1
        order = _order_of_rows(adapter, number)
        sliceables = find(CONVERT_TO_SLICEABLE)(adapter._inputs)
        ordered = copy.copy(adapter)
        ordered._inputs = keras.tree.map_structure(lambda rows: rows[order], sliceables, none_is_leaf=False)
        ordered._shuffle = False
        return original(ordered)

    return read


def _order_of_rows(adapter, number):
    """NumPy int64 vector: the order of all rows, or of those within each batch for shuffle="batch"."""
    generator = _host_generator(find(GET_RANDOM_SEED)() or 0, number)
    order = generator.permutation(adapter._num_samples)
    if adapter._shuffle != "batch":
        return order
    return np.lexsort((order, np.arange(len(order)) // adapter._batch_size))


def _forgetting_passes(original, passes):
    """`fit` resets its iterator after it has taken a batch to build the model: count from there."""

    @functools.wraps(original)
    def reset(iterator):
        passes.pop(iterator.data_adapter, None)
        return original(iterator)

    return reset


def _with_new_dataset(original):
    """TensorFlow reads one dataset in every epoch; an order made in NumPy needs a new one for each."""

    @functools.wraps(original)
    def get_iterator(iterator):
        adapter = iterator.data_adapter
        if not (isinstance(adapter, find(ARRAY_ADAPTER)) and adapter._shuffle):
            return original(iterator)
        return iterator._distribute_strategy.experimental_distribute_dataset(adapter.get_tf_dataset())

    return get_iterator
