"""Random numbers that are the same bits on every Keras backend.

Threefry-2x32 with 20 rounds, a counter-based generator: number i of a stream is
a pure function of the key and of i, so that nothing has to be shared between
backends but the key. Written in `keras.ops` on int32 tensors, because int32 is
the one integer type in which all backends wrap around and shift alike (torch
turns uint32 into int64, JAX turns int64 into int32), it runs eagerly, under
`jax.jit` and inside `tf.function`, and gives the bits of `jax.random.bits`.

Source: Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy
as 1, 2, 3, section 4.2 (Threefry) and table 2 (rounds that pass BigCrush).
"""

import functools
import math
from statistics import NormalDist

import numpy as np
from keras import ops

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))  # bits, in turns of four rounds
ROUNDS = 20
KEY_PARITY = 0x1BD11BDA  # keeps an all-zero key from giving an all-zero key schedule
UNIFORM_BITS = 23  # what JAX uses; a float32 holds k / 2**23 and (k + 0.5) / 2**23 exactly
TABLE_BITS = 16


def as_int32(word):
    """Give the int32 with the same 32 bits as a Python integer.

    Args:
        word: int of any size; its low 32 bits count.

    Returns:
        int in [-2**31, 2**31).
    """
    return (word & 0xFFFFFFFF ^ 0x80000000) - 0x80000000


def shift_right_logical(bits, count):
    """Shift int32 words right and fill with zeros.

    Args:
        bits: int32 tensor of any shape.
        count: int in [1, 31].

    Returns:
        int32 tensor of the same shape, values in [0, 2**(32 - count)).
    """
    # On signed integers every backend shifts copies of the sign in.
    return ops.bitwise_and(ops.right_shift(bits, count), (1 << (32 - count)) - 1)


def _rotate_left(bits, count):
    return ops.bitwise_or(ops.left_shift(bits, count), shift_right_logical(bits, 32 - count))


def threefry2x32(key, counter):
    """Encrypt a counter under a key: Threefry-2x32 with 20 rounds.

    Args:
        key: pair of int32 tensors.
        counter: pair of int32 tensors (or Python integers), of shapes that broadcast with the key's.

    Returns:
        Pair of int32 tensors of the broadcast shape.
    """
    parity = ops.bitwise_xor(ops.bitwise_xor(key[0], key[1]), KEY_PARITY)
    schedule = (key[0], key[1], parity)
    left = counter[0] + schedule[0]
    right = counter[1] + schedule[1]
    for turn in range(ROUNDS // 4):
        for rotation in ROTATIONS[turn % 2]:
            left = left + right
            right = ops.bitwise_xor(_rotate_left(right, rotation), left)
        left = left + schedule[(turn + 1) % 3]
        right = right + schedule[(turn + 2) % 3] + (turn + 1)
    return left, right


def random_bits(key, shape, stream=0):
    """Random 32-bit words; stream 0 equals `jax.random.bits(key, shape)`.

    Args:
        key: pair of int32 scalars (tensors or Python integers).
        shape: tuple of dimensions, together less than 2**31; inside `tf.function` they may be tensors.
        stream: int in [0, 2**31); streams of one key are independent of one another.

    Returns:
        int32 tensor of shape `shape`, all 32 bits random.
    """
    key = tuple(ops.cast(word, "int32") for word in key)
    position = ops.arange(math.prod(shape), dtype="int32")
    left, right = threefry2x32(key, (stream, position))
    return ops.reshape(ops.bitwise_xor(left, right), shape)


def standard_uniform(bits):
    """Turn words into uniform numbers k / 2**23, as `jax.random.uniform` does.

    Args:
        bits: int32 tensor of any shape, from `random_bits`.

    Returns:
        float32 tensor of the same shape, values in [0, 1), 0 included.
    """
    return ops.cast(_top_23_bits(bits), "float32") * 2.0**-UNIFORM_BITS


def open_uniform(bits):
    """Turn words into uniform numbers (k + 0.5) / 2**23, whose logarithms are finite and not 0.

    Args:
        bits: int32 tensor of any shape, from `random_bits`.

    Returns:
        float32 tensor of the same shape, values in [2**-24, 1 - 2**-24].
    """
    return (ops.cast(_top_23_bits(bits), "float32") + 0.5) * 2.0**-UNIFORM_BITS


def is_uniform_below(bits, probability):
    """Tell where the uniform number of a word is below a probability, as `jax.random.bernoulli` does.

    Args:
        bits: int32 tensor of any shape, from `random_bits`.
        probability: float in [0, 1].

    Returns:
        bool tensor of the same shape, the same on every backend: integers are compared.
    """
    threshold = math.ceil(float(np.float32(probability)) * 2**UNIFORM_BITS)
    return _top_23_bits(bits) < threshold


def _top_23_bits(bits):
    return shift_right_logical(bits, 32 - UNIFORM_BITS)


def standard_normal(bits):
    """Turn words into normal numbers of mean 0 and variance 1, the same bits on every backend.

    Logarithms and inverse error functions differ between backends, TensorFlow's
    `erfinv` by up to 5 %. So each number is the sum of two entries of a table of
    2**16 normal quantiles of variance 1/2, picked by the two halves of a word: a
    look-up and an addition give the same float32 everywhere.

    Args:
        bits: int32 tensor of any shape, from `random_bits`.

    Returns:
        float32 tensor of the same shape, values in (-6.2, 6.2).
    """
    table = ops.convert_to_tensor(_half_variance_normal_table())
    high = ops.take(table, shift_right_logical(bits, TABLE_BITS), axis=0)
    low = ops.take(table, ops.bitwise_and(bits, (1 << TABLE_BITS) - 1), axis=0)
    return high + low


def standard_truncated_normal(bits):
    """Turn words into normal numbers of scale 1 that are conditioned on lying within two scales.

    Args:
        bits: int32 tensor of any shape, from `random_bits`.

    Returns:
        float32 tensor of the same shape, each one of 2**16 values in (-2, 2); standard deviation 0.8796.
    """
    table = ops.convert_to_tensor(_truncated_normal_table())
    return ops.take(table, shift_right_logical(bits, 32 - TABLE_BITS), axis=0)


def _quantiles(upper_probability):
    """Midpoints of 2**15 equally likely slices between the median and an upper end."""
    count = 1 << (TABLE_BITS - 1)
    width = (upper_probability - 0.5) / count
    return [NormalDist().inv_cdf(0.5 + width * (index + 0.5)) for index in range(count)]


def _mirrored(upper_half):
    upper_half = np.array(upper_half)
    return np.concatenate([-upper_half[::-1], upper_half]).astype("float32")


@functools.cache
def _half_variance_normal_table():
    upper_half = _quantiles(upper_probability=1.0)
    # Midpoints lose a little of the variance in the tails; fsum gives the same sum on every machine.
    variance = math.fsum(quantile**2 for quantile in upper_half) / len(upper_half)
    scale = math.sqrt(0.5 / variance)
    return _mirrored([scale * quantile for quantile in upper_half])


@functools.cache
def _truncated_normal_table():
    return _mirrored(_quantiles(upper_probability=NormalDist().cdf(2.0)))
