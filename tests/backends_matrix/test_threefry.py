import importlib
from statistics import NormalDist

import keras
import numpy as np
import pytest
from keras import ops

from backends_matrix import threefry

only_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="compares with JAX's own generator")

# Counter, key and result: file kat_vectors of Random123, lines "threefry2x32 20".
RANDOM123 = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def words(*integers):
    return tuple(ops.convert_to_tensor(np.array(threefry.as_int32(integer), "int32")) for integer in integers)


def array(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize(("counter", "key", "expected"), RANDOM123)
def test_known_answers_of_random123(counter, key, expected):
    result = threefry.threefry2x32(words(*key), words(*counter))
    assert tuple(int(array(word)) & 0xFFFFFFFF for word in result) == expected


@pytest.mark.parametrize(
    ("word", "expected"), [(0, 0), (2**31 - 1, 2**31 - 1), (2**31, -(2**31)), (2**32 + 5, 5), (-1, -1)]
)
def test_as_int32_keeps_the_low_32_bits(word, expected):
    assert threefry.as_int32(word) == expected


def test_right_shift_fills_with_zeros():
    shifted = threefry.shift_right_logical(ops.convert_to_tensor(np.array([-1, -(2**31), 8], "int32")), 3)
    np.testing.assert_array_equal(array(shifted), [2**29 - 1, 2**28, 1])


@pytest.mark.parametrize(
    ("key", "stream", "expected"),
    [
        ((1234, 0), 0, [1339830527, -2083368787, 182884728, 1067936146]),
        ((1234, 0), 1, [-348219030, 1887750492]),
        ((1234, 7), 0, [274210505, 1550410135]),
    ],
)
def test_bits_are_the_same_on_every_backend(key, stream, expected):
    bits = threefry.random_bits(key, (len(expected),), stream)
    assert keras.backend.standardize_dtype(bits.dtype) == "int32"
    np.testing.assert_array_equal(array(bits), expected)


def test_bits_do_not_depend_on_how_many_or_in_what_shape_they_are_drawn():
    flat = array(threefry.random_bits((3, 4), (4,)))
    np.testing.assert_array_equal(array(threefry.random_bits((3, 4), (2, 1, 2))), flat.reshape(2, 1, 2))
    np.testing.assert_array_equal(array(threefry.random_bits((3, 4), (2,))), flat[:2])
    assert array(threefry.random_bits((3, 4), ())) == flat[0]
    assert array(threefry.random_bits((3, 4), (0, 2))).shape == (0, 2)


def test_uniform_numbers_reach_their_ends_and_no_further():
    ends = ops.convert_to_tensor(np.array([0, -1], "int32"))
    np.testing.assert_array_equal(array(threefry.standard_uniform(ends)), [0.0, 1.0 - 2.0**-23])
    np.testing.assert_array_equal(array(threefry.open_uniform(ends)), [2.0**-24, 1.0 - 2.0**-24])


@pytest.mark.parametrize("probability", [0.0, 2.0**-23, 0.3, 0.9, 1.0])
def test_is_uniform_below_means_what_it_says(probability):
    edge = int(np.float32(probability) * 2**23)
    near_edge = (np.arange(edge - 2, edge + 3).clip(0, 2**23 - 1) << 9).astype("uint32").view("int32")
    bits = ops.concatenate([threefry.random_bits((1, 2), (1000,)), ops.convert_to_tensor(near_edge)])
    expected = array(threefry.standard_uniform(bits)) < np.float32(probability)
    np.testing.assert_array_equal(array(threefry.is_uniform_below(bits, probability)), expected)


def test_normal_numbers_are_sums_of_quantiles_with_variance_one():
    halves = np.arange(2**16)
    mean_low = ops.convert_to_tensor((halves << 16 | 2**15).astype("uint32").view("int32"))
    column = array(threefry.standard_normal(mean_low)).astype("float64")  # every high half, one low half
    assert np.all(np.diff(column) > 0)
    assert np.var(column) == pytest.approx(0.5, abs=1e-6)
    assert column[0] + column[-1] == pytest.approx(2 * column.mean(), abs=1e-6)
    extremes = array(threefry.standard_normal(ops.convert_to_tensor(np.array([0, -1], "int32"))))
    assert extremes[0] == -extremes[1] == pytest.approx(NormalDist().inv_cdf(2.0**-17) * 2**0.5, rel=1e-3)


def test_truncated_normal_numbers_are_midpoints_of_equally_likely_slices():
    bits = ops.convert_to_tensor((np.arange(2**16) << 16).astype("uint32").view("int32"))
    draws = array(threefry.standard_truncated_normal(bits)).astype("float64")
    lower, upper = NormalDist().cdf(-2), NormalDist().cdf(2)
    expected = lower + (upper - lower) * (np.arange(2**16) + 0.5) / 2**16
    np.testing.assert_allclose([NormalDist().cdf(draw) for draw in draws], expected, atol=1e-7)
    assert np.std(draws) == pytest.approx(0.87962566, abs=1e-6)  # what keras.initializers divides by


@only_jax
@pytest.mark.parametrize("key", [(0, 0), (1234, 0), (1234, 56), (2**32 - 1, 3)])
def test_bits_uniform_and_bernoulli_equal_those_of_jax(key):
    jax = importlib.import_module("jax")
    jax_key = jax.numpy.array(key, dtype="uint32")
    bits = threefry.random_bits(tuple(threefry.as_int32(word) for word in key), (50, 20))
    # Types are named, so that the comparison also holds with JAX_ENABLE_X64=1.
    expected = jax.random.bits(jax_key, (50, 20), "uint32"), jax.random.uniform(jax_key, (50, 20), "float32")
    np.testing.assert_array_equal(array(bits), np.asarray(expected[0]).view("int32"))
    np.testing.assert_array_equal(threefry.standard_uniform(bits), expected[1])
    is_below = jax.random.bernoulli(jax_key, np.float32(0.7), (50, 20))
    np.testing.assert_array_equal(threefry.is_uniform_below(bits, 0.7), is_below)
