"""The cases on this process's backend: that they run, and that a fault in one is found."""

import subprocess

import keras
import numpy as np
import pytest
from keras import layers, ops

from backends_matrix.bundle import read_bundles
from backends_matrix.layers_and_ops import __main__ as command
from backends_matrix.layers_and_ops.__main__ import main
from backends_matrix.layers_and_ops.case import layer, op
from backends_matrix.layers_and_ops.rule import compare
from backends_matrix.layers_and_ops.tables import all_cases
from backends_matrix.layers_and_ops.worker import as_bfloat16, run_cases
from backends_matrix.observe import one_ulp_away
from tests.marks import on_one_backend

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Keras' own, for casts of its own
NAMES = (
    "Dense", "Conv2D stride 2", "BatchNormalization", "MultiHeadAttention causal", "LSTM padded", "Dropout",
    "RandomFlip", "Orthogonal of (7, 4)", "Adam optimizer", "Huber", "AUC metric", "take", "softmax far out",
)  # fmt: skip


@pytest.fixture(scope="module")
def arrays():
    (bundle,) = run_cases(all_cases(NAMES), "float32", twins=1)
    assert bundle.about["errors"] == {}
    return bundle


def test_names_are_unique_and_groups_are_covered():
    cases = all_cases()
    assert len({case.name for case in cases}) == len(cases) >= 120
    assert not [case.name for case in cases if "/" in case.name]
    sizes = {case.group: sum(other.group == case.group for other in cases) for case in cases}
    assert len(sizes) == 11
    assert sizes["augmentation"] >= 15


def test_a_case_gives_outputs_and_gradients(arrays):
    shapes = {name: array.shape for name, array in arrays.arrays.items() if name.startswith("Dense/")}
    assert shapes == {
        "Dense/forward/0": (4, 5), "Dense/gradient/input 0": (4, 3), "Dense/gradient/0 kernel": (3, 5),
        "Dense/gradient/1 bias": (5,),
    }  # fmt: skip
    assert {name.split("/")[0] for name in arrays.arrays} == set(NAMES)
    assert [name for name in arrays.arrays if name.startswith("Adam")] == [
        f"Adam optimizer/weights/{i}" for i in range(6)
    ]


def test_it_runs_again_to_the_same_bits(arrays):
    (again,) = run_cases(all_cases(NAMES), "float32", twins=1)
    for name, array in arrays.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name], err_msg=name)
    assert arrays.about["ulp"] == again.about["ulp"]


def test_gradients_are_those_of_the_weighted_sum(arrays):
    cotangent = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    np.testing.assert_allclose(arrays.arrays["Dense/gradient/1 bias"], cotangent.sum(axis=0), rtol=1e-5)


def test_keras_is_as_before(arrays):
    run_cases(all_cases(("Dense",)), "bfloat16")
    assert keras.config.dtype_policy().name == "float32"


def half_inside(x):
    return ops.cast(ops.square(ops.cast(x, "float16")), x.dtype)


FAULTS = {
    "axis": (lambda x: ops.softmax(x, axis=-1), lambda x: ops.softmax(x, axis=0)),
    "sign": (lambda x: ops.exp(-x), ops.exp),
    "half precision inside": (ops.square, half_inside),
    "epsilon": (lambda x: x / (ops.sqrt(ops.mean(x * x)) + 1e-3), lambda x: x / (ops.sqrt(ops.mean(x * x)) + 1.1e-3)),
    "slope": (lambda x: ops.leaky_relu(x, 0.2), lambda x: ops.leaky_relu(x, 0.2001)),
    "gradient only": (ops.square, lambda x: ops.square(ops.stop_gradient(x)) + 2 * (x - ops.stop_gradient(x))),
    "one nan": (ops.sqrt, lambda x: ops.sqrt(ops.abs(x))),
    "raises": (ops.square, lambda x: 1 / 0),
}


def pair(function, other):
    """What two functions give under the name of one case, as two backends."""
    bundles = []
    for label, each in (("jax", function), ("torch", other)):
        case = op("Planted", each, (4, 5), precisions=("float32",))
        (bundle,) = run_cases([case], "float32", twins=3)
        bundle.about["backend"] = label
        bundles.append(bundle)
    return compare(bundles)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_a_clean_pair_raises_none(name):
    right, wrong = FAULTS[name]
    assert [finding for finding in pair(right, wrong) if not finding.agrees]
    assert not [finding for finding in pair(right, right) if not finding.agrees]


def test_a_faulty_layer_is_found_in_its_gradients():
    class Detached(layers.Dense):
        def call(self, inputs):
            return super().call(ops.stop_gradient(inputs))

    bundles = []
    for label, build in (("jax", layers.Dense), ("torch", Detached)):
        (bundle,) = run_cases([layer("Planted", lambda build=build: build(3), (4, 2))], "float32", twins=2)
        bundle.about["backend"] = label
        bundles.append(bundle)
    assert [finding.quantity for finding in compare(bundles) if not finding.agrees] == ["gradient"]


def test_rounding_to_bfloat16_is_that_of_the_backend():
    numbers = np.random.default_rng(0).normal(size=1000).astype("float32")
    numbers[:4] = 1 + 2.0**-8, 1 + 3 * 2.0**-8, np.inf, np.nan
    rounded = ops.convert_to_numpy(ops.cast(ops.cast(numbers, "bfloat16"), "float32"))
    np.testing.assert_array_equal(as_bfloat16(numbers), rounded)
    np.testing.assert_array_equal(as_bfloat16(numbers.astype("float64")), rounded)
    ids = np.array([1, 2], "int32")
    assert as_bfloat16(ids) is ids


def test_numbers_move_by_one_unit_but_not_0():
    start = np.array([0.0, 1.0, -2.0, np.inf], "float32")
    moved = one_ulp_away(start, np.random.default_rng(0))
    assert (moved == start).tolist() == [True, False, False, True]
    np.testing.assert_allclose(moved, start, rtol=2e-7)


@on_one_backend
def test_the_command_leaves_a_bundle_for_each_precision(tmp_path):
    backend = keras.config.backend()
    options = ["--backends", backend, "--folder", str(tmp_path), "--cases", "Dense", "take out*", "--jobs", "3"]
    assert main(["run", *options]) == 0
    bundles = {bundle.about["precision"]: bundle for bundle in read_bundles(tmp_path)}
    assert set(bundles) == {"float32", "bfloat16", "float64", "truth"}
    for precision, bundle in bundles.items():
        assert bundle.arrays["Dense/forward/0"].dtype == ("float64" if precision in ("float64", "truth") else "float32")
    assert set(bundles["float32"].about["seconds"]) == {"Dense", "take out of range"}
    assert bool(bundles["float32"].about["errors"]) == (backend != "jax")  # an id that is out of range
    rounded, exact = (bundles[name].arrays["Dense/forward/0"] for name in ("truth", "float64"))
    assert 0 < np.abs(rounded - exact).max() < 0.1
    assert main(["compare", *options[:4]]) == 2  # one backend is no comparison


def test_a_process_that_fails_stops_the_command(tmp_path, capsys):
    with pytest.raises(subprocess.CalledProcessError):
        main(["run", "--backends", "nothing", "--folder", str(tmp_path)])
    assert "nothing" in capsys.readouterr().out


def test_each_backend_runs_with_its_python_and_starts_anew_where_it_must(tmp_path, monkeypatch):
    ran = []

    def run_module(module, arguments, environment, python):
        precisions = arguments[arguments.index("--precisions") + 1 : arguments.index("--cases")]
        flags = "level=0" in environment["XLA_FLAGS"], "JAX_ENABLE_X64" in environment
        ran.append((precisions, environment["KERAS_BACKEND"], python, *(flags if python == "a" else ())))

    monkeypatch.setattr(command, "run_module", run_module)
    monkeypatch.delenv("JAX_ENABLE_X64", raising=False)
    assert main(["run", "--python", "jax=a", "--python", "torch=b", "--folder", str(tmp_path), "--jobs", "1"]) == 0
    assert ran == [
        (["float32"], "jax", "a", False, False),
        (["float32", "float64", "bfloat16"], "torch", "b"),
        (["float64"], "jax", "a", True, True),
        (["bfloat16"], "jax", "a", True, False),
    ]
