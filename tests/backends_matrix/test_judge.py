"""The rules, on planted numbers; every rule must be able to say no."""

import numpy as np
import pytest

from backends_matrix.bundle import Bundle, read_bundles
from backends_matrix.distance import distance
from backends_matrix.judge import LEVELS, PORTABLE, PRECISIONS, TRUTH, compare

UNIT = 1e-5  # how far each array moves with its start weights, below


def bundle(backend, precision="float32", device="cpu", **changed):
    arrays = {
        "data/train/0": np.array([1, 2], "uint8"),
        "initial/kernel": np.array([1.0, 2.0], "float32"),
        "forward/0": np.array([[3.0, -1.0]]),
        "loss/loss": np.array(0.5),
        "gradient/kernel": np.array([0.25, -4.0]),
        "log/loss": np.array([0.5, 0.4, 0.3]),
        "weights@1/kernel": np.array([1.1, 2.1]),
        "weights@5/kernel": np.array([1.2, 2.2]),
        "weights@20/kernel": np.array([1.2, 2.2]),
        "weights@epoch/kernel": np.array([1.2, 2.2]),
        "weights@end/kernel": np.array([1.3, 2.3]),
        "weights@end/bias": np.array([0.3]),
        "metric/rmse": np.array(0.1),
        "typical_log/loss": np.array([0.5, 0.4, 0.3]),
        "typical_weights@end/kernel": np.array([1.3, 2.3]),
        "typical_metric/rmse": np.array(0.1),
    }
    about = {
        "recipe": "planted", "preset": "smoke", "backend": backend, "device": device, "precision": precision,
        "environment": {"keras": "3"},
        "ulp": dict.fromkeys([*arrays, "weights@end", "typical_weights@end"], UNIT), "bypasses": [],
    }  # fmt: skip
    about |= {name: value for name, value in changed.items() if name in about}
    return Bundle(
        about, arrays | {n.replace("__", "/").replace("_at_", "@"): v for n, v in changed.items() if n not in about}
    )


def disagreements(*bundles):
    return [finding for finding in compare(list(bundles)) if not finding.agrees]


def test_equal_bundles_agree_at_every_level():
    pair = [bundle(name, precision) for name in ("jax", "torch") for precision in PRECISIONS]
    findings = compare(pair)
    assert {finding.level for finding in findings} == {level.name for level in LEVELS}
    assert all(finding.agrees and finding.measured == 0 for finding in findings)


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("initial__kernel", np.array([1.0, np.nextafter(np.float32(2), np.float32(3))], "float32"), "initial weights"),
        ("forward__0", np.array([[3.0, -1.0 + 9 * UNIT]]), "float32 forward"),
        ("loss__loss", np.array(0.5 + 9 * UNIT), "float32 loss"),
        ("gradient__kernel", np.array([0.25, -4.0 - 9 * UNIT]), "float32 gradient"),
        ("weights_at_1__kernel", np.array([1.1 + 9 * UNIT, 2.1]), "float32 5 steps"),
        ("weights_at_5__kernel", np.array([1.2, 2.2 + 9 * UNIT]), "float32 5 steps"),
        ("typical_log__loss", np.array([0.5, 0.4, 0.3 + 9 * UNIT]), "float32 trained"),
        ("typical_weights_at_end__kernel", np.array([1.3 + 9 * UNIT, 2.3]), "float32 trained"),
        ("typical_metric__rmse", np.array(0.1 + 9 * UNIT), "float32 metric"),
    ],
)
def test_a_difference_beyond_the_limit_is_found_where_it_is(name, value, level):
    found = disagreements(bundle("jax"), bundle("torch", **{name: value}))
    assert [(finding.level, finding.pair) for finding in found] == [(level, ("jax", "torch"))]
    assert name.replace("_at_", "@").split("__")[0] in found[0].note


@pytest.mark.parametrize("units", [0.5, 7.9])
def test_a_difference_within_the_limit_is_rounding(units):
    assert not disagreements(bundle("jax"), bundle("torch", forward__0=np.array([[3.0, -1.0 + units * UNIT]])))


def test_the_unit_is_the_median_over_the_backends():
    wild = bundle("torch", forward__0=np.array([[3.0, -1.0 + 20 * UNIT]]))
    wild.about["ulp"]["forward/0"] = 1.0  # a faulty backend does not excuse itself
    assert disagreements(bundle("jax"), wild)
    found = disagreements(bundle("jax"), bundle("tensorflow"), wild)
    assert [finding.pair for finding in found] == [("jax", "torch"), ("tensorflow", "torch")]


def test_the_unit_is_at_least_four_rounding_errors():
    one, other = (bundle(name, forward__0=np.array([[3.0, -1.0 + x]])) for name, x in (("jax", 0), ("torch", 9e-6)))
    for each in (one, other):
        each.about["ulp"]["forward/0"] = 0.0
    (found,) = [finding for finding in compare([one, other]) if finding.name == "forward/0"]
    assert type(found.measured) is float  # for JSON
    assert found.measured == pytest.approx(9e-6 / (4 * 2**-23 * 3.0), rel=1e-4)


@pytest.mark.parametrize(("relative", "agrees"), [(0.5e-9, True), (2e-9, False), (1e-2, False)])
def test_float64_is_judged_by_the_largest_entry(relative, agrees):
    changed = bundle("torch", "float64", gradient__kernel=np.array([0.25 + 4.0 * relative, -4.0]))
    found = disagreements(bundle("jax", "float64"), changed)
    assert [finding.level for finding in found] == ([] if agrees else ["float64 gradient"])


def test_other_data_other_shapes_and_missing_arrays_are_found():
    other_data = bundle("torch", data__train__0=np.array([1, 3], "uint8"))
    assert [finding.level for finding in disagreements(bundle("jax"), other_data)] == ["data"]
    assert disagreements(bundle("jax"), bundle("torch", initial__kernel=np.ones(3, "float32")))[0].measured == np.inf
    more = disagreements(bundle("jax"), bundle("torch", gradient__bias=np.ones(3)))
    assert [(finding.name, finding.note) for finding in more] == [("gradient/bias", "not both of them have it")]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found(value):
    changed = [bundle(name, gradient__kernel=np.array([value, -4.0])) for name in ("jax", "torch")]
    for pair in ((bundle("tensorflow"), changed[0]), changed):  # on both sides it is no agreement either
        (found,) = disagreements(*pair)
        assert (found.level, found.measured) == ("float32 gradient", np.inf)


def test_what_is_missing_on_both_sides_is_found():
    pair = [bundle(name) for name in ("jax", "torch")]
    for each in pair:
        del each.arrays["typical_metric/rmse"], each.arrays["data/train/0"], each.arrays["weights@5/kernel"]
        del each.arrays["typical_log/loss"]
    found = disagreements(*pair)
    assert [(finding.level, finding.name) for finding in found] == [
        ("data", "data"), ("float32 5 steps", "weights@5"), ("float32 trained", "typical_log"),
        ("float32 metric", "typical_metric"),
    ]  # fmt: skip


def test_the_spread_of_a_typical_run_is_the_larger_one_of_the_pair():
    far, third = bundle("torch", typical_metric__rmse=np.array(0.1 + 20 * UNIT)), bundle("tensorflow")
    far.about["ulp"]["typical_metric/rmse"] = 3 * UNIT
    assert not disagreements(bundle("jax"), far)
    far.about["ulp"]["typical_metric/rmse"], third.about["ulp"]["typical_metric/rmse"] = UNIT, 3 * UNIT
    assert [found.pair for found in disagreements(bundle("jax"), far, third)] == [("jax", "torch")]


def low_precision(errors, name="gradient__kernel", start=(0.25, -4.0)):
    """Bundles of several backends whose bfloat16 runs are so far from their float64 ones, in the first element."""
    found = []
    for backend, error in zip(("jax", "tensorflow", "torch"), errors, strict=False):
        changed = bundle(backend, "bfloat16", **{name: np.array([start[0] + error, start[1]], "float32")})
        found += [bundle(backend), bundle(backend, "float64"), changed]
    return found


@pytest.mark.parametrize(
    ("errors", "off"),
    [
        ((0.1, 0.1, 0.39), []),
        ((0.1, 0.1, 0.42), ["torch"]),
        ((0.1, 0.42, 0.42), []),  # the median backend is as far
        ((0.1, 0.42), ["tensorflow"]),  # of two the nearer one counts
        ((0.0, 0.0, 0.12), []),  # 4 * 2**-7 of the norm, 4.0
        ((0.0, 0.0, 0.13), ["torch"]),
        ((0.1, 0.1, np.nan), ["torch"]),
        ((np.nan, np.nan, 0.1), ["jax", "tensorflow"]),
    ],
)
def test_bfloat16_is_judged_by_the_median_distance_to_float64(errors, off):
    found = disagreements(*low_precision(errors))
    assert [(finding.level, finding.pair) for finding in found] == [
        ("bfloat16 gradient", (name, TRUTH)) for name in off
    ]
    assert all(finding.note.startswith("gradient/kernel[0] ") for finding in found)


def test_weights_in_bfloat16_are_judged_by_what_training_changed():
    change = np.sqrt(0.2**2 + 0.2**2)  # from `initial` to `weights@5`
    for error, agrees in ((3.9 / 128, True), (4.1 / 128, False)):
        found = disagreements(*low_precision((0.0, 0.0, error * change), "weights_at_5__kernel", (1.2, 2.2)))
        assert [finding.level for finding in found] == ([] if agrees else ["bfloat16 5 steps"])


def test_bfloat16_without_its_float64_run_or_with_missing_arrays_is_found():
    bundles = low_precision((0.0, 0.0, 0.0))
    (found, *_) = disagreements(
        *(each for each in bundles if each.label != "torch" or each.about["precision"] != "float64")
    )
    assert (found.level, found.pair, found.note) == ("bfloat16 forward", ("torch", TRUTH), "no such run")
    del bundles[-1].arrays["gradient/kernel"]
    assert [(found.name, found.measured) for found in disagreements(*bundles)] == [("gradient/kernel", np.inf)]


def test_native_draws_are_named():
    pair = bundle("jax"), bundle("torch", bypasses=[["jax.random.normal", "recipes/y.py:12"]])
    (found,) = disagreements(*pair)
    assert (found.level, found.name, found.pair) == ("random numbers", "jax.random.normal", ("torch", PORTABLE))
    assert found.note == "recipes/y.py:12"


def test_what_is_exact_on_a_cpu_is_exact_on_a_gpu():
    other = np.array([1.0, np.nextafter(np.float32(2), np.float32(3))], "float32")
    (found,) = disagreements(bundle("jax"), bundle("jax", device="NVIDIA H200", initial__kernel=other))
    assert (found.level, found.pair) == ("initial weights", ("jax", "jax (NVIDIA H200)"))


def test_distance_names_the_worst_element():
    one, other = np.zeros((2, 3)), np.zeros((2, 3))
    other[1, 2], other[0, 1] = -0.5, 0.25
    found = distance("x", one, other)
    assert (found.size, found.element, found.values) == (0.5, (1, 2), (0.0, -0.5))
    assert distance("x", np.zeros((0, 2)), np.zeros((0, 2))).size == 0


def test_bundles_come_back_from_files(tmp_path):
    written = [bundle("jax"), bundle("torch", device="NVIDIA H100/80"), bundle("jax", "float64")]
    paths = {each.write(tmp_path) for each in written}
    assert len(paths) == 3
    again = {(each.label, each.about["precision"]): each for each in read_bundles(tmp_path)}
    assert set(again) == {("jax", "float32"), ("torch (NVIDIA H100/80)", "float32"), ("jax", "float64")}
    for each in written:
        back = again[each.label, each.about["precision"]]
        assert back.about == each.about
        assert set(back.arrays) == set(each.arrays)
        for name, array in each.arrays.items():
            assert back.arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(back.arrays[name], array)
