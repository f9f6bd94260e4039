"""The ten functions of `keras.random`, drawn from Threefry: the same numbers on every backend.

Signatures and meaning are those of `keras.random`, save for two things. Values
are computed in float32 and then cast, so that runs in float64 or bfloat16 see
the same numbers (a uniform number in bfloat16 may be rounded up to `maxval`).
And `shuffle` moves whole slices along the axis on every backend, which JAX and
torch do not do by themselves.

`seed` is an int, a `keras.random.SeedGenerator`, its state (int tensor of shape
(2,)), or None for the global generator.
"""

import keras
import numpy as np
from keras import ops

from backends_matrix import threefry
from backends_matrix.keras_internals import find

NAMES = (
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
)
DRAW_SEED = "keras.src.random.seed_generator:draw_seed"
FLOAT32_MAX = float(np.finfo("float32").max)
GAMMA_TRIES = 6  # a try fails with probability 0.05 at most: all six with 1.6e-8
GAMMA_STREAMS = 1 + 2 * GAMMA_TRIES  # what one gamma draw uses up


def key_from_seed(seed):
    """Derive the Threefry key of a seed; the int n and a fresh `SeedGenerator(n)` have the same key.

    Args:
        seed: int, `keras.random.SeedGenerator`, int tensor of shape (2,), or None.

    Returns:
        Pair of int32 scalars, tensors or Python integers.

    Raises:
        ValueError: if `seed` is something else, or None while JAX is tracing.
    """
    if isinstance(seed, (int, np.integer)):
        return threefry.as_int32(int(seed)), threefry.as_int32(int(seed) >> 32)
    state = seed if ops.is_tensor(seed) else find(DRAW_SEED)(seed)
    # States are uint32 on JAX, int64 on TensorFlow, int32 on torch: the low 32 bits agree.
    state = ops.cast(state, "int32")
    return state[0], state[1]


def _random_bits(seed, shape):
    return threefry.random_bits(key_from_seed(seed), shape)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Like `keras.random.uniform`: floats in [minval, maxval), exact on every backend."""
    draws = threefry.standard_uniform(_random_bits(seed, shape))
    return _scale_and_shift(draws, maxval - minval, minval, dtype)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Like `keras.random.normal`: floats within 6.2 `stddev` of `mean`, exact on every backend."""
    draws = threefry.standard_normal(_random_bits(seed, shape))
    return _scale_and_shift(draws, stddev, mean, dtype)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Like `keras.random.truncated_normal`: floats within 2 `stddev` of `mean`, exact on every backend."""
    draws = threefry.standard_truncated_normal(_random_bits(seed, shape))
    return _scale_and_shift(draws, stddev, mean, dtype)


def _scale_and_shift(draws, scale, shift, dtype):
    scaled = draws * ops.cast(scale, "float32")
    # Clipping changes no value. It stands between the product and the sum because XLA
    # would fuse the two, with one rounding instead of two, and only when compiled.
    scaled = ops.clip(scaled, -FLOAT32_MAX, FLOAT32_MAX)
    return ops.cast(scaled + ops.cast(shift, "float32"), dtype or keras.config.floatx())


def randint(shape, minval, maxval, dtype="int32", seed=None):
    """Like `keras.random.randint`: integers in [minval, maxval), exact on every backend.

    A value's probability is off by a share of at most (maxval - minval) / 2**31.

    Raises:
        ValueError: if the bounds are Python integers that leave nothing to draw, or too much for int32.
    """
    if isinstance(minval, int) and isinstance(maxval, int):
        _check_bounds(minval, maxval)
    minval, maxval = (ops.cast(bound, "int32") for bound in (minval, maxval))
    words = threefry.shift_right_logical(_random_bits(seed, shape), 1)
    return ops.cast(ops.mod(words, maxval - minval) + minval, dtype)


def _check_bounds(minval, maxval):
    if not -(2**31) <= minval < maxval < 2**31 or maxval - minval >= 2**31:
        raise ValueError(
            "`minval` must be below `maxval`, both and their difference within int32. "
            f"Received: minval={minval}, maxval={maxval}"
        )


def dropout(inputs, rate, noise_shape=None, seed=None):
    """Like `keras.random.dropout`; the mask is exact on every backend and equals JAX's bernoulli draw."""
    inputs = ops.convert_to_tensor(inputs)
    if rate == 1.0:
        return ops.zeros_like(inputs)
    if rate == 0.0:
        return inputs
    shape = ops.shape(inputs)
    if noise_shape is not None:
        shape = tuple(own if asked is None else asked for own, asked in zip(shape, noise_shape, strict=True))
    is_kept = threefry.is_uniform_below(_random_bits(seed, shape), 1.0 - rate)
    scaled = inputs * ops.cast(1.0 / (1.0 - rate), inputs.dtype)
    return ops.where(is_kept, scaled, ops.zeros_like(inputs))


def shuffle(x, axis=0, seed=None):
    """Like `keras.random.shuffle` as documented: whole slices change places along `axis`."""
    x = ops.convert_to_tensor(x)
    sort_keys = _random_bits(seed, (ops.shape(x)[axis],))
    # Sorting is stable on every backend, so that even equal keys give the same order.
    return ops.take(x, ops.argsort(sort_keys), axis=axis)


def categorical(logits, num_samples, dtype="int32", seed=None):
    """Like `keras.random.categorical`, by the largest of logits plus Gumbel noise.

    Logarithms differ between backends by a unit in the last place, so that two
    classes within 1e-6 of each other may change places.
    """
    logits = ops.cast(logits, "float32")
    batch, classes = ops.shape(logits)
    draws = threefry.open_uniform(_random_bits(seed, (batch, num_samples, classes)))
    gumbel = -ops.log(-ops.log(draws))
    return ops.cast(ops.argmax(ops.expand_dims(logits, axis=1) + gumbel, axis=-1), dtype)


def gamma(shape, alpha, dtype=None, seed=None):
    """Like `keras.random.gamma`, equal up to rounding; no gradient flows to `alpha`."""
    draws = _standard_gamma(key_from_seed(seed), shape, alpha)
    return ops.cast(draws, dtype or keras.config.floatx())


def beta(shape, alpha, beta, dtype=None, seed=None):
    """Like `keras.random.beta`, equal up to rounding; no gradient flows to `alpha` and `beta`."""
    key = key_from_seed(seed)
    first = _standard_gamma(key, shape, alpha)
    second = _standard_gamma(key, shape, beta, first_stream=GAMMA_STREAMS)
    return ops.cast(first / (first + second), dtype or keras.config.floatx())


def _standard_gamma(key, shape, alpha, first_stream=0):
    """Gamma numbers of scale 1, float32, by rejection with a fixed number of tries.

    Source: Marsaglia and Tsang (2000), A simple method for generating gamma
    variables, sections 2 and 6 (alpha < 1).
    """
    alpha = ops.broadcast_to(ops.cast(alpha, "float32"), shape)
    is_small = alpha < 1.0
    d = ops.where(is_small, alpha + 1.0, alpha) - 1.0 / 3.0
    c = 1.0 / ops.sqrt(9.0 * d)
    draws, is_done = d, ops.zeros_like(is_small)
    for stream in range(first_stream + 1, first_stream + GAMMA_STREAMS, 2):
        x = threefry.standard_normal(threefry.random_bits(key, shape, stream))
        v = (1.0 + c * x) ** 3
        log_v = ops.log(ops.maximum(v, 1e-30))
        log_u = ops.log(threefry.open_uniform(threefry.random_bits(key, shape, stream + 1)))
        is_accepted = ops.logical_and(v > 0.0, log_u < 0.5 * x * x + d * (1.0 - v + log_v))
        draws = ops.where(ops.logical_and(is_accepted, ops.logical_not(is_done)), d * v, draws)
        is_done = ops.logical_or(is_done, is_accepted)
    boost = threefry.open_uniform(threefry.random_bits(key, shape, first_stream)) ** (1.0 / alpha)
    return ops.stop_gradient(ops.where(is_small, draws * boost, draws))


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    """Like `keras.random.binomial`, exact on every backend; draws max(counts) numbers for each result.

    `counts` must be concrete: numbers or an array, not a value that is being traced.
    """
    trials = int(ops.convert_to_numpy(counts).max())
    draws = threefry.standard_uniform(_random_bits(seed, (*shape, trials)))
    probabilities = ops.broadcast_to(ops.cast(probabilities, "float32"), shape)
    counts = ops.broadcast_to(ops.cast(counts, "int32"), shape)
    is_success = draws < ops.expand_dims(probabilities, axis=-1)
    is_trial = ops.arange(trials, dtype="int32") < ops.expand_dims(counts, axis=-1)
    successes = ops.cast(ops.logical_and(is_success, is_trial), "int32")
    return ops.cast(ops.sum(successes, axis=-1), dtype or keras.config.floatx())
