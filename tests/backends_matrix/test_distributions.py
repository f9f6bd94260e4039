import importlib
import math
from statistics import NormalDist

import keras
import numpy as np
import pytest
from keras import ops

from backends_matrix import distributions

MANY = 100_000
SOME = 20_000
ONES = np.ones(1000, "float32")
LOGITS = np.log(np.array([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]], "float32"))

DRAWS = {
    "uniform": lambda seed: distributions.uniform((MANY,), seed=seed),
    "uniform with bounds": lambda seed: distributions.uniform((MANY,), 0.1, 0.73, seed=seed),
    "normal": lambda seed: distributions.normal((MANY,), seed=seed),
    "normal with mean": lambda seed: distributions.normal((MANY,), 0.3, 0.7, seed=seed),
    "truncated_normal": lambda seed: distributions.truncated_normal((MANY,), 1.0, 0.3, seed=seed),
    "randint": lambda seed: distributions.randint((MANY,), -7, 1000, seed=seed),
    "dropout": lambda seed: distributions.dropout(ONES, 0.3, seed=seed),
    "shuffle": lambda seed: distributions.shuffle(np.arange(1000), seed=seed),
    "categorical": lambda seed: distributions.categorical(LOGITS, SOME, seed=seed),
    "binomial": lambda seed: distributions.binomial((1000,), 20, 0.3, seed=seed),
    "gamma": lambda seed: distributions.gamma((SOME,), 0.4, seed=seed),
    "beta": lambda seed: distributions.beta((SOME,), 0.4, 0.3, seed=seed),
}
ROUNDED = ("gamma", "beta")  # these go through logarithms and powers


def array(tensor):
    return ops.convert_to_numpy(tensor)


def compilers():
    """The ways in which this backend can compile a function, by name."""
    if keras.backend.backend() == "jax":
        return {"jit": importlib.import_module("jax").jit}
    if keras.backend.backend() == "tensorflow":
        function = importlib.import_module("tensorflow").function
        return {"graph": function, "xla": lambda call: function(call, jit_compile=True)}
    return {}


@pytest.mark.parametrize("name", sorted(set(DRAWS) - {"beta"}))  # which is two gammas, and slow to compile
def test_compiled_draws_equal_eager_draws(name):
    tolerance = 1e-5 if name in ROUNDED else 0.0
    expected = array(DRAWS[name](5))
    for compile_function in compilers().values():
        compiled = array(compile_function(lambda: DRAWS[name](5))())
        np.testing.assert_allclose(compiled, expected, rtol=tolerance, atol=0.0)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only torch has a meta device")
def test_draws_work_on_the_meta_device_where_torch_infers_shapes():
    with keras.device("meta"):
        assert {DRAWS[name](5).device.type for name in DRAWS} == {"meta"}


@pytest.mark.parametrize("name", DRAWS)
def test_an_int_a_fresh_generator_and_its_state_are_the_same_seed(name):
    generator = keras.random.SeedGenerator(5)
    state = ops.copy(generator.state.value)
    from_int, from_state, from_generator = (array(DRAWS[name](seed)) for seed in (5, state, generator))
    np.testing.assert_array_equal(from_generator, from_int)
    np.testing.assert_array_equal(from_state, from_int)
    assert not np.array_equal(array(DRAWS[name](generator)), from_int)
    assert not np.array_equal(array(DRAWS[name](6)), from_int)


def test_seeds_of_any_size_are_accepted_and_others_refused():
    draws = [array(distributions.uniform((4,), seed=seed)) for seed in (0, -1, 2**31, 2**32 - 1, 2**32)]
    assert len({tuple(draw) for draw in draws}) == len(draws)
    with pytest.raises(ValueError, match="seed"):
        distributions.uniform((4,), seed="7")


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch keeps seeds as int32")
def test_a_generator_with_a_seed_above_int32_equals_the_int():
    seed = 4_000_000_000
    from_generator = distributions.uniform((4,), seed=keras.random.SeedGenerator(seed))
    np.testing.assert_array_equal(array(from_generator), array(distributions.uniform((4,), seed=seed)))


def truncated_cdf(value):
    lower, upper = NormalDist().cdf(-2), NormalDist().cdf(2)
    return (NormalDist().cdf(value) - lower) / (upper - lower)


@pytest.mark.parametrize(
    ("name", "cdf", "mean", "variance"),
    [
        ("uniform", lambda value: value, 0.5, 1 / 12),
        ("uniform with bounds", lambda value: (value - 0.1) / 0.63, 0.415, 0.63**2 / 12),
        ("normal", NormalDist().cdf, 0.0, 1.0),
        ("normal with mean", NormalDist(0.3, 0.7).cdf, 0.3, 0.49),
        ("truncated_normal", lambda value: truncated_cdf((value - 1.0) / 0.3), 1.0, (0.87962566 * 0.3) ** 2),
    ],
)
def test_draws_follow_their_distribution(name, cdf, mean, variance):
    draws = np.sort(array(DRAWS[name](2024)).astype("float64"))
    assert abs(draws.mean() - mean) < 4 * math.sqrt(variance / MANY)
    assert draws.var() == pytest.approx(variance, rel=4 * math.sqrt(2 / MANY))
    # Kolmogorov-Smirnov: greater by chance in one sample of a thousand.
    rank = np.arange(MANY) / MANY
    distance = np.max(np.abs(np.array([cdf(draw) for draw in draws]) - rank - 0.5 / MANY)) + 0.5 / MANY
    assert distance < 1.95 / math.sqrt(MANY)


@pytest.mark.parametrize("name", ["uniform", "normal"])
def test_streams_and_successive_draws_are_uncorrelated(name):
    generator = keras.random.SeedGenerator(1)
    first, second = array(DRAWS[name](generator)), array(DRAWS[name](generator))
    neighbour = array(DRAWS[name](2))
    pairs = [(first, second), (first, neighbour), (second, neighbour), (first[1:], first[:-1])]
    for one, other in pairs:
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(MANY)


def test_randint_reaches_both_ends_equally_often_and_checks_its_bounds():
    counts = np.bincount(array(distributions.randint((MANY,), 3, 7, seed=1)), minlength=8)
    np.testing.assert_array_equal(counts[[0, 1, 2, 7]], 0)
    np.testing.assert_allclose(counts[3:7], MANY / 4, atol=4 * math.sqrt(MANY * 3 / 16))
    assert keras.backend.standardize_dtype(distributions.randint((2,), 0, 9, dtype="uint8").dtype) == "uint8"
    for minval, maxval in [(3, 3), (4, 3), (0, 2**31), (-(2**31), 1)]:
        with pytest.raises(ValueError, match=f"minval={minval}, maxval={maxval}"):
            distributions.randint((2,), minval, maxval, seed=1)


def test_dropout_scales_what_it_keeps_and_broadcasts_its_noise():
    inputs = np.full((1000, 100), 3.0, "float32")
    dropped = array(distributions.dropout(inputs, 0.25, seed=1))
    np.testing.assert_allclose(np.unique(dropped), [0.0, 4.0])
    assert (dropped == 0.0).mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.1875 / inputs.size))
    rows = array(distributions.dropout(inputs, 0.25, noise_shape=(None, 1), seed=1))
    np.testing.assert_array_equal(rows, np.broadcast_to(rows[:, :1], inputs.shape))
    assert 0 < (rows[:, 0] == 0.0).sum() < 1000
    infinite = array(distributions.dropout(np.full(1000, np.inf, "float32"), 0.5, seed=1))
    assert set(infinite) == {0.0, np.inf}
    np.testing.assert_array_equal(array(distributions.dropout(inputs, 0.0)), inputs)
    np.testing.assert_array_equal(array(distributions.dropout(inputs, 1.0)), 0.0 * inputs)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_shuffle_moves_whole_slices(axis):
    table = np.arange(600).reshape(20, 30)
    shuffled = array(distributions.shuffle(table, axis=axis, seed=1))
    lines, original = (np.moveaxis(values, axis, 0) for values in (shuffled, table))
    assert sorted(map(tuple, lines)) == sorted(map(tuple, original))
    assert not np.array_equal(lines, original)


def test_sorting_is_stable_as_shuffle_needs():
    keys = np.arange(5000, dtype="int32") % 3 - 1
    np.testing.assert_array_equal(array(ops.argsort(keys)), np.argsort(keys, kind="stable"))


def test_every_permutation_of_three_is_equally_likely():
    orders = [tuple(array(distributions.shuffle(np.arange(3), seed=seed)).tolist()) for seed in range(300)]
    counts = np.array([orders.count(order) for order in set(orders)])
    assert len(counts) == 6
    assert ((counts - 50.0) ** 2 / 50.0).sum() < 20.5  # chi-square, one in a thousand


def test_categorical_draws_classes_with_their_probabilities():
    draws = array(distributions.categorical(LOGITS, SOME, seed=1))
    for row, logits in zip(draws, LOGITS, strict=True):
        np.testing.assert_allclose(np.bincount(row) / SOME, np.exp(logits), atol=4 * 0.5 / math.sqrt(SOME))


@pytest.mark.parametrize("alpha", [0.4, 1.0, 3.7])
def test_gamma_has_its_moments(alpha):
    draws = array(distributions.gamma((SOME,), alpha, seed=1)).astype("float64")
    assert draws.min() > 0.0
    assert draws.mean() == pytest.approx(alpha, abs=4 * math.sqrt(alpha / SOME))
    fourth_moment = 3 * alpha**2 + 6 * alpha
    assert draws.var() == pytest.approx(alpha, abs=4 * math.sqrt((fourth_moment - alpha**2) / SOME))


def test_beta_and_binomial_have_their_moments():
    draws = array(distributions.beta((SOME,), 0.4, 0.3, seed=1)).astype("float64")
    variance = 0.12 / (0.49 * 1.7)
    assert draws.mean() == pytest.approx(4 / 7, abs=4 * math.sqrt(variance / SOME))
    assert draws.var() == pytest.approx(variance, rel=0.05)
    counts = array(distributions.binomial((SOME, 2), [20, 3], [0.3, 0.9], seed=1))
    np.testing.assert_allclose(counts.mean(axis=0), [6.0, 2.7], atol=4 * math.sqrt(4.2 / SOME))
    np.testing.assert_allclose(counts.var(axis=0), [4.2, 0.27], rtol=0.1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_other_types_see_the_float32_numbers_rounded(dtype):
    draws = distributions.normal((1000,), 0.3, 0.7, dtype=dtype, seed=1)
    assert keras.backend.standardize_dtype(draws.dtype) == dtype
    expected = ops.cast(distributions.normal((1000,), 0.3, 0.7, dtype="float32", seed=1), dtype)
    np.testing.assert_array_equal(array(ops.cast(draws, "float32")), array(ops.cast(expected, "float32")))
