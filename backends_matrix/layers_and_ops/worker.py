"""The process that runs all cases on one backend: `python -m backends_matrix.layers_and_ops.worker --folder F`.

Leaves bundles in the folder. The arrays of a case are named `case/quantity/which`, such as
`Dense/gradient/input 0`. Precisions: float32, bfloat16 (mixed: weights stay float32), float64,
and `truth`: in float64, from the inputs and weights that bfloat16 sees.
"""

import argparse
import contextlib
import functools
import time

import keras
import numpy as np
from keras import ops

from backends_matrix.backends import compiled, with_gradients
from backends_matrix.bundle import Bundle
from backends_matrix.layers_and_ops.rule import apart
from backends_matrix.layers_and_ops.tables import all_cases
from backends_matrix.numbers import TWINS, computing_in
from backends_matrix.observe import one_ulp_away
from backends_matrix.origin import about
from backends_matrix.portable_random import portable_random

PRECISIONS = ("float32", "bfloat16", "float64")


def main(argv=None):
    """Run the cases in each precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, help="where the bundles go")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=["float32"])
    parser.add_argument("--cases", nargs="+", default=["*"], help="names, with * and ? (all)")
    args = parser.parse_args(argv)
    for precision in args.precisions:
        for bundle in run_cases(all_cases(args.cases), precision):
            print(bundle.write(args.folder))


def run_cases(cases, precision, twins=TWINS):
    """Run cases on this process's backend.

    Args:
        cases: List of `Case`.
        precision: String, "float32", "bfloat16" or "float64".
        twins: Integer, how many runs with inputs and weights moved by one unit
            in the last place measure the unit of float32.

    Returns:
        List of `Bundle`; float64 brings the truth along. `about` has `errors`:
        dict from the name of a case, and of the quantity that failed, to the
        error's name and first line.
    """
    found, truth = Results(precision), Results("truth")
    with computing_in(precision):
        runners = []
        for case in [case for case in cases if precision in case.precisions]:
            with found.errors_of(case):
                runners.append(Runner(case, precision))
        with portable_random():  # not above: layers need not draw weights that are replaced
            for runner in runners:
                with found.errors_of(runner.case):
                    arrays = found.add(runner)
                    if precision == "float32" and not runner.case.exact:
                        found.ulp |= farthest(runner, arrays, twins)
                    if precision == "float64" and "bfloat16" in runner.case.precisions:
                        truth.add(runner, {name: as_bfloat16(array) for name, array in runner.floats.items()})
    return [results.bundle(cases) for results in (found, truth) if results is found or precision == "float64"]


class Results:
    """What the cases gave in a precision."""

    def __init__(self, precision):
        self.precision = precision
        self.arrays, self.ulp, self.errors, self.seconds = {}, {}, {}, {}

    @contextlib.contextmanager
    def errors_of(self, case):
        """Note what a backend raises, which is its result, and how long the processor was busy."""
        begin = time.process_time()
        try:
            yield
        except Exception as error:
            self.errors[f"{case.name}/{case.quantity}"] = describe(error)
        self.seconds[case.name] = round(self.seconds.get(case.name, 0.0) + time.process_time() - begin, 3)

    def add(self, runner, floats=None):
        """Run a case and keep what it gives; returns its arrays."""
        arrays = runner.run(floats)
        self.arrays |= arrays
        self.errors |= runner.errors
        return arrays

    def bundle(self, cases):
        """All of it as a `Bundle`."""
        groups = {case.name: {"group": case.group, "exact": case.exact} for case in cases}
        more = {"ulp": self.ulp, "errors": self.errors, "seconds": self.seconds, "cases": groups}
        return Bundle(about("cases", "all", self.precision, **more), self.arrays)


class Runner:
    """A case under a precision, to be run again with other arrays.

    Args:
        case: `Case`.
        precision: String.
    """

    def __init__(self, case, precision):
        self.case, self.precision = case, precision
        self.subject = case.subject()
        self.dtype = "float64" if precision == "float64" else "float32"
        given = {**self.subject.inputs, **self.subject.weights}
        if precision == "bfloat16":
            given = {name: as_bfloat16(array) for name, array in given.items()}
        self.floats = {name: array.astype(self.dtype) for name, array in given.items() if array.dtype.kind == "f"}
        self.others = {name: array for name, array in given.items() if array.dtype.kind != "f"}
        self.errors = {}
        backend = keras.config.backend()
        self.forward = self.outputs
        self.derived = functools.partial(with_gradients, backend, self.scalar_and_outputs)
        if case.compiled:
            self.forward, self.derived = compiled(backend, self.forward), compiled(backend, self.derived)

    def run(self, floats=None):
        """Dict from name to array: outputs, and gradients of their sum, weighted by fixed random numbers."""
        floats = self.floats if floats is None else floats
        self.case.seed()
        tensors, gradients = self.compute(floats)
        arrays = {f"{self.case.quantity}/{i}": ops.convert_to_numpy(tensor) for i, tensor in enumerate(tensors)}
        for (name, array), gradient in zip(floats.items(), gradients, strict=False):
            dense = np.zeros_like(array) if gradient is None else ops.convert_to_numpy(gradient)
            arrays[f"gradient/{name}"] = dense
        return {f"{self.case.name}/{name}": np.array(array) for name, array in arrays.items()}

    def compute(self, floats):
        """Outputs and gradients as two lists of tensors, the latter empty where there are none."""
        if self.case.gradient:
            try:
                return self.derived(list(floats.values()))
            except Exception as error:
                self.errors[f"{self.case.name}/gradient"] = describe(error)
        return self.forward([ops.convert_to_tensor(array) for array in floats.values()]), []

    def outputs(self, floats):
        """List of the tensors that the case computes, those of bfloat16 as float32."""
        tensors = dict(zip(self.floats, floats, strict=True))
        if self.precision == "bfloat16":
            tensors |= {n: ops.cast(t, "bfloat16") for n, t in tensors.items() if n in self.subject.inputs}
        tensors |= {name: ops.convert_to_tensor(array) for name, array in self.others.items()}
        order = {name: tensors[name] for name in (*self.subject.inputs, *self.subject.weights)}
        outputs = [ops.convert_to_tensor(output) for output in keras.tree.flatten(self.subject.function(order))]
        return [ops.cast(t, "float32") if dtype_of(t) == "bfloat16" else t for t in outputs]

    def scalar_and_outputs(self, floats):
        """The sum of all outputs of floats, each entry times a fixed normal number, and the outputs."""
        rng, scalar = np.random.default_rng(0), ops.zeros((), self.dtype)
        outputs = self.outputs(floats)
        for output in outputs:
            if keras.backend.is_float_dtype(output.dtype):
                weights = (
                    rng.normal(size=tuple(int(length) for length in output.shape)).astype("float32").astype(self.dtype)
                )
                scalar += ops.sum(ops.cast(output, self.dtype) * ops.convert_to_tensor(weights))
        return scalar, outputs


def dtype_of(tensor):
    """The name of a tensor's dtype, the same on every backend."""
    return keras.backend.standardize_dtype(tensor.dtype)


def farthest(runner, found, twins):
    """Dict from the name of an array to how far it moves, at most, with inputs and weights."""
    moved = dict.fromkeys(found, 0.0)
    for twin in range(twins):
        rng = np.random.default_rng(twin)
        again = runner.run({name: one_ulp_away(array, rng) for name, array in runner.floats.items()})
        for name, array in found.items():
            size = apart(name, array, again[name]).size
            moved[name] = max(moved[name], size if np.isfinite(size) else 0.0)
    return moved


def as_bfloat16(array):
    """An array of floats rounded to bfloat16, to the nearest and ties to even; others as they are."""
    if array.dtype.kind != "f":
        return array
    single = array.astype("float32")  # which all numbers of the tables are
    bits = single.view("uint32")
    rounded = ((bits + (((bits >> 16) & 1) + 0x7FFF).astype("uint32")) & np.uint32(0xFFFF0000)).view("float32")
    return np.where(np.isfinite(single), rounded, single).astype(array.dtype)


def describe(error):
    """An error as a line: its class, and the start of what it says."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:120]}"


if __name__ == "__main__":
    main()
